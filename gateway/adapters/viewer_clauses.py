"""Which standard a finding cites at a viewer's door: the one its wire form is written in, which is not the mini service's.

Findings of what the doors share are worded for the Interoperability Toolkit and SOAP 1.1; here each door names its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault

_XML = "XML 1.0 (5th edition)"
_PROFILE = "viewer interface"
_SOAP11_BODY = "SOAP 1.1 section 4.3; viewer interface, one element"
_TEXT = {
    Fault.ENCODING: f"{_XML} 4.3.3; gateway limit, UTF-8 only",
    Fault.ENCODING_LABEL: f"{_XML} 4.3.3; gateway limit, UTF-8 only",
    Fault.BYTE_ORDER_MARK: f"{_XML} 4.3.3; gateway limit, UTF-8 only",
}
_SOAP12_PARTS = "SOAP 1.2 part 1 section 5.1"
_SOAP12 = {
    **_TEXT,
    Fault.DOCTYPE: "SOAP 1.2 part 1 section 5; gateway limit",
    Fault.PROCESSING_INSTRUCTION: "SOAP 1.2 part 1 section 5; gateway limit",
    Fault.SOAP_VERSION: "SOAP 1.2 part 1 section 2.8",
    Fault.NOT_SOAP: _SOAP12_PARTS,
    Fault.SOAP_STRUCTURE: _SOAP12_PARTS,
    Fault.BODY_CONTENT: "SOAP 1.2 part 1 section 5.3; viewer interface, one element",
    Fault.MUST_UNDERSTAND: "SOAP 1.2 part 1 section 5.2.3",
    Fault.MESSAGE_ID: f"WS-Addressing 1.0 Core section 3; {_PROFILE}, a UUID",
    Fault.REFERENCE_PROPERTIES: f"{_PROFILE}, wsa:From",
}
_PLAIN = {
    **_TEXT,
    Fault.DOCTYPE: "gateway limit",
    Fault.PROCESSING_INSTRUCTION: "gateway limit",
}
CLAUSES: Mapping[str, Mapping[Fault, str]] = {
    "adastra": _SOAP12,
    "cleo": {**_TEXT, Fault.BODY_CONTENT: _SOAP11_BODY},
    "emis-web": {**_TEXT, Fault.BODY_CONTENT: _SOAP11_BODY, Fault.HEADER_REPEATED: "PSIS queries, SOAP header"},
    "systmone": _PLAIN,
}
"""Door -> finding -> clause. What is not named here is cited as the finding itself cites it."""
_SHARED = {"SOAP 1.1 section 4": _SOAP12_PARTS}
"""Clauses that a finding of several uses brings with it, at the door that speaks SOAP 1.2."""
_BY_SLUG = {door: {fault.slug: clause for fault, clause in table.items()} for door, table in CLAUSES.items()}


def cited(door: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings, each citing the standard of this door."""
    return tuple(_cited(door, one) for one in findings)


def _cited(door: str, one: Finding) -> Finding:
    clause = _BY_SLUG.get(door, {}).get(one.code)
    if clause is None and door == "adastra":
        clause = _SHARED.get(one.clause)
    return one if clause is None else replace(one, clause=clause)
