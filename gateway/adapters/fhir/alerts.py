"""POST /AuditEvent: a privacy alert written by the calling system -> RecordAlertCall. Pure.

Rules are those of the national API (types 1 and 2, six subtypes, three agents, one entity). It must never take the
sender's word for who acted: the agents named must be the proved caller and its organisation. Nor take a member and
throw it away: what would not be kept is refused (gateway.adapters.fhir.alert_members).
"""

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.adapters.fhir.alert_members import check_members
from gateway.adapters.fhir.datatypes import NHS_NUMBER, ODS_CODE, SCR_UUID, SDS_USER, Json
from gateway.adapters.fhir.requests import invalid, strict_json
from gateway.domain.codes import Code
from gateway.domain.decision import ILLEGAL_ALERTS, AlertReason, AlertType
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.identifiers import Asid, NhsNumber, NhsNumbers, OdsCode, UserId
from gateway.domain.instants import from_iso
from gateway.domain.notes import STRAIGHT, seen, turns
from gateway.service.alerts import ORGANISATION
from gateway.service.calls import PostedAlert
from gateway.service.claims import writable

_FHIR = "https://fhir.nhs.uk"
NOTIFICATION = f"{_FHIR}/StructureDefinition/Extension-SCR-NotificationMessage"
TYPES = f"{_FHIR}/CodeSystem/SCR-AlertType"
REASONS = f"{_FHIR}/CodeSystem/SCR-AlertReason"
ASID = f"{_FHIR}/Id/nhsSpineASID"
SUCCESS = "0"
"""Of http://hl7.org/fhir/ValueSet/audit-event-outcome. An alert is of an access that was made: there is no other."""
ACTIONS = ("C", "R", "U", "D", "E")
"""Of http://hl7.org/fhir/ValueSet/audit-event-action."""
LONGEST_NOTE = 2000
AGENTS = 3
CLOCKS_APART = timedelta(minutes=5)
"""How far a client's clock may be ahead."""
_MOST = 32


def read_alert(body: bytes, numbers: NhsNumbers, asid: Asid, now: datetime) -> PostedAlert:
    """The alert in an AuditEvent sent now by the system with this ASID. Raises MessageInvalid with the place in FHIRPath."""
    event = _event(body)
    check_members(event)
    kind, reason = _kind(event), _reason(event)
    if (kind.value, reason.value) in ILLEGAL_ALERTS:
        sentence = f"Invalid combination of alert type '{kind.value}' and alert subtype '{reason.value}'."
        raise invalid("AuditEvent.subtype", sentence, "", Code.MESSAGE_COMBINATION)
    agents = _rows(event, "agent")
    _check_outcome(event)
    _check_observer(event, asid)
    said: dict[str, Any] = {
        "id": _id(event),
        "type": kind,
        "reason": reason,
        "patient": _patient(_agent(agents, NHS_NUMBER), numbers),
        "organisation": _organisation(_agent(agents, ODS_CODE)),
        "user": _user(_agent(agents, SDS_USER)),
        "subject": _entity(event),
        "recorded": _recorded(event, now),
        "message": _message(event),
        "action": _action(event),
        "note": _note(event),
    }
    if len(agents) != AGENTS:
        raise invalid(
            "AuditEvent.agent", "Expecting exactly three 'agent' entries.", "patient, organisation and person"
        )
    _check_role(agents)
    return PostedAlert(digest=_digest(said), **said)


def _digest(said: dict[str, Any]) -> str:
    """Of what is kept, so that neither the order of the agents nor the way a time is written makes another alert of it."""
    told = [str(getattr(value, "value", value)) for _, value in sorted(said.items()) if value is not None]
    names = [name for name, value in sorted(said.items()) if value is not None]
    return hashlib.sha256(json.dumps([names, told]).encode()).hexdigest()


def placed(error: MessageInvalid) -> MessageInvalid:
    """The same with what the service found in an alert placed where its sender wrote it."""
    named = f"Invalid value in field 'agent.who.identifier.value' of the agent with system '{ODS_CODE}'"
    path = "AuditEvent.agent.who.identifier.value"
    found = [replace(one, sentence=named, path=path) if one.path == ORGANISATION else one for one in error.findings]
    return MessageInvalid(error.code, tuple(found), rules=error.rules)


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


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
"""An instant of R4; it is kept to the microsecond."""
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)


def _text(value: Any) -> str:
    """A string's words; nothing for what is no string, too long, or not to be kept.

    Nor for one with characters that turn the direction of writing: a privacy officer would read other words than were sent.
    """
    if not isinstance(value, str) or len(value) > LONGEST_NOTE or turns(value) or not writable(value):
        return ""
    return value.strip()


def _free(value: Any, path: str, expected: str) -> str:
    """Free text that is kept. Raises MessageInvalid: too long, or not a text that can be seen and kept."""
    if isinstance(value, str) and len(value) > LONGEST_NOTE:
        sentence = f"The value in field '{path}' is too long."
        raise invalid(f"AuditEvent.{path}", sentence, f"at most {LONGEST_NOTE} characters")
    text = _text(value)
    if not seen(text).strip():
        raise _wrong(path, expected)
    return text


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
        raise _wrong(
            "agent.who.identifier.value",
            f"a valid NHS number of this installation's range, of the agent with system {NHS_NUMBER}",
        ) from error


def _organisation(agent: Json) -> OdsCode:
    try:
        return OdsCode(_value(agent))
    except InvalidValue as error:
        raise _wrong("agent.who.identifier.value", f"an ODS code, of the agent with system {ODS_CODE}") from error


def _user(agent: Json) -> UserId:
    try:
        return UserId(_value(agent))
    except InvalidValue as error:
        raise _wrong(
            "agent.who.identifier.value", f"an SDS user id of twelve digits, of the agent with system {SDS_USER}"
        ) from error


def _check_role(agents: list[Json]) -> None:
    roles = _rows(_agent(agents, SDS_USER), "role")
    if not any(_text(role.get("text")) or _rows(role, "coding") for role in roles):
        raise _wrong("agent.role", "a role with a text or a coding for the person")


def _entity(event: Json) -> str:
    identifiers = [_identifier(_object(row, "what")) for row in _rows(event, "entity")]
    value = _text(identifiers[0].get("value")) if len(identifiers) == 1 else ""
    if not value or len(value) > 200:
        raise _wrong("entity.what.identifier.value", "exactly one, such as the id of the record")
    if identifiers[0].get("system", SCR_UUID) != SCR_UUID:
        raise _wrong("entity.what.identifier.system", f"{SCR_UUID}, or none")
    return value


def _note(event: Json) -> str | None:
    if "outcomeDesc" not in event:
        return None
    expected = f"a text that can be seen, of 1 to {LONGEST_NOTE} characters, {STRAIGHT}, or none"
    return _free(event["outcomeDesc"], "outcomeDesc", expected)


def _message(event: Json) -> str:
    rows = _rows(event, "extension")
    if len(rows) != 1 or rows[0].get("url") != NOTIFICATION:
        raise _wrong("extension", f"exactly one, {NOTIFICATION}")
    expected = f"a text that can be seen, of 1 to {LONGEST_NOTE} characters, {STRAIGHT}"
    return _free(rows[0].get("valueString"), "extension.valueString", expected)


def _action(event: Json) -> str | None:
    if "action" in event and event["action"] not in ACTIONS:
        raise _wrong("action", "one of " + ", ".join(ACTIONS) + ", or none")
    return event.get("action")


def _check_outcome(event: Json) -> None:
    """An access that was made: of one that failed there is nothing to alert anybody to, and no place to keep that it did."""
    if "outcome" in event and event["outcome"] != SUCCESS:
        raise _wrong("outcome", f"{SUCCESS}, or none: an alert is of an access that was made")


def _check_observer(event: Json, asid: Asid) -> None:
    """The observer is the sender itself where one is named."""
    if "source" not in event:
        return
    observer = _identifier(_object(_object(event, "source"), "observer"))
    if observer.get("system") != ASID or observer.get("value") != asid.value:
        raise _wrong("source.observer.identifier", f"the calling system's own ASID with system {ASID}, or no source")


def _recorded(event: Json, now: datetime) -> datetime:
    """An instant that has been, as R4 writes one."""
    ahead = int(CLOCKS_APART.total_seconds() // 60)
    expected = f"an instant with seconds and zone, at most {ahead} minutes ahead of this gateway's clock"
    text = _text(event.get("recorded"))
    try:
        recorded = from_iso(text)
    except (InvalidValue, OverflowError) as error:
        raise _wrong("recorded", expected) from error
    if not _INSTANT.fullmatch(text) or recorded > now + CLOCKS_APART:
        raise _wrong("recorded", expected)
    return recorded
