"""The schema catalogue: every schema compiled once at start, asked for by name.

It reads files of one directory only, never the network, and never a location a message names.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from lxml import etree

from gateway.domain.findings import Finding
from gateway.xml.faults import Fault
from gateway.xml.names import ACCESS_FACTS, ADASTRA, CLEO, CODES, HL7, ITK, NASP, PROBLEM, RECORD, SYSTMONE, XSD, qname
from gateway.xml.paths import local_name, namespace_of
from gateway.xml.schema_findings import Declared, Diagnosis, LogEntry, diagnose, shown
from gateway.xml.schema_order import places_of
from gateway.xml.spoken import qualified

OWN_SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

DISTRIBUTION_ENVELOPE = "distribution-envelope"
TOOLKIT_ERROR = "toolkit-error"
ACCESS_FACTS_BLOCK = "access-facts"
RECORD_TEXT = "record"
REFUSAL = "refusal"
ERROR_LIST = "error-list"
SCR_REQUEST = "systmone:ScrRequest"
SCR_RESPONSE = "systmone:ScrResponse"
PROBLEM_DOCUMENT = "problem"


class SchemaUnusable(ValueError):
    """A schema file is missing or does not compile: a fault of the installation, found at start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaEntry:
    """One message's schema: its file among ours, its file in an official pack, and the root element it is for."""

    own: str
    official: str | None
    root: str
    """`{ns}local`"""
    clause: str
    """How findings name it."""


def _hl7(own: str, pack: str, message_type: str, root: str) -> tuple[str, SchemaEntry]:
    return root, SchemaEntry(
        own=own, official=f"{pack}/Schemas/{message_type}.xsd", root=qname(HL7, root), clause=message_type
    )


VIEWER_MESSAGES = tuple(
    operation + kind
    for operation in ("FindPatient", "RecordPermission", "ViewSummary")
    for kind in ("Request", "Response")
)


PSIS_MESSAGES = (
    "QUPC_IN180000SM04",
    "QUPC_IN180000UK04",
    "QUPC_IN190000UK04",
    "QUPC_IN200000SM04",
    "QUPC_IN200000UK04",
    "QUPC_IN210000UK04",
    "QUQI_IN010000UK14",
)


def _viewer(product: str, namespace: str, local: str) -> tuple[str, SchemaEntry]:
    entry = SchemaEntry(
        own=f"{product}/{product}.xsd",
        official=None,
        root=qname(namespace, local),
        clause=f"schema {product}/{product}.xsd",
    )
    return f"{product}:{local}", entry


ENTRIES: dict[str, SchemaEntry] = {
    DISTRIBUTION_ENVELOPE: SchemaEntry(
        own="itk/distribution-envelope.xsd",
        official="itk/Schemas/distributionEnvelope-v2-0.xsd",
        root=qname(ITK, "DistributionEnvelope"),
        clause="distributionEnvelope-v2-0",
    ),
    TOOLKIT_ERROR: SchemaEntry(
        own="itk/toolkit-messages.xsd",
        official="itk/Schemas/ITKMessageTypes-2010-05.xsd",
        root=qname(ITK, "ToolkitErrorInfo"),
        clause="ITKMessageTypes-2010-05",
    ),
    ACCESS_FACTS_BLOCK: SchemaEntry(
        own="access-facts.xsd", official=None, root=qname(ACCESS_FACTS, "AccessFacts"), clause="access-facts"
    ),
    RECORD_TEXT: SchemaEntry(own="record/record.xsd", official=None, root=qname(RECORD, "Record"), clause="record"),
    **{
        name: SchemaEntry(
            own="systmone/systmone.xsd",
            official=None,
            root=qname(SYSTMONE, name.partition(":")[2]),
            clause="schema systmone/systmone.xsd",
        )
        for name in (SCR_REQUEST, SCR_RESPONSE)
    },
    PROBLEM_DOCUMENT: SchemaEntry(
        own="systmone/problem.xsd", official=None, root=qname(PROBLEM, "problem"), clause="problem"
    ),
    ERROR_LIST: SchemaEntry(
        own="emis-web/faults.xsd", official=None, root=qname(NASP, "errorList"), clause="emis-web faults"
    ),
    **{
        name: SchemaEntry(
            own="emis-web/messages.xsd", official=None, root=qname(HL7, name), clause="schema emis-web/messages.xsd"
        )
        for name in PSIS_MESSAGES
    },
    REFUSAL: SchemaEntry(own="viewer/codes.xsd", official=None, root=qname(CODES, "Refusal"), clause="codes"),
    **dict(
        _viewer(product, namespace, local)
        for product, namespace in (("adastra", ADASTRA), ("cleo", CLEO))
        for local in VIEWER_MESSAGES
    ),
    **dict(
        (
            _hl7("scr/get-scr-status.xsd", "scr-mini-service", "QUPC_MT150001GB01", "GetSCRStatusRequest"),
            _hl7("scr/get-scr-status.xsd", "scr-mini-service", "REPC_MT150001GB01", "GetSCRStatusResponse"),
            _hl7("scr/get-rbac-status.xsd", "scr-mini-service", "QUPC_MT150002GB01", "GetRBACStatusRequest"),
            _hl7("scr/get-rbac-status.xsd", "scr-mini-service", "REPC_MT150002GB01", "GetRBACStatusResponse"),
            _hl7("scr/query-ptv.xsd", "scr-mini-service", "QUPC_MT150003GB01", "QueryPTVRequest"),
            _hl7("scr/query-ptv.xsd", "scr-mini-service", "REPC_MT150007GB01", "QueryPTVResponse"),
            _hl7("scr/create-ptv.xsd", "scr-mini-service", "REPC_MT150008GB01", "CreatePTVRequest"),
            _hl7("scr/create-ptv.xsd", "scr-mini-service", "REPC_MT150009GB01", "CreatePTVResponse"),
            _hl7("scr/query-scr.xsd", "scr-mini-service", "QUPC_MT150004GB01", "QuerySCRRequest"),
            _hl7("scr/query-scr.xsd", "scr-mini-service", "REPC_MT150012GB01", "QuerySCRResponse"),
            _hl7("scr/query-scr-activity.xsd", "scr-mini-service", "QUPC_MT150005GB01", "QuerySCRActivityRequest"),
            _hl7("scr/query-scr-activity.xsd", "scr-mini-service", "REPC_MT150014GB01", "QuerySCRActivityResponse"),
            _hl7("pds/verify-nhs-number.xsd", "itk", "QUPA_MT000001GB01", "verifyNHSNumberRequest-v1-0"),
            _hl7("pds/verify-nhs-number.xsd", "itk", "COMT_MT000013GB01", "verifyNHSNumberResponse-v1-0"),
            _hl7("pds/get-nhs-number.xsd", "itk", "QUPA_MT000002GB01", "getNHSNumberRequest-v1-0"),
            _hl7("pds/get-nhs-number.xsd", "itk", "COMT_MT000014GB01", "getNHSNumberResponse-v1-0"),
            _hl7("pds/get-patient-details.xsd", "itk", "QUPA_MT000003GB01", "getPatientDetailsByNHSNumberRequest-v1-0"),
            _hl7("pds/get-patient-details.xsd", "itk", "QUPA_MT000004GB01", "getPatientDetailsBySearchRequest-v1-0"),
            _hl7("pds/get-patient-details.xsd", "itk", "QUPA_MT000005GB01", "getPatientDetails-v1-0"),
            _hl7("pds/get-patient-details.xsd", "itk", "COMT_MT000016GB01", "getPatientDetailsResponse-v1-0"),
        )
    ),
}
"""Name -> schema. Payloads are named by their root element's local name."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A compiled schema, what it declares, and the lock its error log needs (lxml keeps one log per schema
    object).
    """

    schema: etree.XMLSchema
    known: Declared
    lock: threading.Lock = field(default_factory=threading.Lock)


class Catalogue:
    """Compiled schemas by name. Build with `load`; share one instance."""

    def __init__(self, compiled: dict[str, _Compiled]) -> None:
        self._compiled = compiled

    @classmethod
    def load(cls, directory: Path | None = None) -> "Catalogue":
        """Compile every schema: ours, or those of an official pack in `directory` (with the folders `itk` and
        `scr-mini-service`).

        Where `directory` has no counterpart (the access facts block is this gateway's own), ours is used. Raises
        SchemaUnusable.
        """
        files: dict[Path, _Compiled] = {}
        compiled: dict[str, _Compiled] = {}
        for name, entry in ENTRIES.items():
            own = directory is None or entry.official is None
            path = OWN_SCHEMAS / entry.own if own else (directory or OWN_SCHEMAS) / (entry.official or "")
            if path not in files:
                files[path] = _compile(path)
            compiled[name] = files[path]
        return cls(compiled)

    @property
    def names(self) -> frozenset[str]:
        """Every name `validate` knows."""
        return frozenset(self._compiled)

    def validate(self, name: str, element: etree._Element) -> tuple[Finding, ...]:
        """Check one element against the schema of that name: no findings when it is valid.

        The element's own position counts, so it may stand inside a larger tree. A wrong root element is a single
        finding.
        Raises KeyError for a name that is not in the catalogue.
        """
        return tuple(one.finding(ENTRIES[name].clause) for one in self.diagnose(name, element))

    def diagnose(self, name: str, element: etree._Element) -> list[Diagnosis]:
        """As `validate`, with the nodes the errors are about."""
        entry, compiled = ENTRIES[name], self._compiled[name]
        if element.tag != entry.root:
            return [_wrong_root(element, entry)]
        with compiled.lock:
            if compiled.schema.validate(element):
                return []
            return diagnose(_entries(compiled.schema), element, compiled.known)


def _entries(schema: etree.XMLSchema) -> list[LogEntry]:
    log = cast("Iterable[LogEntry]", schema.error_log)
    return list(log)


def _wrong_root(element: etree._Element, entry: SchemaEntry) -> Diagnosis:
    expected, found = shown(entry.root), qualified(str(element.tag))
    if local_name(element) == entry.root.rpartition("}")[2]:
        fault = Fault.WRONG_NAMESPACE if namespace_of(element) else Fault.NO_NAMESPACE
        return Diagnosis(fault, element, tags=(entry.root,), expected=entry.root, found=found)
    return Diagnosis(Fault.ROOT_ELEMENT, element, expected=expected, found=found)


def _compile(path: Path) -> _Compiled:
    parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
    try:
        tree = etree.parse(str(path), parser)
        return _Compiled(etree.XMLSchema(tree), _declared(path, parser))
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise SchemaUnusable(f"schema {path.name} is missing or does not compile") from error


def _declared(path: Path, parser: etree.XMLParser) -> Declared:
    """What the schema and its includes declare."""
    elements: set[str] = set()
    codes: set[str] = set()
    orders: list[dict[str, int]] = []
    for root in _documents(path, parser, set()):
        elements |= {str(one.get("name")) for one in root.iter(qname(XSD, "element")) if one.get("name")}
        codes |= {str(one.get("value")) for one in root.iter(qname(XSD, "enumeration"))}
        codes |= {str(one.get("fixed")) for one in root.iter("*") if one.get("fixed")}
        orders += [order for one in root.iter(qname(XSD, "sequence")) if len(order := places_of(one)) > 1]
    return Declared(frozenset(elements), frozenset(codes | elements), tuple(orders))


def _documents(path: Path, parser: etree.XMLParser, seen: set[Path]) -> Iterator[etree._Element]:
    """The roots of a schema document and of all it includes, each once."""
    path = path.resolve()
    if path in seen:
        return
    seen.add(path)
    root = etree.parse(str(path), parser).getroot()
    yield root
    for tag in ("include", "import"):
        for reference in root.iter(qname(XSD, tag)):
            if location := reference.get("schemaLocation"):
                yield from _documents(path.parent / location, parser, seen)
