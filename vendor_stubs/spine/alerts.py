"""Privacy alerts: what Spine checks of a FHIR AuditEvent before it takes it.

Reads JSON values only; the first broken rule is told, as an OperationOutcome display that quotes nothing of the alert.
"""

import json
from typing import Any

FHIR = "application/fhir+json"
TYPE_SYSTEM = "https://fhir.nhs.uk/CodeSystem/SCR-AlertType"
SUBTYPE_SYSTEM = "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason"
NOTIFICATION = "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage"
PATIENT = "https://fhir.nhs.uk/Id/nhs-number"
ORGANISATION = "https://fhir.nhs.uk/Id/ods-organization-code"
PERSON = "https://fhir.nhs.uk/Id/sds-user-id"
SYSTEM = "https://fhir.nhs.uk/Id/nhsSpineASID"
ALLOWED = {"1": {"1", "2", "3", "4", "6"}, "2": {"1", "2", "3", "5"}}


class AlertRefused(Exception):
    """The alert breaks a rule; the text says which."""


def read_alert(body: bytes, *, content_type: str, asid: str) -> tuple[str, dict[str, Any]]:
    """The id and the kept form of an alert sent as bytes by the system with this ASID. Raises AlertRefused."""
    if content_type != FHIR:
        raise AlertRefused(f"Content-Type is not {FHIR}")
    if len(asid) != 12 or not asid.isdigit():
        raise AlertRefused("nhsd-asid is not an ASID")
    try:
        alert = json.loads(body)
    except ValueError as error:
        raise AlertRefused("body is not JSON") from error
    return check_alert(alert, asid)


def check_alert(alert: Any, asid: str) -> tuple[str, dict[str, Any]]:
    """The alert's id and the alert as kept, the observing system filled in. Raises AlertRefused."""
    if not isinstance(alert, dict) or alert.get("resourceType") != "AuditEvent":
        raise AlertRefused("body is not an AuditEvent")
    alert_id = alert.get("id")
    if not isinstance(alert_id, str) or not alert_id:
        raise AlertRefused("id is missing")
    messages = [row for row in _rows(alert, "extension") if row.get("url") == NOTIFICATION and row.get("valueString")]
    if len(messages) != 1:
        raise AlertRefused("exactly one notification message extension is needed")
    _check_types(alert)
    if not alert.get("recorded"):
        raise AlertRefused("recorded is missing")
    if alert.get("outcomeDesc") == "":
        raise AlertRefused("outcomeDesc is empty")
    _check_agents(_rows(alert, "agent"))
    entities = [row for row in _rows(alert, "entity") if _identifier(row.get("what")).get("value")]
    if len(entities) != 1:
        raise AlertRefused("exactly one entity with an identifier is needed")
    source = alert.get("source") if isinstance(alert.get("source"), dict) else {}
    observer = _identifier((source or {}).get("observer"))
    if observer:
        return alert_id, alert
    return alert_id, alert | {"source": {"observer": {"identifier": {"system": SYSTEM, "value": asid}}}}


def _rows(alert: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = alert.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _identifier(reference: Any) -> dict[str, Any]:
    found = reference.get("identifier") if isinstance(reference, dict) else None
    return found if isinstance(found, dict) else {}


def _check_types(alert: dict[str, Any]) -> None:
    kind = alert.get("type")
    if not isinstance(kind, dict) or kind.get("system") != TYPE_SYSTEM or not kind.get("display"):
        raise AlertRefused("type needs its system and a display")
    if kind.get("code") not in ALLOWED:
        raise AlertRefused("type.code is not 1 or 2")
    reasons = _rows(alert, "subtype")
    if len(reasons) != 1 or reasons[0].get("system") != SUBTYPE_SYSTEM or not reasons[0].get("display"):
        raise AlertRefused("exactly one subtype with its system and a display is needed")
    if reasons[0].get("code") not in {"1", "2", "3", "4", "5", "6"}:
        raise AlertRefused("subtype.code is not 1 to 6")
    if reasons[0]["code"] not in ALLOWED[kind["code"]]:
        raise AlertRefused("type and subtype do not go together")


def _check_agents(agents: list[dict[str, Any]]) -> None:
    for system, what in ((PATIENT, "patient"), (ORGANISATION, "organisation"), (PERSON, "person")):
        named = [agent for agent in agents if _identifier(agent.get("who")).get("system") == system]
        if len(named) != 1 or not _identifier(named[0].get("who")).get("value"):
            raise AlertRefused(f"exactly one agent is the {what}")
        if system == PERSON and not any(row.get("text") or row.get("coding") for row in _rows(named[0], "role")):
            raise AlertRefused("the person needs a role")
    if any(agent.get("requestor") is not False for agent in agents):
        raise AlertRefused("requestor is present and false for every agent")


def outcome(code: str, display: str) -> dict[str, Any]:
    """OperationOutcome as Spine words it: one issue, details.coding with display."""
    coding = {"system": "https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode", "code": code, "display": display}
    issue = {"severity": "error", "code": "value", "details": {"coding": [coding]}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
