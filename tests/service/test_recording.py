"""Permissions on record: for whom, for how long, by whom, and what a no ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.access import Scope, User, UserProof
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, MessageInvalid, NotPossibleNow, PolicyRefused
from gateway.domain.identifiers import UserId
from gateway.domain.journal import EndPermissions
from gateway.domain.permission import PermissionAnswer, RecordedKind, RecordedPermission
from gateway.service.calls import Call, Context, Credentials, QueryPermissionCall, RecordPermissionCall
from gateway.service.outcomes import PermissionOnRecord, Recorded
from gateway.service.service import Service
from tests.policy import cases
from tests.service.test_reports import MESSAGE, mini
from tests.service.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Keeping(World):
    """A world whose organisation keeps permissions for a week."""

    scope = "team"

    def organisation(self, ods: Any) -> Any:
        """RegistryPort."""
        found = super().organisation(ods)
        return replace(found, permission=cases.policy("extended", self.scope, 7)) if found else None


def record(**values: Any) -> RecordPermissionCall:
    """createPTV of a yes for the caller."""
    given: dict[str, Any] = {
        "action": "createPTV",
        "credentials": Credentials(token="good"),
        "message": MESSAGE,
        "patient": cases.PATIENT,
        "answer": PermissionAnswer.YES,
        "kind": "single",
    }
    return RecordPermissionCall(**(given | values))


async def asked(world: World, call: Call, where: Context | None = None) -> Any:
    """The outcome of a call, from its credentials on."""
    service, where = Service(world.parts()), where or mini()
    return await service.outcome(call, where, await service.caller(call, where))


async def refused(world: World, call: Call, where: Context | None = None) -> GatewayError:
    """Why a call is refused; nothing may be recorded then."""
    with pytest.raises(GatewayError) as caught:
        await asked(world, call, where)
    assert not any(write.permissions or write.end_permissions for write in world.writes)
    return caught.value


def recorded(world: World) -> RecordedPermission:
    """The one permission on record."""
    (permission,) = (one for write in world.writes for one in write.permissions)
    return permission


async def test_a_yes_for_one_view() -> None:
    world = World()
    outcome = await asked(world, record())
    assert isinstance(outcome, Recorded)
    permission = recorded(world)
    assert (permission.kind, permission.scope) == (RecordedKind.SINGLE, Scope.INDIVIDUAL)
    assert (permission.user, permission.role) == (cases.USER, cases.ROLE)
    assert permission.end - permission.start == 12 * HOUR
    assert (permission.recorded_by, permission.recorded_role) == (cases.USER, cases.ROLE)
    assert [(e.event, e.outcome, e.permission_id) for e in world.entries] == [("permission", "yes", permission.id)]
    assert world.writes[0].spend  # the message id goes with it, in one transaction


@pytest.mark.parametrize(
    ("asked_for", "given"), [(HOUR, HOUR), (7 * DAY, 7 * DAY), (30 * DAY, 7 * DAY), (None, 7 * DAY)]
)
async def test_a_kept_yes_ends_as_asked_and_never_later_than_the_organisation_says(
    asked_for: timedelta | None, given: timedelta
) -> None:
    world = Keeping()
    until = cases.NOW + asked_for if asked_for else None
    await asked(world, record(kind="extended", until=until, scope=Scope.INDIVIDUAL))
    assert recorded(world).end - cases.NOW == given


@pytest.mark.parametrize("scope", [None, Scope.TEAM])
async def test_a_kept_yes_has_the_organisations_scope_unless_said(scope: Scope | None) -> None:
    world = Keeping()
    await asked(world, record(kind="extended", scope=scope))
    permission = recorded(world)
    assert (permission.scope, permission.team, permission.user) == (Scope.TEAM, cases.TEAM, None)


async def test_no_organisation_keeps_what_its_policy_does_not() -> None:
    world = World()
    error = await refused(world, record(kind="extended", until=cases.NOW + DAY))
    assert isinstance(error, PolicyRefused)
    assert (error.code, error.rules) == (Code.PERMISSION_SCOPE, ("P-20",))
    assert [entry.event for entry in world.entries] == ["refused"]


async def test_no_permission_is_kept_until_a_day_that_is_over() -> None:
    error = await refused(Keeping(), record(kind="extended", until=cases.NOW - DAY))
    assert error.code is Code.PERMISSION_SCOPE


class Desk(World):
    """Whoever asks is a receptionist of a team, who may not view; the organisation keeps permissions for its teams."""

    keeps = "extended"

    def organisation(self, ods: Any) -> Any:
        """RegistryPort."""
        found = super().organisation(ods)
        days = 7 if self.keeps == "extended" else 0
        return replace(found, permission=cases.policy(self.keeps, "team", days)) if found else None

    async def user(self, uid: UserId) -> User | None:
        """DirectoryPort."""
        roles = (cases.role("B0264"), cases.role("B0370", id=cases.OTHER_ROLE))
        return User(id=uid, name="TEST User", roles=roles[:1] if uid == cases.USER else roles[1:])


NURSE = ((cases.OTHER_USER, cases.OTHER_ROLE),)


@pytest.mark.parametrize(
    ("world", "said", "opens"),
    [
        (Keeping(), {"kind": "single"}, True),
        (Keeping(), {"kind": "single", "scope": Scope.TEAM}, False),
        (Keeping(), {"kind": "single", "scope": Scope.ORGANISATION}, False),
        (Keeping(), {"kind": "proxy", "scope": Scope.ORGANISATION}, False),
        (Keeping(), {"kind": "extended", "scope": Scope.INDIVIDUAL}, True),
        (Keeping(), {"kind": "extended", "scope": Scope.ORGANISATION}, False),
        (Desk(), {"kind": "single"}, False),
        (Desk(), {"kind": "proxy"}, False),
        (Desk(), {"kind": "single", "beneficiaries": ((cases.USER, cases.ROLE),)}, False),
        (Desk(), {"kind": "single", "beneficiaries": NURSE}, True),
        (Desk(), {"kind": "extended", "scope": Scope.INDIVIDUAL}, False),
        (Desk(), {"kind": "extended"}, True),
        (Desk(), {"kind": "extended", "scope": Scope.TEAM}, True),
    ],
)
async def test_p20_a_yes_that_opens_nothing_is_not_recorded(world: World, said: dict[str, Any], opens: bool) -> None:
    world.log.clear()
    if opens:
        await asked(world, record(**said))
        assert recorded(world).answer is PermissionAnswer.YES
        return
    error = await refused(world, record(**said))
    assert (error.code, error.rules) == (Code.PERMISSION_SCOPE, ("P-20",))
    assert [entry.event for entry in world.entries] == ["refused"]
    assert "kind extended, scope individual or team, at most 7 days" in error.next_step


@pytest.mark.parametrize("version", ["", "2", "x" * 33, "1 "])
@pytest.mark.parametrize("answer", list(PermissionAnswer))
async def test_p21_a_version_that_was_never_asked_is_no_answer(version: str, answer: PermissionAnswer) -> None:
    error = await refused(World(), record(answer=answer, question_version=version))
    assert isinstance(error, MessageInvalid)
    assert (error.code, error.rules) == (Code.MESSAGE_VALUE, ("P-21",))
    assert "question_version" in error.findings[0].sentence


async def test_p21_an_earlier_version_is_kept_as_it_was_asked() -> None:
    world = World()
    found = cases.organisation()
    earlier = replace(found, permission=replace(found.permission, question_version="3", earlier_versions=("1", "2")))
    world.organisation = lambda _: earlier  # type: ignore[method-assign]
    await asked(world, record(question_version="2"))
    assert recorded(world).question_version == "2"


async def test_p20_where_nothing_is_kept_the_next_step_says_so() -> None:
    world = Desk()
    world.keeps = "single"
    error = await refused(world, record())
    assert "keeps none for later" in error.next_step
    await asked(world, record(answer=PermissionAnswer.NO))


@pytest.mark.parametrize("kind", ["single", "proxy"])
async def test_no_permission_for_one_view_ends_before_it_begins(kind: str) -> None:
    world = World()
    error = await refused(world, record(kind=kind, until=cases.NOW - DAY))
    assert isinstance(error, MessageInvalid)
    assert (error.code, error.rules) == (Code.MESSAGE_VALUE, ("P-22",))
    assert [write.permissions for write in world.writes if write.permissions] == []


async def test_all_named_hold_a_role_here_or_nobody_gets_anything() -> None:
    named = (cases.USER, cases.ROLE), (cases.OTHER_USER, cases.OTHER_ROLE)
    error = await refused(World(), record(beneficiaries=named))
    assert isinstance(error, MessageInvalid)
    assert (error.code, error.rules) == (Code.MESSAGE_VALUE, ("P-14",))


@pytest.mark.parametrize("answer", [PermissionAnswer.NO, PermissionAnswer.WITHDRAWN])
async def test_a_no_ends_every_standing_yes_of_the_organisation(answer: PermissionAnswer) -> None:
    world = World()
    await asked(world, record(answer=answer))
    assert recorded(world).scope is Scope.ORGANISATION
    (ends,) = (end for write in world.writes for end in write.end_permissions)
    assert ends == EndPermissions(patients=(cases.PATIENT,), organisation=cases.ODS, at=cases.NOW)


async def test_a_vouched_system_records_for_those_it_names() -> None:
    world, vouched = World(), mini(user_proof=UserProof.VOUCHED)
    call = record(credentials=Credentials(named_user=cases.USER), beneficiaries=((cases.USER, cases.ROLE),))
    await asked(world, call, vouched)
    permission = recorded(world)
    assert (permission.user, permission.role, permission.recorded_by) == (cases.USER, cases.ROLE, None)
    assert world.entries[0].claimed
    other = await refused(World(), replace(call, action="recordPermission"), vouched)
    assert other.code is Code.SYSTEM_OPERATION


async def test_what_cannot_be_made_durable_is_not_answered() -> None:
    world = World(failures={"commit": NotPossibleNow(Code.AUDIT_UNAVAILABLE)})
    with pytest.raises(NotPossibleNow):
        await asked(world, record())


@pytest.mark.parametrize(
    ("permissions", "held"),
    [
        ((), False),
        ((cases.recorded(),), True),
        ((cases.recorded(user=cases.OTHER_USER),), False),
        ((cases.recorded(role=cases.OTHER_ROLE),), False),
        ((cases.recorded(consumed=True),), False),
        ((cases.recorded(ago=timedelta(hours=13)),), False),
        ((cases.recorded(), cases.recorded("no", ago=timedelta(minutes=1))), False),
    ],
)
async def test_a_permission_on_record_is_the_users_in_this_role(permissions: tuple[Any, ...], held: bool) -> None:
    world = World()
    world.state = replace(world.state, permissions=permissions)
    call = QueryPermissionCall(
        action="queryPTV", credentials=Credentials(token="good"), message=MESSAGE, patient=cases.PATIENT
    )
    answer = await asked(world, call)
    assert isinstance(answer, PermissionOnRecord)
    assert answer.held is held
    assert [(entry.event, entry.outcome) for entry in world.entries] == [("status", "held" if held else "not-held")]
    assert world.kinds() == ["commit"]  # Spine is not asked
