"""Values that store tests write: invented people and places."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.access import Scope
from gateway.domain.decision import Alert, AlertPlan, AlertReason, AlertType, AuditEntry, SentWith
from gateway.domain.identifiers import NhsNumber, OdsCode, RoleProfileId, SystemId, UserId
from gateway.domain.permission import (
    HowAsked,
    PermissionAnswer,
    RecordedKind,
    RecordedPermission,
    Relationship,
    RelationshipKind,
)
from gateway.domain.raising import raising

NOW = datetime(2026, 3, 4, 10, 11, 12, 131415, tzinfo=UTC)
PATIENT = NhsNumber("9990402132")
OTHER = NhsNumber("9990281025")
ORGANISATION = OdsCode("RZZ01")
ELSEWHERE = OdsCode("RZZ02")
USER = UserId("910000000018")
COLLEAGUE = UserId("910000000026")
ROLE = RoleProfileId("920000000017")
SYSTEM = SystemId("adastra-rzz01")


def new_id() -> str:
    """A new UUID, as the gateway makes them."""
    return str(uuid.uuid4()).upper()


def entry(**more: Any) -> AuditEntry:
    """An audit entry of a view."""
    values: dict[str, Any] = {
        "id": new_id(),
        "at": NOW,
        "event": "viewed",
        "door": "mini-service",
        "correlation_id": new_id(),
        "operation": "querySCR",
        "outcome": "record",
        "rules": ("P-01", "P-02"),
        "system": SYSTEM,
        "organisation": ORGANISATION,
        "user": USER,
        "user_name": "Ames, Zoë",
        "role": ROLE.value,
        "patient": PATIENT,
        "facts": (("trained", True), ("activities", ["B0370"]), ("note", None)),
    }
    return AuditEntry(**(values | more))


def alert(**more: Any) -> Alert:
    """An emergency alert."""
    values: dict[str, Any] = {
        "id": new_id(),
        "at": NOW,
        "type": AlertType.ACCESS,
        "reason": AlertReason.EMERGENCY,
        "marks": (),
        "organisation": ORGANISATION,
        "site": None,
        "patient": PATIENT,
        "user": USER,
        "user_name": "Ames, Zoë",
        "role": ROLE.value,
        "role_code": "S8000:G8000:R8001",
        "system": SYSTEM,
        "asid": "200000000012",
        "basis": "emergency_unable_to_ask",
        "relationship": None,
        "note": "Found unconscious at home",
        "document_id": new_id(),
        "audit_id": new_id(),
        "correlation_id": new_id(),
    }
    return Alert(**(values | more))


SENT = SentWith(id="x-1", recorded=NOW - timedelta(days=3), message="Opened at the scene", action="R")
"""What a calling system said in an alert of its own."""


def raised(sent: SentWith | None = None, **more: Any) -> tuple[AuditEntry, Alert]:
    """The entry of an emergency view with the alert it raises, as the service makes them; `sent`: of one that was posted."""
    values: dict[str, Any] = {
        "note": "Found unconscious at home",
        "emergency": True,
        "basis": "emergency_unable_to_ask",
    }
    plan = AlertPlan(AlertType.ACCESS, AlertReason.EMERGENCY, marks=("threshold",), sent=sent)
    return raising(entry(**(values | more)), plan, new_id(), "200000000012")


def permission(**more: Any) -> RecordedPermission:
    """A yes for one view by one user."""
    values: dict[str, Any] = {
        "id": new_id(),
        "patient": PATIENT,
        "organisation": ORGANISATION,
        "answer": PermissionAnswer.YES,
        "kind": RecordedKind.SINGLE,
        "scope": Scope.INDIVIDUAL,
        "user": USER,
        "role": ROLE,
        "team": None,
        "start": NOW,
        "end": NOW + timedelta(hours=12),
        "how_asked": HowAsked.FACE_TO_FACE,
        "question_version": "1",
        "recorded_by": USER,
        "recorded_role": ROLE,
        "system": SYSTEM,
    }
    return RecordedPermission(**(values | more))


def refusal(**more: Any) -> RecordedPermission:
    """A no, for the whole organisation."""
    values: dict[str, Any] = {"answer": PermissionAnswer.NO, "scope": Scope.ORGANISATION, "user": None, "role": None}
    return permission(**(values | more))


def relationship(**more: Any) -> Relationship:
    """A referral to one user."""
    values: dict[str, Any] = {
        "id": new_id(),
        "patient": PATIENT,
        "organisation": ORGANISATION,
        "kind": RelationshipKind.REFERRAL,
        "scope": Scope.INDIVIDUAL,
        "user": USER,
        "team": None,
        "start": NOW,
        "end": NOW + timedelta(days=90),
        "system": SystemId("pas-rzz01"),
    }
    return Relationship(**(values | more))
