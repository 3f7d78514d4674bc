"""A privacy alert and the audit entry that raises it: each says what the other says, so that neither can change unseen.

Pure. The entry keeps, as a fact, what only the alert would otherwise hold; from the entry alone the alert can be told again.
"""

from dataclasses import replace
from datetime import UTC
from typing import Any

from gateway.domain.decision import Alert, AlertPlan, AlertReason, AlertType, AuditEntry, SentWith
from gateway.domain.instants import from_iso

FACT = "alert"
"""The fact of a raising entry: type, reason, marks and ASID of its alert, and what a system said that posted it.

No other entry has it.
"""


def raising(entry: AuditEntry, plan: AlertPlan, alert_id: str, asid: str) -> tuple[AuditEntry, Alert]:
    """The entry of a view or an attempt, naming the alert it raises, and that alert: to be written together (I4)."""
    said: dict[str, Any] = {
        "type": plan.type.value,
        "reason": plan.reason.value,
        "marks": list(plan.marks),
        "asid": asid,
    }
    if plan.sent is not None:
        said["sent"] = sent_said(plan.sent)
    entry = replace(entry, alert_id=alert_id, facts=(*entry.facts, (FACT, said)))
    alert = raised_by(entry)
    assert alert is not None
    return entry, alert


def raised_by(entry: AuditEntry) -> Alert | None:
    """The alert that this entry raised, new as it was; None where it raised none.

    Raises ValueError, KeyError or TypeError for an entry that the gateway does not write.
    """
    said = dict(entry.facts).get(FACT)
    if said is None:
        return None
    if not isinstance(said, dict) or entry.alert_id is None:
        raise ValueError("not what an entry says of its alert")
    if entry.organisation is None or entry.patient is None or entry.user is None or entry.system is None:
        raise ValueError("an alert names organisation, patient, user and system")
    return Alert(
        id=entry.alert_id,
        at=entry.at,
        type=AlertType(said["type"]),
        reason=AlertReason(said["reason"]),
        marks=tuple(said["marks"]),
        organisation=entry.organisation,
        site=entry.site,
        patient=entry.patient,
        user=entry.user,
        user_name=entry.user_name or "",
        role=entry.role or "",
        role_code=entry.role_code or "",
        system=entry.system,
        asid=str(said["asid"]),
        basis=entry.basis or "",
        relationship=entry.relationship,
        note=entry.note,
        document_id=entry.document_id,
        audit_id=entry.id,
        correlation_id=entry.correlation_id,
        sent=sent_of(said["sent"]) if "sent" in said else None,
    )


def sent_said(sent: SentWith) -> dict[str, str | None]:
    """As entry and alert keep it."""
    moment = sent.recorded.astimezone(UTC).isoformat()
    return {"id": sent.id, "recorded": moment, "message": sent.message, "action": sent.action}


def sent_of(said: dict[str, Any]) -> SentWith:
    """The same read again. Raises ValueError, KeyError or TypeError for what the gateway does not write."""
    action = said["action"]
    return SentWith(
        id=str(said["id"]),
        recorded=from_iso(said["recorded"]),
        message=str(said["message"]),
        action=None if action is None else str(action),
    )
