"""Look-ups that show no record: what they tell, what they leave in the audit, and in which order."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.access import SystemKind, UserProof
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, GatewayError, NoRecord, NotPossibleNow, PolicyRefused, SpineUnavailable
from gateway.domain.identifiers import UserId
from gateway.domain.instants import WireTime
from gateway.domain.journal import SpendKind
from gateway.domain.spine import Traits
from gateway.service.activity import agrees
from gateway.service.calls import (
    ActivityCall,
    Call,
    Context,
    Credentials,
    CrossCheck,
    MessageRef,
    RbacCall,
    TraceCall,
)
from gateway.service.outcomes import Activity, Rbac, Traced
from gateway.service.service import Service
from tests.policy import cases
from tests.service.world import CORRELATION, World, context

OPERATIONS = frozenset(
    {"getRBACStatus", "querySCRActivity", "verifyNHSNumber", "getNHSNumber", "getSCRStatus", "createPTV", "queryPTV"}
)
MESSAGE = MessageRef(id=CORRELATION, expires=cases.NOW)


def mini(**changes: Any) -> Context:
    """A call from a mini-service system."""
    values = {"kind": SystemKind.MINI_SERVICE, "operations": OPERATIONS} | changes
    return context(system=cases.system(**values))


def call(kind: type[Call], action: str, **values: Any) -> Any:
    """A call of a proved user."""
    return kind(**({"action": action, "credentials": Credentials(token="good"), "message": MESSAGE} | values))


def rbac() -> RbacCall:
    """getRBACStatus."""
    return call(RbacCall, "getRBACStatus")


def report(**values: Any) -> ActivityCall:
    """querySCRActivity."""
    period = {"start": cases.NOW, "end": cases.NOW, "patient": None, "user": None, "limit": 10}
    return call(ActivityCall, "querySCRActivity", **(period | values))


def trace(**values: Any) -> TraceCall:
    """verifyNHSNumber."""
    return call(TraceCall, "verifyNHSNumber", **({"patient": cases.PATIENT, "traits": None} | values))


async def asked(world: World, the_call: Call, where: Context | None = None) -> Any:
    """The outcome of a call, from its credentials on."""
    service, where = Service(world.parts()), where or mini()
    return await service.outcome(the_call, where, await service.caller(the_call, where))


class Roles(World):
    """A world whose user holds these activities."""

    codes: tuple[str, ...] = cases.ALL_CODES

    async def user(self, uid: UserId) -> Any:
        """DirectoryPort."""
        found = await super().user(uid)
        return replace(found, roles=(cases.role(*self.codes),)) if found else None


def holding(*codes: str) -> Roles:
    """A world whose user holds exactly these."""
    world = Roles()
    world.codes = codes
    return world


@pytest.mark.parametrize(
    ("codes", "opened"),
    [
        (("B0370", "B0168"), (True, True)),
        (("B0370", "B0257"), (True, False)),
        (("B0370",), (True, False)),
        (("B0264",), (False, False)),
        (("B0168",), (False, False)),
        (cases.ALL_CODES, (True, True)),
    ],
)
async def test_rbac_tells_the_ways_the_role_opens(codes: tuple[str, ...], opened: tuple[bool, bool]) -> None:
    world = holding(*codes)
    world.state = replace(world.state, relationships=())  # no patient is named, so none can be missing
    answer = await asked(world, rbac())
    assert isinstance(answer, Rbac)
    assert (answer.with_permission, answer.in_emergency) == opened
    assert [entry.event for entry in world.entries] == ["status"]
    assert world.entries[0].patient is None
    (write,) = world.writes
    assert [spend.kind for spend in write.spend] == [SpendKind.MESSAGE]


async def test_a_report_is_for_those_who_may_and_is_audited_before_it_is_read() -> None:
    order: list[str] = []

    class Watched(Roles):
        async def activity(self, **asked_for: Any) -> tuple[int, tuple[()]]:
            order.extend([*self.kinds(), "read"])
            assert asked_for["organisation"] == cases.ODS
            return 3, ()

    world = Watched()
    answer = await asked(world, report())
    assert isinstance(answer, Activity)
    assert (answer.found, answer.organisation.ods) == (3, cases.ODS)
    assert order == ["commit", "read"]
    assert [entry.event for entry in world.entries] == ["report"]


async def test_a_report_is_refused_without_its_activity() -> None:
    world = holding("B0264", "B0370")
    with pytest.raises(PolicyRefused) as caught:
        await asked(world, report())
    assert caught.value.code is Code.ROLE_ACTIVITY
    assert [entry.event for entry in world.entries] == ["refused"]


async def test_a_report_that_cannot_be_audited_is_not_read() -> None:
    world = World(failures={"commit:report": NotPossibleNow(Code.AUDIT_UNAVAILABLE)})

    async def activity(**_: Any) -> Any:
        raise AssertionError("read before it was on record")

    world.activity = activity  # type: ignore[method-assign]
    with pytest.raises(NotPossibleNow):
        await asked(world, report())


# traces


async def test_a_trace_is_on_record_before_pds_is_asked() -> None:
    world = World()
    answer = await asked(world, trace())
    assert isinstance(answer, Traced)
    assert world.kinds() == ["commit", "pds", "commit"]
    assert [entry.event for entry in world.entries] == ["asked", "trace"]
    assert world.writes[0].spend
    assert not world.writes[1].spend


async def test_a_search_needs_no_number() -> None:
    world = World()
    traits = Traits(family="Canary", birth="1980")
    assert isinstance(await asked(world, trace(patient=None, traits=traits)), Traced)
    assert world.entries[0].patient is None
    assert world.entries[1].patient == cases.PATIENT


@pytest.mark.parametrize(
    "error", [NoRecord(Code.PATIENT_NOT_FOUND), SpineUnavailable(Code.SPINE_UNREACHABLE)], ids=lambda e: e.code.slug
)
async def test_a_trace_that_fails_is_audited(error: GatewayError) -> None:
    world = World(failures={"pds": error})
    with pytest.raises(type(error)):
        await asked(world, trace())
    assert [(entry.event, entry.code) for entry in world.entries] == [
        ("asked", None),
        ({"no_record": "no-record", "unavailable": "unavailable"}[error.code.kind.value], error.code.slug),
    ]


async def test_a_vouched_system_traces_on_its_own_word_and_reports_never() -> None:
    vouched = mini(user_proof=UserProof.VOUCHED)
    named = Credentials(named_user=cases.USER)
    world = World()
    await asked(world, trace(credentials=named), vouched)
    assert all(entry.claimed and entry.user == cases.USER for entry in world.entries)
    for refused_call in (report(credentials=named), call(RbacCall, "getRBACStatus", credentials=named)):
        with pytest.raises(PolicyRefused) as caught:
            await asked(World(), refused_call, vouched)
        assert caught.value.code is Code.CREDENTIALS_MISSING


async def test_a_vouched_system_that_is_merely_named_vouches_for_nobody() -> None:
    named = replace(mini(user_proof=UserProof.VOUCHED), system_proved=False)
    world = World()
    with pytest.raises(AccessDenied) as caught:
        await asked(world, trace(credentials=Credentials(named_user=cases.USER)), named)
    assert (caught.value.code, caught.value.rules) == (Code.CREDENTIALS_MISSING, ("P-07",))
    assert "pds" not in world.kinds()


async def test_an_operation_the_system_is_not_registered_for() -> None:
    world = World()
    with pytest.raises(PolicyRefused) as caught:
        await asked(world, replace(trace(), action="getPatientDetails"))
    assert caught.value.code is Code.SYSTEM_OPERATION
    assert world.kinds() == ["commit"]


# cross-checks

CHECKS = [
    ({}, {}, True),
    ({"birth": "19800301"}, {}, False),
    ({}, {"birth": None}, False),
    ({}, {"birth": WireTime("1980")}, False),
    ({}, {"birth": WireTime("1980-02-29")}, True),
    ({"family": "canary"}, {}, True),
    ({"family": "Canaries"}, {}, False),
    ({"family": "O MURCHU"}, {"family": "Ó Murchú"}, True),
    ({"family": "Smith Jones"}, {"family": "Smith-Jones"}, True),
    ({"family": "Smith"}, {"family": "Smith-Jones"}, False),
    ({"family": "Canary"}, {"family": None}, False),
    ({"given": "patient"}, {}, True),
    ({"given": "Ann"}, {"given": ("Mary", "Ann")}, True),
    ({"given": "Mary Ann"}, {"given": ("Mary", "Ann")}, True),
    ({"given": "Mar"}, {"given": ("Mary", "Ann")}, False),
    ({"given": "Mary"}, {"given": ()}, False),
]


@pytest.mark.parametrize(("said", "known", "expected"), CHECKS)
async def test_what_agrees(said: dict[str, Any], known: dict[str, Any], expected: bool) -> None:
    patient = await World(demographics_of=known).demographics(cases.PATIENT, None)  # type: ignore[arg-type]
    assert agrees(CrossCheck(**({"birth": "19800229"} | said)), patient) is expected


async def test_what_does_not_agree_is_no_record() -> None:
    world = World()
    with pytest.raises(NoRecord) as caught:
        await asked(world, trace(check=CrossCheck(birth="19800228")))
    assert caught.value.code is Code.PATIENT_NOT_VERIFIED
    assert [entry.event for entry in world.entries] == ["asked", "no-record"]


async def test_a_message_that_names_two_people_is_nobodys() -> None:
    """Whoever is proved, or vouched for, is not both of them."""
    other = UserId("910000000999")
    assert other != cases.USER
    for system in (mini(), mini(user_proof=UserProof.VOUCHED)):
        world = World()
        two = Credentials(named_user=cases.USER, also_named=frozenset({cases.USER, other}))
        with pytest.raises(AccessDenied) as caught:
            await asked(world, trace(credentials=two), system)
        assert (caught.value.code, caught.value.rules) == (Code.USER_MISMATCH, ("P-07",))
        assert "pds" not in world.kinds()
    await asked(
        World(),
        trace(credentials=Credentials(named_user=cases.USER, also_named=frozenset({cases.USER}))),
        mini(user_proof=UserProof.VOUCHED),
    )
