"""Domain values to rows and back. Pure translation: no statement and no connection here."""

import json
from typing import Any

from sqlalchemy import Row

from gateway.domain.access import Scope
from gateway.domain.decision import Alert, AlertReason, AlertType
from gateway.domain.identifiers import Identifier, NhsNumber, OdsCode, RoleProfileId, SystemId, TeamId, UserId
from gateway.domain.permission import (
    HowAsked,
    PermissionAnswer,
    RecordedKind,
    RecordedPermission,
    Relationship,
    RelationshipKind,
)
from gateway.domain.raising import sent_of, sent_said


def _text(identifier: Identifier | None) -> str | None:
    return None if identifier is None else identifier.value


def permission_row(value: RecordedPermission) -> dict[str, Any]:
    """For the table `permission`."""
    return {
        "id": value.id,
        "patient": value.patient.value,
        "organisation": value.organisation.value,
        "answer": value.answer.value,
        "kind": value.kind.value,
        "scope": value.scope.value,
        "user_id": _text(value.user),
        "role_id": _text(value.role),
        "team": _text(value.team),
        "starts": value.start,
        "ends": value.end,
        "how_asked": value.how_asked.value,
        "question_version": value.question_version,
        "recorded_by": _text(value.recorded_by),
        "recorded_role": _text(value.recorded_role),
        "system": value.system.value,
        "consumed": value.consumed,
        "ended": value.ended,
    }


def permission_of(row: Row[Any]) -> RecordedPermission:
    """From a row with the columns of `permission`."""
    return RecordedPermission(
        id=row.id,
        patient=NhsNumber(row.patient),
        organisation=OdsCode(row.organisation),
        answer=PermissionAnswer(row.answer),
        kind=RecordedKind(row.kind),
        scope=Scope(row.scope),
        user=UserId(row.user_id) if row.user_id else None,
        role=RoleProfileId(row.role_id) if row.role_id else None,
        team=TeamId(row.team) if row.team else None,
        start=row.starts,
        end=row.ends,
        how_asked=HowAsked(row.how_asked),
        question_version=row.question_version,
        recorded_by=UserId(row.recorded_by) if row.recorded_by else None,
        recorded_role=RoleProfileId(row.recorded_role) if row.recorded_role else None,
        system=SystemId(row.system),
        consumed=bool(row.consumed),
        ended=row.ended,
    )


def relationship_row(value: Relationship) -> dict[str, Any]:
    """For the table `relationship`."""
    return {
        "id": value.id,
        "patient": value.patient.value,
        "organisation": value.organisation.value,
        "kind": value.kind.value,
        "scope": value.scope.value,
        "user_id": _text(value.user),
        "team": _text(value.team),
        "starts": value.start,
        "ends": value.end,
        "system": value.system.value,
        "ended": value.ended,
    }


def relationship_of(row: Row[Any]) -> Relationship:
    """From a row with the columns of `relationship`."""
    return Relationship(
        id=row.id,
        patient=NhsNumber(row.patient),
        organisation=OdsCode(row.organisation),
        kind=RelationshipKind(row.kind),
        scope=Scope(row.scope),
        user=UserId(row.user_id) if row.user_id else None,
        team=TeamId(row.team) if row.team else None,
        start=row.starts,
        end=row.ends,
        system=SystemId(row.system),
        ended=row.ended,
    )


def alert_row(value: Alert) -> dict[str, Any]:
    """For the table `alert`: a new alert, nobody has acted on it."""
    return {
        "id": value.id,
        "at": value.at,
        "type": value.type.value,
        "reason": value.reason.value,
        "marks": " ".join(value.marks),
        "organisation": value.organisation.value,
        "site": _text(value.site),
        "patient": value.patient.value,
        "user_id": value.user.value,
        "user_name": value.user_name,
        "role": value.role,
        "role_code": value.role_code,
        "system": value.system.value,
        "asid": value.asid,
        "basis": value.basis,
        "relationship": value.relationship,
        "note": value.note,
        "document_id": value.document_id,
        "audit_id": value.audit_id,
        "correlation_id": value.correlation_id,
        "sent": json.dumps(sent_said(value.sent), sort_keys=True) if value.sent is not None else None,
        "state": "new",
        "version": 0,
        "acted": None,
        "acted_by": None,
    }


def alert_of(row: Row[Any]) -> Alert:
    """From a row with the columns of `alert`."""
    return Alert(
        id=row.id,
        at=row.at,
        type=AlertType(row.type),
        reason=AlertReason(row.reason),
        marks=tuple(row.marks.split()),
        organisation=OdsCode(row.organisation),
        site=OdsCode(row.site) if row.site else None,
        patient=NhsNumber(row.patient),
        user=UserId(row.user_id),
        user_name=row.user_name,
        role=row.role,
        role_code=row.role_code,
        system=SystemId(row.system),
        asid=row.asid,
        basis=row.basis,
        relationship=row.relationship,
        note=row.note,
        document_id=row.document_id,
        audit_id=row.audit_id,
        correlation_id=row.correlation_id,
        sent=sent_of(json.loads(row.sent)) if row.sent is not None else None,
    )
