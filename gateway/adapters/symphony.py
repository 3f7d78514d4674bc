"""Symphony's door, FHIR R4 in the shape of the national SCR API: DocumentReference, Bundle and AuditEvent.

It translates and nothing else: whether a record may be shown, and the alert a view raises, are decided and written
before its answer is handed out, whether or not the client posts an alert of its own.
"""

import orjson

from gateway.adapters.fhir.alerts import placed, read_alert
from gateway.adapters.fhir.composition import Frame, record_bundle
from gateway.adapters.fhir.datatypes import FHIR_JSON, SCR_UUID, SNOMED, Json, instant_of
from gateway.adapters.fhir.documents import GP_SUMMARY, document_bundle, empty_bundle, search_link
from gateway.adapters.fhir.outcome import operation_outcome
from gateway.adapters.fhir.requests import (
    FORM,
    REQUEST_ID,
    access_facts,
    check_acceptable,
    check_headers,
    check_parameter,
    claims_of,
    credentials_of,
    list_header,
    parameter,
    parameters_of,
    patient_parameter,
    request_id,
    required,
    traced_headers,
    wrong_value,
)
from gateway.adapters.fhir.shelf import unresolved
from gateway.domain.codes import Code, Kind
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.domain.instants import WireTime
from gateway.domain.spine import EventDocument
from gateway.service.calls import Call, RecordAlertCall, StatusCall, ViewCall
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome, Recorded, Status, Viewed
from gateway.service.ports import Ids
from gateway.xml.names import HL7, qname
from gateway.xml.paths import first

PATH = "/fhir/R4"
PATIENT = "composition.subject:Patient.identifier"
DOCUMENT = "composition.identifier"
ROUTES = {
    "/metadata": ("GET", "HEAD"),
    "/DocumentReference": ("GET",),
    "/DocumentReference/_search": ("POST",),
    "/Bundle": ("GET",),
    "/Bundle/_search": ("POST",),
    "/AuditEvent": ("POST",),
}
"""Path under PATH -> methods it answers."""


def answered(status: int, document: Json | None, **headers: str) -> WireResponse:
    """One FHIR answer; an empty body where there is no document."""
    body = b"" if document is None else orjson.dumps(document)
    return WireResponse(status=status, media_type=FHIR_JSON, body=body, headers=headers)


TOKEN_REFUSED = frozenset(
    {Code.CREDENTIALS_INVALID, Code.CREDENTIALS_EXPIRED, Code.CREDENTIALS_AUDIENCE, Code.CREDENTIALS_REPLAYED}
)
"""Codes that say that a token was there and is not taken."""


def challenge(code: Code) -> str:
    """WWW-Authenticate of a 401: with an error only where a token was sent (RFC 6750 section 3.1)."""
    realm = 'Bearer realm="scr-gateway"'
    return f'{realm}, error="invalid_token", error_description="{code.sentence}"' if code in TOKEN_REFUSED else realm


def refused(error: GatewayError, correlation_id: str | None = None, **headers: str) -> WireResponse:
    """Any error as an OperationOutcome."""
    status, document = operation_outcome(error, correlation_id)
    if status == 401:
        headers["WWW-Authenticate"] = challenge(error.code)
    return answered(status, document, **headers)


class FhirDoor:
    """What the three share: who asks, the ids mirrored, errors as OperationOutcome."""

    name = "symphony"
    media_types = frozenset({FORM})
    max_bytes = 16 * 1024

    def __init__(self, *, numbers: NhsNumbers, ids: Ids, address: str) -> None:
        self._numbers = numbers
        self._ids = ids
        self._base = address.rstrip("/") + PATH

    def _answer(self, wire: WireRequest, status: int, document: Json | None, **headers: str) -> WireResponse:
        return answered(status, document, **(self._traced(wire) | headers))

    def _traced(self, wire: WireRequest) -> dict[str, str]:
        return traced_headers(wire.headers) | {REQUEST_ID: request_id(wire, self._ids.new())}

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """An OperationOutcome."""
        return refused(error, wire.correlation_id.value, **self._traced(wire))


class SearchDoor(FhirDoor):
    """A search says what was searched for; where there is no record, it is 200 with total 0 and the stable code in X-SCR-Code."""

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """total 0 for a search that found nothing; else an OperationOutcome."""
        if call is not None and error.code.kind is Kind.NO_RECORD:
            return self._answer(wire, 200, self._linked(empty_bundle(self._ids.new()), call))
        return super().refuse(wire, call, error)

    def _linked(self, bundle: Json, call: Call) -> Json:
        """A searchset that says which search it answers."""
        if isinstance(call, ViewCall):
            return bundle | search_link(self._base, call.patient, call.event_id)
        return bundle | search_link(self._base, call.patient) if isinstance(call, StatusCall) else bundle


class DocumentReferenceDoor(SearchDoor):
    """GET /DocumentReference and POST /DocumentReference/_search: is there a summary, and which is the newest?"""

    known = frozenset({"patient", "type", "_sort", "_count", "_format"})

    def read(self, wire: WireRequest) -> StatusCall:
        """Parameters -> StatusCall. Raises MessageInvalid."""
        check_headers(wire)
        asked = parameters_of(wire, self.known)
        patient = patient_parameter(required(asked, "patient"), "patient", self._numbers)
        check_parameter(asked, "type", frozenset({f"{SNOMED}|{GP_SUMMARY}"}))
        check_parameter(asked, "_sort", frozenset({"date"}))
        count = asked.get("_count")
        check_parameter(asked, "_count", frozenset({"1"}), None if count and count.isdigit() else "count")
        facts = access_facts(wire)
        return StatusCall(
            action="DocumentReference.search",
            credentials=credentials_of(wire, facts),
            claims=claims_of(facts),
            patient=patient,
            first_step=True,
        )

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """Status -> searchset."""
        if not isinstance(call, StatusCall) or not isinstance(outcome, Status):
            raise InternalError
        if outcome.patient is None or outcome.events is None:
            raise InternalError
        bundle = document_bundle(
            self._base,
            self._ids.new(),
            event=outcome.events.events[0],
            consent=outcome.consent,
            current=outcome.patient.nhs_number,
            asked=call.patient,
        )
        return self._answer(wire, 200, self._linked(bundle, call))


class BundleDoor(SearchDoor):
    """GET /Bundle and POST /Bundle/_search: the summary itself."""

    known = frozenset({DOCUMENT, PATIENT, "_format"})

    def read(self, wire: WireRequest) -> ViewCall:
        """Parameters and access facts -> ViewCall. Raises MessageInvalid."""
        check_headers(wire)
        asked = parameters_of(wire, self.known)
        event_id = _event_id(required(asked, DOCUMENT))
        facts = access_facts(wire)
        return ViewCall(
            action="Bundle.search",
            credentials=credentials_of(wire, facts),
            claims=claims_of(facts),
            patient=patient_parameter(required(asked, PATIENT), PATIENT, self._numbers),
            rendered=True,
            event_id=event_id,
        )

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """Viewed -> searchset. Raises GatewayError (ANSWER_INVALID) where a section or a reference would be missing."""
        if not isinstance(outcome, Viewed) or outcome.record is None:
            raise InternalError
        answer_id, moment = _answer_of(outcome.document)
        frame = Frame(
            base=self._base,
            bundle_id=self._ids.new(),
            answer_id=answer_id,
            answered=moment,
            requested=outcome.requested,
        )
        bundle = record_bundle(outcome.record, frame)
        if unresolved(bundle):
            raise GatewayError(Code.ANSWER_INVALID)
        return self._answer(wire, 200, self._linked(bundle, call))


class AuditEventDoor(FhirDoor):
    """POST /AuditEvent: a privacy alert of the client's own, beside the one a view has already raised."""

    media_types = frozenset({FHIR_JSON, "application/json"})
    max_bytes = 64 * 1024

    def read(self, wire: WireRequest) -> RecordAlertCall:
        """AuditEvent -> call. Raises MessageInvalid."""
        assert wire.system is not None
        check_headers(wire)
        check_acceptable(list_header(wire.headers, "Accept"), parameter(wire.query, "_format") or None)
        alert = read_alert(wire.body, self._numbers, wire.system.asid, wire.now)
        credentials = credentials_of(wire)
        if credentials.named_user not in {None, alert.user}:
            raise GatewayError(Code.USER_MISMATCH, rules=("P-07",))
        return RecordAlertCall(action="AuditEvent.create", credentials=credentials, patient=alert.patient, alert=alert)

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """An OperationOutcome; what the service found in the alert has its place in the AuditEvent."""
        return super().refuse(wire, call, placed(error) if isinstance(error, MessageInvalid) else error)

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """201 with an empty body, the first time and every time after."""
        if not isinstance(outcome, Recorded):
            raise InternalError
        return self._answer(wire, 201, None)


def _event_id(text: str) -> str:
    """A document's id, with or without its system. Raises MessageInvalid."""
    system, bar, value = text.rpartition("|")
    if bar and system not in {"", SCR_UUID}:
        raise wrong_value(DOCUMENT, f"a UUID, bare or with system {SCR_UUID}")
    try:
        return MessageId(value.upper()).value
    except InvalidValue as error:
        raise wrong_value(DOCUMENT, "the id that DocumentReference gave: a UUID") from error


def _answer_of(document: EventDocument) -> tuple[str | None, str | None]:
    """Id and creation time of Spine's answer, where they are there."""
    identifier = first(document.answer, qname(HL7, "id")) if document.answer is not None else None
    created = first(document.answer, qname(HL7, "creationTime")) if document.answer is not None else None
    try:
        moment = None if created is None else instant_of(WireTime(created.get("value", "")))
    except InvalidValue:
        moment = None
    return None if identifier is None else identifier.get("root"), moment
