"""Recording what the patient answered and which relationships a feed knows (P-01, P-04, P-20..P-25)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.access import Role, Scope
from gateway.domain.codes import Code
from gateway.domain.decision import Facts
from gateway.domain.errors import MessageInvalid, PolicyRefused
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.domain.journal import EndPermissions, EndRelationships, Spend, SpendKind, Write
from gateway.domain.permission import (
    PermissionAnswer,
    RecordedKind,
    RecordedPermission,
    Relationship,
    RelationshipKind,
)
from gateway.policy.notes import fingerprint
from gateway.service.answers import SINGLE_LASTS, as_answered, capped, check_version, kept_until, reach, what_is_kept
from gateway.service.calls import (
    Call,
    Context,
    EndRelationshipsCall,
    FeedRelationshipCall,
    QueryPermissionCall,
    RecordPermissionCall,
    ViewCall,
)
from gateway.service.claims import wrong
from gateway.service.entries import EntryMaker
from gateway.service.identify import Caller
from gateway.service.outcomes import PermissionOnRecord, Recorded
from gateway.service.parts import Parts
from gateway.service.resting import rests

NOTE_SPENT = timedelta(minutes=1)
"""How long a note is kept as spent: longer than any view lasts. After it the alerts on record tell of the note."""

LONGEST_RELATIONSHIP = timedelta(days=366)
"""A feed names an end at most 12 months away."""


def spends(call: Call, caller: Caller, context: Context) -> tuple[Spend, ...]:
    """What this request uses up: its message id, and a single-use proof. Keyed by system, so that systems cannot collide."""
    spent = []
    if call.message is not None:
        key = f"{context.system.id.value}:{call.message.id.value}"
        spent.append(Spend(kind=SpendKind.MESSAGE, key=key, expires=call.message.expires))
    if caller.proof is not None and caller.proof.single_use_id is not None:
        spent.append(
            Spend(
                kind=SpendKind.ASSERTION,
                key=caller.proof.single_use_id,
                expires=caller.proof.expires + timedelta(minutes=5),
            )
        )
    return tuple(spent)


def check_fed(call: FeedRelationshipCall, start: datetime, now: datetime) -> None:
    """Kind, end, scope and whom it is for, of what a feed knows (P-01). Raises MessageInvalid, which names the member,
    never its value.
    """
    fed = [kind for kind in RelationshipKind if kind is not RelationshipKind.SELF_CLAIMED]
    if call.kind not in fed:
        raise wrong("kind", f"one of {', '.join(fed)}: only the person who views can claim one", ("P-01",))
    if not start < call.end:
        raise wrong("end", "a day after the start", ("P-01",))
    if call.end > start + LONGEST_RELATIONSHIP:
        raise wrong("end", "a day at most 12 months after the start", ("P-01",))
    if not now < call.end:
        raise wrong("end", "today or a later day", ("P-01",))
    if call.scope is Scope.ORGANISATION and call.kind is not RelationshipKind.REGISTRATION:
        raise wrong("scope", "individual or team, as only a registration reaches a whole organisation", ("P-01",))
    for name, value, scope in (("user", call.user, Scope.INDIVIDUAL), ("team", call.team, Scope.TEAM)):
        if value is not None and call.scope is not scope:  # which of the two is meant nobody can know
            raise wrong(name, f"a member of a relationship whose scope is {call.scope.value}", ("P-01",))


def spent_notes(call: ViewCall, caller: Caller, facts: Facts) -> tuple[Spend, ...]:
    """The notes of an override, used up in the transaction of its alert: the same words many times at once open one view (P-06).

    Keyed beside the oldest note remembered, so that words are free again once five others have been used. A print and a page
    loaded again rest on the note of their view.
    """
    claims = call.claims
    if not claims.permission.overrides or caller.user is None or rests(call):
        return ()
    oldest = fingerprint(facts.recent_notes[-1]) if facts.recent_notes else ""
    said = filter(None, (claims.note, claims.condition_changed_note))
    keys = dict.fromkeys(f"{caller.user.id.value}:{fingerprint(note)}:{oldest}" for note in said)
    return tuple(Spend(kind=SpendKind.NOTE, key=key, expires=facts.now + NOTE_SPENT) for key in keys)


class Recording:
    """The use cases that record permissions and relationships, and ask for them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def record_permission(self, call: RecordPermissionCall, context: Context, caller: Caller) -> Recorded:
        """Records a yes, a no or a withdrawal. Raises PolicyRefused, MessageInvalid, AccessDenied, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, (call.patient,))
        facts = as_answered(self._parts.facts(call, context, caller, state), call, caller)
        try:
            decision = await self._parts.allowed(facts, maker, spends(call, caller, context))
            people = await self._beneficiaries(call, caller)
            if facts.answer_for is None and call.answer is PermissionAnswer.YES:
                facts = replace(facts, answer_for=tuple(role for _, role in people if role is not None))
                decision = await self._parts.allowed(facts, maker, spends(call, caller, context))
        except PolicyRefused as refusal:
            if refusal.code is Code.PERMISSION_SCOPE:
                refusal.next_step = what_is_kept(caller.organisation)
            raise
        assert caller.organisation is not None
        check_version(call.question_version, caller.organisation)
        permissions = tuple(self._permission(call, caller, context, who) for who in people)
        ends: tuple[EndPermissions, ...] = ()
        if call.answer is not PermissionAnswer.YES:
            organisation = caller.organisation.ods
            ends = (EndPermissions(patients=(call.patient,), organisation=organisation, at=context.now),)
        entry = maker.decided(
            "permission",
            call.answer.value,
            decision,
            facts,
            permission_id=permissions[0].id,
            basis=permissions[0].kind.value,
            question_version=permissions[0].question_version,
        )
        done = await self._parts.journal.commit(
            Write(
                entries=(entry,),
                spend=spends(call, caller, context),
                permissions=permissions,
                end_permissions=ends,
            )
        )
        until = permissions[0].end if call.answer is PermissionAnswer.YES else None
        return Recorded(ids=tuple(p.id for p in permissions), until=until, ended=done.ended_permissions)

    def _permission(
        self, call: RecordPermissionCall, caller: Caller, context: Context, who: tuple[UserId | None, Role | None]
    ) -> RecordedPermission:
        organisation = caller.organisation
        assert organisation is not None
        user, role = who
        kind = RecordedKind(call.kind)
        scope = call.scope or (organisation.permission.scope if kind is RecordedKind.EXTENDED else Scope.INDIVIDUAL)
        if call.answer is not PermissionAnswer.YES:
            scope, end = Scope.ORGANISATION, context.now + timedelta(hours=24)
        elif kind is RecordedKind.EXTENDED:
            end = kept_until(organisation, context.now, call.until)
        else:
            end = capped(context.now, call.until, context.now + SINGLE_LASTS)
        version = call.question_version or organisation.permission.question_version
        values: dict[str, object] = {
            "id": self._parts.ids.new(),
            "patient": call.patient,
            "organisation": organisation.ods,
            "answer": call.answer,
            "kind": kind,
            "scope": scope,
            "start": context.now,
            "end": end,
            "how_asked": call.how_asked,
            "question_version": version,
            "recorded_by": caller.user.id if caller.user else None,
            "recorded_role": caller.role.id if caller.role else None,
            "system": context.system.id,
        }
        if scope is not Scope.ORGANISATION and user is None:
            raise wrong("scope", "organisation, the only one where no user is proved", ("P-23",))
        whom = reach(scope, user, role) if user is not None else {"user": None, "role": None, "team": None}
        return RecordedPermission(**(values | whom))  # type: ignore[arg-type]

    async def _beneficiaries(
        self, call: RecordPermissionCall, caller: Caller
    ) -> tuple[tuple[UserId | None, Role | None], ...]:
        """Whom it is for: all named, each in a role at the caller's organisation, or none is recorded."""
        if not call.beneficiaries:
            return ((caller.user.id if caller.user else caller.vouched, caller.role),)
        return tuple([await self._colleague(user, role, caller) for user, role in call.beneficiaries])

    async def _colleague(self, uid: UserId, role_id: RoleProfileId, caller: Caller) -> tuple[UserId, Role]:
        user = await self._parts.directory.user(uid)
        roles: Iterable[Role] = user.roles if user else ()
        for role in roles:
            if role.id == role_id and caller.organisation and role.organisation == caller.organisation.ods:
                return uid, role
        raise MessageInvalid(Code.MESSAGE_VALUE, rules=("P-14",))

    async def query_permission(self, call: QueryPermissionCall, context: Context, caller: Caller) -> PermissionOnRecord:
        """Whether a current permission for this user in this role is on record. Raises PolicyRefused, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        state = await self._parts.state_of(caller, context, (call.patient,))
        facts = self._parts.facts(call, context, caller, state)
        decision = await self._parts.allowed(facts, maker, spends(call, caller, context))
        held = self._parts.held(facts)
        entry = maker.decided("status", "held" if held else "not-held", decision, facts)
        await self._parts.journal.commit(Write(entries=(entry,), spend=spends(call, caller, context)))
        if held is None:
            return PermissionOnRecord(held=False)
        return PermissionOnRecord(held=True, permission_id=held.id, until=held.end)

    async def feed(self, call: FeedRelationshipCall, context: Context, caller: Caller) -> Recorded:
        """Records a relationship a feed knows. Raises PolicyRefused, MessageInvalid, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        facts = self._parts.facts(call, context, caller, await self._parts.state_of(caller, context, (call.patient,)))
        decision = await self._parts.allowed(facts, maker)
        relationship = await self._relationship(call, context, caller)
        entry = maker.decided(
            "relationship", "recorded", decision, facts, relationship=call.kind.value, relationship_id=relationship.id
        )
        await self._parts.journal.commit(Write(entries=(entry,), relationships=(relationship,)))
        return Recorded(ids=(relationship.id,), until=relationship.end)

    async def _relationship(self, call: FeedRelationshipCall, context: Context, caller: Caller) -> Relationship:
        assert caller.organisation is not None
        start = call.start or context.now
        check_fed(call, start, context.now)
        if call.scope is Scope.INDIVIDUAL:
            await self._own_user(call.user, caller)
        teams = caller.organisation.teams
        if call.scope is Scope.TEAM and teams and call.team not in teams:
            raise wrong("team", "one of the teams of the feed's own organisation", ("P-14",))
        return Relationship(
            id=self._parts.ids.new(),
            patient=call.patient,
            organisation=caller.organisation.ods,
            kind=call.kind,
            scope=call.scope,
            user=call.user if call.scope is Scope.INDIVIDUAL else None,
            team=call.team if call.scope is Scope.TEAM else None,
            start=start,
            end=call.end,
            system=context.system.id,
        )

    async def _own_user(self, uid: UserId | None, caller: Caller) -> None:
        """A feed may name only users who hold a role at its own organisation."""
        user = await self._parts.directory.user(uid) if uid else None
        organisation = caller.organisation.ods if caller.organisation else None
        if user is None or all(role.organisation != organisation for role in user.roles):
            raise wrong("user", "a user who holds a role at the feed's own organisation", ("P-14",))

    async def end_relationships(self, call: EndRelationshipsCall, context: Context, caller: Caller) -> Recorded:
        """Ends what this feed fed earlier. Raises PolicyRefused, NotPossibleNow."""
        maker = EntryMaker.of(call, context, caller, call.patient, self._parts.ids)
        facts = self._parts.facts(call, context, caller, await self._parts.state_of(caller, context, (call.patient,)))
        decision = await self._parts.allowed(facts, maker)
        ends = EndRelationships(
            patient=call.patient, system=context.system.id, user=call.user, team=call.team, at=context.now
        )
        entry = maker.decided("relationship", "ended", decision, facts)
        done = await self._parts.journal.commit(Write(entries=(entry,), end_relationships=(ends,)))
        return Recorded(ids=(), ended=done.ended_relationships)
