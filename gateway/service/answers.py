"""An answer about permission as it is judged and as it goes on record: for whom, until when (P-04, P-20 to P-23). Pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from gateway.domain.access import Organisation, PermissionKind, Role, Scope
from gateway.domain.codes import Code
from gateway.domain.decision import Facts
from gateway.domain.errors import MessageInvalid, PolicyRefused
from gateway.domain.findings import Finding
from gateway.domain.identifiers import TeamId, UserId
from gateway.domain.instants import LONDON, from_iso
from gateway.domain.permission import (
    HowAsked,
    PermissionAnswer,
    PermissionClaim,
    RecordedKind,
    RecordedPermission,
    kept_by,
)
from gateway.service.calls import Context, RecordPermissionCall, ViewCall
from gateway.service.claims import wrong
from gateway.service.identify import Caller
from gateway.service.ports import Ids

SINGLE_LASTS = timedelta(hours=12)
"""A permission for one view is at most this old when used."""


def last_instant(text: str) -> datetime:
    """YYYY-MM-DD -> the last second of that London day; ISO 8601 with a zone -> that instant. Raises MessageInvalid."""
    try:
        if len(text) > 10:
            return from_iso(text)
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), LONDON).astimezone(UTC)
    except ValueError as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error


def _team(role: Role | None) -> TeamId | None:
    return min(role.teams, default=None) if role else None


def reach(scope: Scope, user: UserId, role: Role | None) -> dict[str, object]:
    """user, role and team of a permission of that scope, for one person in one role."""
    if scope is Scope.INDIVIDUAL:
        return {"user": user, "role": role.id if role else None, "team": None}
    if scope is Scope.TEAM:
        team = _team(role)
        if team is None:
            return {"user": user, "role": role.id if role else None, "team": None, "scope": Scope.INDIVIDUAL}
        return {"user": None, "role": None, "team": team}
    return {"user": None, "role": None, "team": None}


def kept_until(organisation: Organisation, now: datetime, until: datetime | None) -> datetime:
    """When a kept permission ends: as asked, at most the organisation's days. Raises PolicyRefused where it keeps none."""
    if organisation.permission.kind is not PermissionKind.EXTENDED:
        raise PolicyRefused(Code.PERMISSION_SCOPE, (("P-20", Code.PERMISSION_SCOPE),))
    return capped(now, until, now + timedelta(days=organisation.permission.days))


def capped(now: datetime, asked: datetime | None, latest: datetime) -> datetime:
    """When a permission ends: as asked, at the latest then. Raises MessageInvalid: asked for the past."""
    if asked is not None and asked < now:
        raise wrong("until", "a day that is not past", ("P-22",))
    return min(asked or latest, latest)


def check_version(version: str | None, organisation: Organisation) -> None:
    """Raises MessageInvalid where a version is named that was never a question of this organisation (P-21)."""
    if version is None or organisation.permission.has_asked(version):
        return
    expected = "a version of this organisation's question, as its registry has or had it"
    finding = Finding(
        code="member", sentence=f"question_version is not {expected}.", path="/question_version", expected=expected
    )
    raise MessageInvalid(Code.MESSAGE_VALUE, (finding,), rules=("P-21",))


def asked_permission(call: ViewCall, caller: Caller, context: Context, ids: Ids) -> RecordedPermission | None:
    """The answer that a view claims was given just now, as it goes on record (P-04); None where none is claimed."""
    claim = call.claims.permission
    organisation, user, role = caller.organisation, caller.user, caller.role
    if claim not in {PermissionClaim.YES, PermissionClaim.EXTENDED, PermissionClaim.PROXY}:
        return None
    if organisation is None or user is None:
        return None
    kind = {PermissionClaim.YES: RecordedKind.SINGLE, PermissionClaim.PROXY: RecordedKind.PROXY}.get(
        claim, RecordedKind.EXTENDED
    )
    scope, end = Scope.INDIVIDUAL, context.now + SINGLE_LASTS
    if kind is RecordedKind.EXTENDED:
        scope = organisation.permission.scope
        until = last_instant(call.claims.until) if call.claims.until else None
        end = kept_until(organisation, context.now, until)
    values: dict[str, object] = {
        "id": ids.new(),
        "patient": call.patient,
        "organisation": organisation.ods,
        "answer": PermissionAnswer.YES,
        "kind": kind,
        "scope": scope,
        "start": context.now,
        "end": end,
        "how_asked": HowAsked.PROXY if kind is RecordedKind.PROXY else HowAsked.FACE_TO_FACE,
        "question_version": organisation.permission.question_version,
        "recorded_by": user.id,
        "recorded_role": role.id if role else None,
        "system": context.system.id,
    }
    return RecordedPermission(**(values | reach(scope, user.id, role)))  # type: ignore[arg-type]


CLAIMED = {
    RecordedKind.SINGLE: PermissionClaim.YES,
    RecordedKind.PROXY: PermissionClaim.PROXY,
    RecordedKind.EXTENDED: PermissionClaim.EXTENDED,
}
"""A yes to be recorded, as the claim that the policy judges."""


def as_answered(facts: Facts, call: RecordPermissionCall, caller: Caller) -> Facts:
    """The facts with what is to be recorded as their claim, so that the policy itself judges a yes (P-20)."""
    if call.answer is not PermissionAnswer.YES:
        return facts
    until = call.until.isoformat() if call.until else None
    claimed = CLAIMED[RecordedKind(call.kind)]
    alone = (caller.role,) if caller.role else ()
    return replace(
        facts,
        claims=replace(facts.claims, permission=claimed, scope=call.scope, until=until),
        answer_for=None if call.beneficiaries else alone,
    )


def what_is_kept(organisation: Organisation | None) -> str:
    """What can be recorded instead of a yes that no view could rest on."""
    if organisation is None:
        return ""
    own = (
        "A yes of kind single or proxy is for one person who may view (scope individual); that person asks the patient."
    )
    policy = organisation.permission
    if policy.kind is not PermissionKind.EXTENDED:
        return f"{own} This organisation keeps none for later."
    widths = [scope.value for scope in Scope if kept_by(policy, RecordedKind.EXTENDED, scope)]
    return f"{own} For colleagues this organisation keeps kind extended, scope {' or '.join(widths)}, at most {policy.days} days."
