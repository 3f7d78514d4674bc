"""The order of a view and what each failure leaves behind: tests that try to break I1 to I4 and I6."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.access import User
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, NoRecord, NotPossibleNow, PolicyRefused, SpineUnavailable, WrongPatient
from gateway.domain.identifiers import NhsNumber, OdsCode, UserId
from gateway.domain.journal import SpendKind, ViewState
from gateway.domain.permission import PermissionAnswer, RecordedKind
from gateway.domain.spine import Confidentiality, Consent, EventDocument, SpineCall
from gateway.service.calls import Context, Credentials, PrintCall, ViewCall
from gateway.service.service import Service
from gateway.service.view import View
from tests.policy import cases
from tests.service.world import World, context, view_call


async def viewed(world: World, call: ViewCall | None = None, where: Context | None = None) -> bytes:
    """A whole view, from credentials to answer."""
    call, where = call or view_call(), where or context()
    parts = world.parts()
    caller = await Service(parts).caller(call, where)
    return await View(parts).view(call, where, caller, world.written)


async def refused(world: World, error: type[GatewayError], call: ViewCall | None = None) -> GatewayError:
    """A view that must fail; nothing may have been handed out."""
    with pytest.raises(error) as caught:
        await viewed(world, call)
    return caught.value


async def test_the_order_of_a_view() -> None:
    world = World()
    assert await viewed(world) == b"answer"
    assert world.kinds() == ["commit", "pds", "list", "event", "write", "commit"]
    assert [entry.event for entry in world.entries] == ["asked", "viewed"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"claims": cases.claims("not-asked")}, Code.PERMISSION_MISSING),
        ({"claims": cases.claims("no")}, Code.PERMISSION_REFUSED),
        ({"claims": cases.claims("emergency", note=None)}, Code.EMERGENCY_NOTE),
        ({"claims": cases.claims(purpose="research")}, Code.PURPOSE_REFUSED),
        ({"claims": cases.claims(setting="dentistry")}, Code.SETTING_NOT_REGISTERED),
    ],
)
async def test_i2_nothing_is_asked_of_spine_for_what_local_facts_refuse(changes: dict[str, Any], code: Code) -> None:
    world = World()
    error = await refused(world, PolicyRefused, view_call(**changes))
    assert error.code is code or code in {c for _, c in error.reasons}  # type: ignore[attr-defined]
    assert set(world.kinds()) == {"commit"}
    assert [entry.event for entry in world.entries] == ["refused"]


async def test_i2_no_event_is_fetched_where_the_patient_state_refuses() -> None:
    world = World(demographics_of={"confidentiality": Confidentiality.SENSITIVE})
    error = await refused(world, PolicyRefused)
    assert error.code is Code.SCR_NOT_AVAILABLE
    assert "list" not in world.kinds()
    assert "event" not in world.kinds()


@pytest.mark.parametrize("consent", [Consent.NO, Consent.UNKNOWN])
async def test_i2_no_event_is_fetched_where_consent_refuses(consent: Consent) -> None:
    world = World(consent=consent)
    assert (await refused(world, PolicyRefused)).code is Code.SCR_NOT_AVAILABLE
    assert "event" not in world.kinds()


async def test_i1_nothing_is_asked_where_the_first_entry_cannot_be_written() -> None:
    world = World(failures={"commit:asked": NotPossibleNow(Code.AUDIT_UNAVAILABLE)})
    assert (await refused(world, NotPossibleNow)).code is Code.AUDIT_UNAVAILABLE
    assert world.kinds() == []


async def test_i1_nothing_is_handed_out_where_the_outcome_cannot_be_written() -> None:
    world = World(failures={"commit:viewed": NotPossibleNow(Code.AUDIT_UNAVAILABLE)})
    assert (await refused(world, NotPossibleNow)).code is Code.AUDIT_UNAVAILABLE
    assert world.kinds()[-2:] == ["write", "commit"]
    assert world.entries[-1].event == "unavailable"


@pytest.mark.parametrize("permission", ["emergency", "legal", "best-interests"])
async def test_i4_an_override_and_its_alert_are_one_write(permission: str) -> None:
    world = World()
    await viewed(world, view_call(permission))
    last = world.writes[-1]
    assert [entry.event for entry in last.entries] == ["viewed"]
    assert [alert.audit_id for alert in last.alerts] == [last.entries[0].id]
    assert last.alerts[0].id == last.entries[0].alert_id
    assert last.alerts[0].note == last.entries[0].note == cases.NOTE
    assert all(not write.alerts for write in world.writes[:-1])


async def test_p06_the_notes_of_an_override_are_spent_with_its_alert() -> None:
    keys = []
    for note in (cases.NOTE, f" {cases.NOTE.upper()}. ", "Carried in without any papers"):
        world = World()
        await viewed(world, view_call("emergency", claims=cases.claims("emergency", note=note)))
        assert not [spend for write in world.writes[:-1] for spend in write.spend]
        [spend] = world.writes[-1].spend
        assert (spend.kind, bool(world.writes[-1].alerts)) == (SpendKind.NOTE, True)
        assert note not in spend.key
        assert spend.expires > cases.NOW + timedelta(seconds=30)
        keys.append(spend.key)
    assert keys[0] == keys[1] != keys[2]
    world = World()
    await viewed(world, view_call("yes"))
    assert not [spend for write in world.writes for spend in write.spend]


async def test_an_answer_given_with_the_view_is_recorded_with_it_and_used() -> None:
    world = World()
    await viewed(world)
    asked, outcome = world.writes
    assert asked.permissions == ()
    (permission,) = outcome.permissions
    assert (permission.kind, permission.answer) == (RecordedKind.SINGLE, PermissionAnswer.YES)
    assert (permission.user, permission.role, permission.recorded_by) == (cases.USER, cases.ROLE, cases.USER)
    assert permission.consumed
    assert outcome.consume_permission is None
    assert permission.id == outcome.entries[0].permission_id


async def test_an_answer_given_with_a_view_that_does_not_open_leaves_nothing_to_use_later() -> None:
    world = World(demographics_of={"confidentiality": Confidentiality.SENSITIVE})
    await refused(world, PolicyRefused)
    assert all(not write.permissions for write in world.writes)


async def test_who_proved_nobody_is_told_no_reason_that_speaks_of_the_patient() -> None:
    world = World()
    world.state = replace(world.state, permissions=(cases.recorded("no"),), relationships=())
    error = await refused(world, PolicyRefused, view_call("not-asked", credentials=Credentials()))
    assert error.code is Code.CREDENTIALS_MISSING
    assert set(error.rules) == {"P-07"}
    assert len(world.entries[-1].rules) > 1


class Changing(World):
    """What is on record changes while the document is fetched."""

    later: ViewState

    async def event(self, number: NhsNumber, event_id: str, call: SpineCall) -> EventDocument | None:
        """SpinePort."""
        self.state = self.later
        return await super().event(number, event_id, call)


HALF = timedelta(seconds=-0.5)
"""Half a second after the view was asked."""


@pytest.mark.parametrize("permission", ["not-asked", "yes", "extended", "proxy", "emergency", "best-interests"])
async def test_p13_a_no_recorded_while_spine_is_asked_closes_the_view(permission: str) -> None:
    world = Changing()
    organisation = cases.organisation(permission=cases.policy("extended", "individual", 7))
    world.organisation = lambda _: organisation  # type: ignore[method-assign]
    world.state = replace(world.state, permissions=(cases.recorded(kind="extended"),))
    world.later = replace(world.state, permissions=(*world.state.permissions, cases.recorded("no", ago=HALF)))
    error = await refused(world, PolicyRefused, view_call(permission))
    override = permission in {"emergency", "best-interests"}
    assert error.code is (Code.EMERGENCY_AFTER_REFUSAL if override else Code.PERMISSION_REFUSED)
    assert [entry.event for entry in world.entries] == ["asked", "refused"]
    assert "P-03" in world.entries[-1].rules
    assert "event" in world.kinds()
    assert "write" not in world.kinds()
    assert not any(write.permissions or write.alerts for write in world.writes)


async def test_p13_a_yes_after_that_no_opens_the_view_and_is_what_it_rests_on() -> None:
    world = Changing()
    newer = cases.recorded(ago=HALF * 1.5)
    world.later = replace(world.state, permissions=(cases.recorded("no", ago=HALF), newer))
    await viewed(world, view_call("yes"))
    assert (world.writes[-1].permissions, world.writes[-1].consume_permission) == ((), newer.id)
    assert world.entries[-1].permission_id == newer.id


async def test_p13_a_relationship_that_ends_while_spine_is_asked_closes_the_view_or_is_claimed_with_an_alert() -> None:
    for permission in ("yes", "emergency"):
        world = Changing()
        world.later = replace(world.state, relationships=())
        if permission == "yes":
            error = await refused(world, PolicyRefused, view_call(permission))
            assert error.code is Code.RELATIONSHIP_MISSING
            assert [entry.event for entry in world.entries] == ["asked", "refused"]
            continue
        await viewed(world, view_call(permission))
        [alert] = world.writes[-1].alerts
        assert (alert.type.value, alert.reason.value) == ("1", "4")


async def test_p13_a_print_ends_with_a_no_recorded_while_spine_is_asked() -> None:
    for permission in ("yes", "emergency"):
        world = Changing()
        world.later = replace(world.state, permissions=(cases.recorded("no", ago=HALF),))
        given = view_call(permission)
        call = PrintCall(
            **{name: getattr(given, name) for name in ("action", "patient", "rendered", "credentials", "claims")},
            viewed_at=cases.NOW - timedelta(minutes=1),
        )
        assert (await refused(world, PolicyRefused, call)).code is Code.PERMISSION_REFUSED


async def test_nothing_is_handed_out_where_what_is_on_record_cannot_be_read_again() -> None:
    world = Changing()
    world.later = world.state
    reads = iter((world.state,))

    async def view_state(**_: Any) -> ViewState:
        found = next(reads, None)
        if found is None:
            raise NotPossibleNow(Code.AUDIT_UNAVAILABLE)
        return found

    world.view_state = view_state  # type: ignore[method-assign]
    await refused(world, NotPossibleNow)
    assert "write" not in world.kinds()
    assert world.entries[-1].event == "unavailable"


async def test_a_permission_on_record_for_one_view_is_used_up_and_a_kept_one_is_not() -> None:
    for kind, days in (("single", 0), ("extended", 7)):
        world = World()
        kept = cases.recorded(kind=kind)
        world.state = replace(world.state, permissions=(kept,))
        if days:
            organisation = cases.organisation(permission=cases.policy("extended", "individual", days))
            world.organisation = lambda _, found=organisation: found  # type: ignore[method-assign]
        await viewed(world, view_call("not-asked"))
        assert world.writes[-1].consume_permission == (kept.id if kind == "single" else None)
        assert world.writes[-1].entries[0].permission_id == kept.id


@pytest.mark.parametrize(
    "said",
    [
        {"setting": "hospices"},
        {"setting": "no_such_setting"},
        {"purpose": "research"},
        {"purpose": "post-death-duty"},
        {"relationship": None},
        {"birth_date": "1900-01-01"},
    ],
)
async def test_a_no_is_recorded_whatever_else_the_view_is_refused_for(said: dict[str, Any]) -> None:
    world = World()
    await refused(world, PolicyRefused, view_call("no", claims=cases.claims("no", **said)))
    (no,) = [each for write in world.writes for each in write.permissions]
    assert no.answer is PermissionAnswer.NO
    assert [each.patients for write in world.writes for each in write.end_permissions] == [(cases.PATIENT,)]


class Elsewhere(World):
    """The user's one role is at another organisation."""

    async def user(self, uid: UserId) -> User | None:
        """DirectoryPort."""
        return User(id=uid, name="TEST User", roles=(cases.role(organisation=OdsCode("RZZ77")),))


async def test_a_no_told_by_somebody_of_another_organisation_is_not_recorded() -> None:
    world = Elsewhere()
    error = await refused(world, PolicyRefused, view_call("no"))
    assert error.code is Code.ROLE_ORGANISATION
    assert not [each for write in world.writes for each in (*write.permissions, *write.end_permissions)]


async def test_a_no_is_recorded_and_ends_what_stood() -> None:
    world = World()
    await refused(world, PolicyRefused, view_call("no"))
    (write,) = world.writes
    assert [permission.answer for permission in write.permissions] == [PermissionAnswer.NO]
    assert [(end.organisation, end.patients) for end in write.end_permissions] == [(cases.ODS, (cases.PATIENT,))]


@pytest.mark.parametrize(
    ("step", "error", "event"),
    [
        ("pds", NoRecord(Code.PATIENT_NOT_FOUND), "no-record"),
        ("pds", SpineUnavailable(Code.SPINE_UNREACHABLE), "unavailable"),
        ("list", SpineUnavailable(Code.SPINE_FAULT), "unavailable"),
        ("event", WrongPatient(), "unavailable"),
        ("event", PolicyRefused(Code.SCR_NOT_AVAILABLE, (("SPINE", Code.SCR_NOT_AVAILABLE),)), "refused"),
        ("write", GatewayError(Code.ANSWER_INVALID), "unavailable"),
    ],
)
async def test_every_failure_after_asking_is_audited_once(step: str, error: GatewayError, event: str) -> None:
    world = World(failures={step: error})
    caught = await refused(world, type(error))
    assert caught.code is error.code
    assert [entry.event for entry in world.entries] == ["asked", event]
    assert world.entries[-1].code == error.code.slug


async def test_a_listed_id_that_is_gone_is_listed_once_more() -> None:
    world = World(events=[("OLD",), ("NEW",)], gone={"OLD"})
    await viewed(world)
    assert world.kinds() == ["commit", "pds", "list", "event", "list", "event", "write", "commit"]


async def test_a_list_that_stays_stale_is_reported_not_empty() -> None:
    world = World(gone={"EVENT-1"})
    assert (await refused(world, SpineUnavailable)).code is Code.SPINE_UNUSABLE


async def test_i8_a_pass_through_door_hands_no_active_content_on() -> None:
    world = World(active=True)
    error = await refused(world, SpineUnavailable, view_call(rendered=False))
    assert error.code is Code.SPINE_ACTIVE_CONTENT
    assert "write" not in world.kinds()


async def test_a_superseded_number_is_audited_under_both() -> None:
    world = World(demographics_of={"nhs_number": cases.OTHER_PATIENT, "requested": cases.PATIENT})
    await viewed(world)
    last = world.entries[-1]
    assert (last.patient, last.requested_patient) == (cases.OTHER_PATIENT, cases.PATIENT)
    assert ("list", cases.OTHER_PATIENT) in world.log


async def test_an_s_flag_attempt_raises_its_alert_with_its_entry() -> None:
    world = World(demographics_of={"confidentiality": Confidentiality.SENSITIVE})
    await refused(world, PolicyRefused)
    last = world.writes[-1]
    assert [alert.audit_id for alert in last.alerts] == [last.entries[0].id]
    assert "s-flag-attempt" in last.alerts[0].marks


async def test_two_views_at_once_do_not_see_each_other() -> None:
    world = World()
    answers = await asyncio.gather(viewed(world), viewed(world))
    assert answers == [b"answer", b"answer"]
    assert len({entry.id for entry in world.entries}) == 4
