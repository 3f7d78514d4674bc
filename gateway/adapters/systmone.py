"""The door for SystmOne (community care, hospices, health and justice): plain XML over POST, the ID token in Authorization.

A simulated profile: the product's real interface is not public. Reads and writes only; it decides nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from lxml import etree

from gateway.adapters.records import bearer
from gateway.adapters.rendering.record_xml import add
from gateway.adapters.systmone_problems import problem
from gateway.adapters.viewer_charset import check_charset
from gateway.adapters.viewer_messages import (
    VERSIONS,
    Operation,
    Reading,
    Referred,
    Said,
    read_payload,
    refuse_if,
    version_findings,
    write_payload,
)
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.service.calls import Call, Credentials, MessageRef
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome
from gateway.xml.catalogue import SCR_REQUEST, SCR_RESPONSE, Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import finding
from gateway.xml.header_rules import normalise_uuid, read_time
from gateway.xml.names import SYSTMONE, qname
from gateway.xml.parser import Limits, parse, serialize
from gateway.xml.paths import elements, local_name

MEDIA_TYPE = "application/xml"
PATH = "/viewers/systmone"
LIFETIME = timedelta(minutes=5)
SKEW = timedelta(seconds=60)
FUNCTIONS = {
    "SEARCH": ("Search", Operation.FIND_PATIENT),
    "PERMISSION": ("Permission", Operation.RECORD_PERMISSION),
    "VIEW": ("View", Operation.VIEW_SUMMARY),
}
"""Function code -> the element inside the request, and the operation it is."""
LIMITS = Limits(max_bytes=64 * 1024, max_nodes=1_000)
_CODES = {operation: code for code, (_, operation) in FUNCTIONS.items()}


class SystmOneDoor:
    """POST /viewers/systmone."""

    name = "systmone"
    products = frozenset({"systmone"})
    """The products whose systems may call here (P-84)."""
    media_types = frozenset({MEDIA_TYPE, "text/xml"})
    max_bytes = LIMITS.max_bytes

    def __init__(self, *, catalogue: Catalogue, numbers: NhsNumbers) -> None:
        self._catalogue = catalogue
        self._numbers = numbers

    def read(self, wire: WireRequest) -> Call:
        """Bytes and bearer token -> call. Raises MessageInvalid."""
        check_charset(wire)
        root = parse(wire.body, LIMITS)
        refuse_if(list(first_findings(root)))
        refuse_if(list(self._catalogue.validate(SCR_REQUEST, root)))
        function = root.get("function", "").strip()
        payload = next(elements(root))
        refuse_if([*agreement_findings(payload, function), *time_findings(root, wire.now)])
        reference, created = root.get("requestId", "").strip(), read_time(root.get("created", "").strip())
        message_id = normalise_uuid(reference)
        assert created is not None
        assert message_id is not None
        operation = FUNCTIONS[function][1]
        reading = Reading(operation=operation, reference=reference)
        said = Said(
            credentials=Credentials(token=bearer(wire.headers)),
            message=MessageRef(id=MessageId(message_id), expires=created + LIFETIME + 2 * SKEW),
            reading=reading,
        )
        try:
            return replace(read_payload(operation, payload, said, self._numbers), action=function)
        except MessageInvalid as invalid:
            raise Referred(invalid, reading) from invalid

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """A ScrResponse, valid by its schema. Raises GatewayError (ANSWER_INVALID), InternalError."""
        reading = call.reading
        if not isinstance(reading, Reading) or reading.operation is None or reading.reference is None:
            raise InternalError
        function = _CODES[reading.operation]
        root = etree.Element(qname(SYSTMONE, "ScrResponse"), nsmap={"s1": SYSTMONE})
        root.set("version", VERSIONS[-1])
        root.set("function", function)
        root.set("requestId", reading.reference)
        root.set("correlationId", wire.correlation_id.value)
        result = add(root, f"{FUNCTIONS[function][0]}Result")
        result.extend(list(write_payload(reading.operation, SYSTMONE, outcome, wire.correlation_id)))
        if self._catalogue.validate(SCR_RESPONSE, root):
            raise GatewayError(Code.ANSWER_INVALID)
        return WireResponse(status=200, media_type=f"{MEDIA_TYPE}; charset=utf-8", body=serialize(root))

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A problem document."""
        return problem(wire, error)


def first_findings(root: etree._Element) -> Iterator[Finding]:
    """Version, then function, looked at before the schema: the first things to mend."""
    if local_name(root) != "ScrRequest":
        return
    yield from version_findings(root)
    function = root.get("function")
    if function is not None and function.strip() not in FUNCTIONS:
        expected = "one of: " + ", ".join(FUNCTIONS)
        capitals = function.strip().upper()
        fragment = f'function="{capitals}"' if capitals in FUNCTIONS else ""
        yield finding(Fault.OPERATION_UNKNOWN, root, "function", expected=expected, fragment=fragment)


def agreement_findings(payload: etree._Element, function: str) -> Iterator[Finding]:
    """What is inside goes with the function code."""
    expected = FUNCTIONS[function][0]
    if local_name(payload) != expected:
        yield finding(Fault.DISAGREEMENT, payload, expected=f"s1:{expected} for function {function}")


def time_findings(root: etree._Element, now: datetime) -> Iterator[Finding]:
    """The request was made in the last minutes."""
    clause = "SystmOne door: @created"
    created = read_time(root.get("created", "").strip())
    if created is None:
        yield finding(Fault.TIMESTAMP_FORM, root, "created", clause=clause, expected="YYYY-MM-DDThh:mm:ssZ")
    elif created > now + SKEW:
        yield finding(Fault.TIMESTAMP_FUTURE, root, "created", clause=clause, expected="a time in the past")
    elif created + LIFETIME <= now - SKEW:
        yield finding(
            Fault.TIMESTAMP_EXPIRED, root, "created", clause=clause, expected="a time in the last five minutes"
        )
