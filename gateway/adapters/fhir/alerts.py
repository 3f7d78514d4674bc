"""POST /AuditEvent: a privacy alert written by the calling system -> RecordAlertCall. Pure.

Rules are those of the national API (types 1 and 2, six subtypes, three agents, one entity). It must never take the
sender's word for who acted: the agents named must be the proved caller and its organisation.
"""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any

from gateway.adapters.fhir.datatypes import NHS_NUMBER, ODS_CODE, SDS_USER, Json
from gateway.adapters.fhir.requests import invalid, strict_json
from gateway.domain.codes import Code
from gateway.domain.decision import ILLEGAL_ALERTS, AlertReason, AlertType
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.identifiers import Asid, NhsNumber, NhsNumbers, OdsCode, UserId
from gateway.domain.instants import from_iso
from gateway.domain.notes import STRAIGHT, seen, turns
from gateway.service.calls import PostedAlert
from gateway.service.claims import writable

_FHIR = "https://fhir.nhs.uk"
NOTIFICATION = f"{_FHIR}/StructureDefinition/Extension-SCR-NotificationMessage"
TYPES = f"{_FHIR}/CodeSystem/SCR-AlertType"
REASONS = f"{_FHIR}/CodeSystem/SCR-AlertReason"
ASID = f"{_FHIR}/Id/nhsSpineASID"
OUTCOMES = ("0", "4", "8", "12")
"""Of http://hl7.org/fhir/ValueSet/audit-event-outcome: success, minor, serious and major failure."""
LONGEST_NOTE = 2000
CLOCKS_APART = timedelta(minutes=5)
"""How far a client's clock may be ahead."""
_MOST = 32


def read_alert(body: bytes, numbers: NhsNumbers, asid: Asid, now: datetime) -> PostedAlert:
    """The alert in an AuditEvent sent now by the system with this ASID. Raises MessageInvalid with the place in FHIRPath."""
    event = _event(body)
    kind, reason = _kind(event), _reason(event)
    if (kind.value, reason.value) in ILLEGAL_ALERTS:
        sentence = f"Invalid combination of alert type '{kind.value}' and alert subtype '{reason.value}'."
        raise invalid("AuditEvent.subtype", sentence, "", Code.MESSAGE_COMBINATION)
    agents = _rows(event, "agent")
    _check_modified(event)
    _check_rest(event, asid, now)
    alert = PostedAlert(
        id=_id(event),
        digest=hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest(),
        type=kind,
        reason=reason,
        patient=_patient(_agent(agents, NHS_NUMBER), numbers),
        organisation=_organisation(_agent(agents, ODS_CODE)),
        user=_user(_agent(agents, SDS_USER)),
        subject=_entity(event),
        note=_note(event),
    )
    _check_role(agents)
    return alert


def _event(body: bytes) -> Json:
    try:
        event = strict_json(body)
    except ValueError as error:
        raise invalid("AuditEvent", "The body is not JSON.", "an AuditEvent", Code.MESSAGE_SCHEMA) from error
    if not isinstance(event, dict) or event.get("resourceType") != "AuditEvent":
        raise invalid("AuditEvent", "The body is not an AuditEvent.", "an AuditEvent", Code.MESSAGE_SCHEMA)
    return event


def _wrong(path: str, expected: str) -> MessageInvalid:
    return invalid(f"AuditEvent.{path}", f"Invalid or missing value in field '{path}'.", expected)


def _rows(parent: Json, name: str) -> list[Json]:
    rows = parent.get(name, [])
    if not isinstance(rows, list) or len(rows) > _MOST or not all(isinstance(row, dict) for row in rows):
        raise _wrong(name, f"a list of at most {_MOST} objects")
    return rows


def _object(parent: Json, name: str) -> Json:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value


def _identifier(reference: Json) -> Json:
    return _object(reference, "identifier")


_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)


def _text(value: Any) -> str:
    """A string's words; nothing for what is no string, too long, or not to be kept.

    Nor for one with characters that turn the direction of writing: a privacy officer would read other words than were sent.
    """
    if not isinstance(value, str) or len(value) > LONGEST_NOTE or turns(value) or not writable(value):
        return ""
    return value.strip()


def _id(event: Json) -> str:
    value = _text(event.get("id"))
    if not _ID.fullmatch(value):
        raise _wrong("id", "an id of 1 to 64 letters, digits, hyphens and points")
    return value


def _kind(event: Json) -> AlertType:
    value = _object(event, "type")
    try:
        kind = AlertType(_text(value.get("code")))
    except ValueError as error:
        sentence = "Invalid or missing value in field 'type.code'. Supported values are: 1, 2"
        raise invalid("AuditEvent.type.code", sentence) from error
    if value.get("system") != TYPES or not _text(value.get("display")):
        raise _wrong("type", f"system {TYPES} and a display")
    return kind


def _reason(event: Json) -> AlertReason:
    rows = _rows(event, "subtype")
    if len(rows) != 1:
        raise _wrong("subtype", "exactly one")
    try:
        reason = AlertReason(_text(rows[0].get("code")))
    except ValueError as error:
        sentence = "Invalid or missing value in field 'subtype.code'. Supported values are: 1, 2, 3, 4, 5, 6"
        raise invalid("AuditEvent.subtype.code", sentence) from error
    if rows[0].get("system") != REASONS or not _text(rows[0].get("display")):
        raise _wrong("subtype", f"system {REASONS} and a display")
    return reason


def _agent(agents: list[Json], system: str) -> Json:
    """The one agent whose identifier is of this system."""
    path = "AuditEvent.agent"
    named = [agent for agent in agents if _identifier(_object(agent, "who")).get("system") == system]
    if len(named) > 1:
        sentence = f"Expecting exactly one 'agent' entry with 'who.identifier.system' '{system}'"
        raise invalid(path, sentence, "one")
    if not named or not _text(_identifier(_object(named[0], "who")).get("value")):
        sentence = f"Missing 'agent' entry with 'who.identifier.system' '{system}' and non-empty 'value'"
        raise invalid(path, sentence, "one")
    if named[0].get("requestor") is not False:
        sentence = f"Missing or unsupported 'requestor' value for 'agent' with 'who.identifier.system' '{system}'"
        raise invalid(path, sentence, "false")
    return named[0]


def _value(agent: Json) -> str:
    return _text(_identifier(_object(agent, "who")).get("value"))


def _patient(agent: Json, numbers: NhsNumbers) -> NhsNumber:
    try:
        return numbers.read(_value(agent))
    except InvalidValue as error:
        raise _wrong("agent.who.identifier.value", "a valid NHS number of this installation's range") from error


def _organisation(agent: Json) -> OdsCode:
    try:
        return OdsCode(_value(agent))
    except InvalidValue as error:
        raise _wrong("agent.who.identifier.value", "an ODS code") from error


def _user(agent: Json) -> UserId:
    try:
        return UserId(_value(agent))
    except InvalidValue as error:
        raise _wrong("agent.who.identifier.value", "an SDS user id of twelve digits") from error


def _check_role(agents: list[Json]) -> None:
    roles = _rows(_agent(agents, SDS_USER), "role")
    if not any(_text(role.get("text")) or _rows(role, "coding") for role in roles):
        raise _wrong("agent.role", "a role with a text or a coding for the person")


def _entity(event: Json) -> str:
    found = [_text(_identifier(_object(row, "what")).get("value")) for row in _rows(event, "entity")]
    values = [value for value in found if value]
    if len(values) != 1 or len(values[0]) > 200:
        raise _wrong("entity.what.identifier.value", "exactly one, such as the id of the record")
    return values[0]


def _note(event: Json) -> str | None:
    if "outcomeDesc" not in event:
        return None
    note = _text(event["outcomeDesc"])
    if not seen(note).strip():
        raise _wrong(
            "outcomeDesc",
            f"a text that can be seen, of 1 to {LONGEST_NOTE} characters, {STRAIGHT}, or none",
        )
    return note


def _check_modified(event: Json) -> None:
    """Nothing changes what the rest means, which nobody would read (R4 extensibility 2.4.0.1), and the outcome is one of R4's."""
    for name in ("implicitRules", "modifierExtension"):
        if name in event:
            raise _wrong(name, "nothing: no rules and no extension that modify are known here")
    for row in (row for name in ("agent", "entity") for row in _rows(event, name)):
        if "modifierExtension" in row:
            raise _wrong("modifierExtension", "nothing: no extension that modifies is known here")
    if "outcome" in event and event["outcome"] not in OUTCOMES:
        raise _wrong("outcome", "one of " + ", ".join(OUTCOMES) + ", or none")


def _check_rest(event: Json, asid: Asid, now: datetime) -> None:
    """The notification message, when it was recorded, and an observer that is the sender itself where one is named."""
    messages = [row for row in _rows(event, "extension") if row.get("url") == NOTIFICATION]
    if len(messages) != 1 or not _text(messages[0].get("valueString")):
        raise _wrong("extension", f"exactly one {NOTIFICATION} with a valueString")
    _check_recorded(event, now)
    observer = _identifier(_object(_object(event, "source"), "observer"))
    if observer and (observer.get("system") != ASID or observer.get("value") != asid.value):
        raise _wrong("source.observer.identifier", "the calling system's own ASID, or none")


def _check_recorded(event: Json, now: datetime) -> None:
    """An instant that has been: the gateway writes its own time, but whoever sends another day is not to be believed."""
    expected = "an instant with its zone, not in the future"
    try:
        recorded = from_iso(_text(event.get("recorded")))
    except (InvalidValue, OverflowError) as error:
        raise _wrong("recorded", expected) from error
    if recorded > now + CLOCKS_APART:
        raise _wrong("recorded", expected)
