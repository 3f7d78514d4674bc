"""A privacy alert as the FHIR R4 AuditEvent that Spine's alert endpoint takes, and as the notification to a privacy officer.

Pure. The notification names the alert and the organisation, never a patient, a user or a reason.
"""

from typing import Any

from gateway.domain.decision import Alert
from gateway.store.chain import instant_text

_FHIR = "https://fhir.nhs.uk"
_TYPES = {"1": "Create LR (Self Claimed)", "2": "Access Alert"}
_REASONS = {
    "1": "Access made in the public interest",
    "2": "Access required by statute",
    "3": "Access required by Court Order",
    "4": "Self-Claim Emergency Access",
    "5": "Access made in an emergency",
    "6": "Other",
}


def _agent(system: str, value: str, **more: Any) -> dict[str, Any]:
    return {**more, "who": {"identifier": {"system": f"{_FHIR}/Id/{system}", "value": value}}, "requestor": False}


def alert_event(alert: Alert) -> dict[str, Any]:
    """The AuditEvent: id, one NotificationMessage, type, one subtype, three agents, source and one entity (MSCA-SCR-103..105).

    Of an alert that a calling system posted, its own message and time of the access.
    """
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": alert.id,
        "extension": [
            {
                "url": f"{_FHIR}/StructureDefinition/Extension-SCR-NotificationMessage",
                "valueString": _message(alert),
            }
        ],
        "type": {
            "system": f"{_FHIR}/CodeSystem/SCR-AlertType",
            "code": alert.type.value,
            "display": _TYPES[alert.type.value],
        },
        "subtype": [
            {
                "system": f"{_FHIR}/CodeSystem/SCR-AlertReason",
                "code": alert.reason.value,
                "display": _REASONS[alert.reason.value],
            }
        ],
        "recorded": instant_text(alert.sent.recorded if alert.sent else alert.at),
        "agent": [
            _agent("nhs-number", alert.patient.value),
            _agent("ods-organization-code", alert.organisation.value),
            _agent(
                "sds-user-id",
                alert.user.value,
                role=[{"text": alert.role_code or alert.role or "not stated"}],
                name=alert.user_name,
            ),
        ],
        "source": {"observer": {"identifier": {"system": f"{_FHIR}/Id/nhsSpineASID", "value": alert.asid}}},
        "entity": [{"what": {"identifier": {"value": alert.document_id or alert.audit_id}}}],
    }
    if not alert.user_name:
        del event["agent"][2]["name"]
    if alert.note:
        event["outcomeDesc"] = alert.note
    if alert.sent is not None and alert.sent.action is not None:
        event["action"] = alert.sent.action
    return event


def _message(alert: Alert) -> str:
    """What a system said that posted it; else the alert's type and reason in words."""
    if alert.sent is not None:
        return alert.sent.message
    return f"{_TYPES[alert.type.value]}: {_REASONS[alert.reason.value]}"


def spine_delivery(alert: Alert) -> dict[str, Any]:
    """What the outbox keeps for Spine: the event, and the values of the headers that go with it."""
    return {
        "event": alert_event(alert),
        "asid": alert.asid,
        "user": alert.user.value,
        "role": alert.role,
        "correlation_id": alert.correlation_id,
        "request_id": alert.id,
    }


def notification(alert: Alert) -> dict[str, Any]:
    """What a privacy officer is told: that there is an alert, and which."""
    return {"alert": alert.id, "organisation": alert.organisation.value}
