"""A patient's answer under one NHS number binds under every other, as soon as PDS has told that they are one patient's (P-03, I2)."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import PolicyRefused
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Committed, Successor, ViewState, Write
from gateway.domain.permission import RecordedPermission
from gateway.domain.spine import Demographics, SpineCall
from gateway.service.calls import Context, Credentials, PrintCall, StatusCall, ViewCall
from gateway.service.service import Service
from gateway.service.view import View
from tests.policy import cases
from tests.service.world import World, context, view_call

OLD, CURRENT, OLDER = cases.PATIENT, cases.OTHER_PATIENT, cases.OLD_NUMBER
HOUR = timedelta(hours=1)


@dataclass
class Merged(World):
    """PDS answers OLD and OLDER with CURRENT; the store gives what is under the numbers it has been told belong together."""

    answers: tuple[RecordedPermission, ...] = ()
    known: dict[NhsNumber, NhsNumber] = field(default_factory=dict)
    merged: frozenset[NhsNumber] = frozenset({OLD, OLDER})

    async def view_state(self, *, patients: tuple[NhsNumber, ...], **_: Any) -> ViewState:
        """StatePort."""
        current = {self.known.get(number, number) for number in patients}
        numbers = {*patients, *current, *(old for old, new in self.known.items() if new in current)}
        return replace(
            self.state,
            permissions=tuple(each for each in self.answers if each.patient in numbers),
            relationships=tuple(cases.relationship(patient=number) for number in sorted(numbers, key=str)),
            successors=tuple(
                Successor(superseded=old, current=new, at=cases.NOW)
                for old, new in self.known.items()
                if old in numbers
            ),
        )

    async def commit(self, write: Write) -> Committed:
        """JournalPort."""
        done = await super().commit(write)
        self.known |= {each.superseded: each.current for each in write.successors}
        return done

    async def demographics(self, number: NhsNumber, call: SpineCall) -> Demographics:
        """SpinePort."""
        found = await super().demographics(number, call)
        return replace(found, nhs_number=CURRENT, requested=number) if number in self.merged else found


def refusal(number: NhsNumber, ago: timedelta = HOUR) -> RecordedPermission:
    """A no told to this organisation under that number."""
    return cases.recorded("no", ago=ago, patient=number)  # type: ignore[no-any-return]


async def viewed(world: World, call: ViewCall, where: Context | None = None) -> bytes:
    """The view."""
    where, parts = where or context(), world.parts()
    return await View(parts).view(call, where, await Service(parts).caller(call, where), world.written)


async def refused(world: World, call: ViewCall) -> Code:
    """The code of a view that is refused, nothing handed out."""
    with pytest.raises(PolicyRefused) as caught:
        await viewed(world, call)
    assert "write" not in world.kinds()
    assert "event" not in world.kinds()
    return caught.value.code


@pytest.mark.parametrize("told", [CURRENT, OLD, OLDER])
@pytest.mark.parametrize("asked", [CURRENT, OLD, OLDER])
async def test_a_no_binds_under_every_number_known(told: NhsNumber, asked: NhsNumber) -> None:
    world = Merged(answers=(refusal(told),), known={OLD: CURRENT, OLDER: CURRENT})
    emergency = view_call("emergency", patient=asked)
    assert await refused(world, emergency) is Code.EMERGENCY_AFTER_REFUSAL
    assert "pds" not in world.kinds()
    assert await refused(world, view_call("not-asked", patient=asked)) is Code.PERMISSION_REFUSED


async def test_a_no_under_the_current_number_binds_the_first_time_an_old_one_is_asked() -> None:
    world = Merged(answers=(refusal(CURRENT),))
    assert await refused(world, view_call("emergency", patient=OLD)) is Code.EMERGENCY_AFTER_REFUSAL
    assert world.known == {OLD: CURRENT}
    (learned,) = [each for write in world.writes for each in write.successors]
    assert (learned.superseded, learned.current) == (OLD, CURRENT)


async def test_a_no_under_a_number_never_followed_binds_once_pds_has_told() -> None:
    """I2: nothing was asked of PDS for the refused request, so nobody can know yet whose number it was."""
    world = Merged(answers=(refusal(OLD),))
    await viewed(world, view_call("emergency", patient=CURRENT))
    world.log.clear()
    await refused(world, view_call("emergency", patient=OLD))
    assert "pds" not in world.kinds()
    await viewed(world, view_call("yes", patient=OLD))
    world.log.clear()
    assert await refused(world, view_call("emergency", patient=CURRENT)) is Code.EMERGENCY_AFTER_REFUSAL


async def test_a_no_under_a_third_number_binds_after_pds_has_answered() -> None:
    """Asked for one old number, told under another: known only when PDS names the current one, and judged then."""
    world = Merged(answers=(refusal(OLDER),), known={OLDER: CURRENT})
    assert await refused(world, view_call("emergency", patient=OLD)) is Code.EMERGENCY_AFTER_REFUSAL
    assert "pds" in world.kinds()


async def test_the_status_of_a_record_teaches_the_link() -> None:
    world = Merged()
    call = StatusCall(action="getSCRStatus", patient=OLD, credentials=Credentials(token="good"), claims=cases.claims())
    parts = world.parts()
    await View(parts).status(call, context(), await Service(parts).caller(call, context()))
    assert world.known == {OLD: CURRENT}


async def test_a_link_is_put_on_record_once() -> None:
    world = Merged()
    await viewed(world, view_call("yes", patient=OLD))
    await viewed(world, view_call("yes", patient=OLD))
    assert len([each for write in world.writes for each in write.successors]) == 1


async def test_a_link_that_pds_takes_back_is_dropped_and_binds_no_longer() -> None:
    world = Merged(answers=(refusal(CURRENT),), known={OLD: CURRENT}, merged=frozenset())
    assert await refused(world, view_call("not-asked", patient=OLD)) is Code.PERMISSION_REFUSED
    await viewed(world, view_call("yes", patient=OLD))  # asks PDS
    assert world.known == {OLD: OLD}
    world.log.clear()
    assert await refused(world, view_call("not-asked", patient=OLD)) is Code.PERMISSION_MISSING


def print_call(number: NhsNumber, permission: str = "yes") -> PrintCall:
    """The print of a view that was opened an hour and a half ago."""
    seen = view_call(permission, patient=number)
    return PrintCall(
        action="print",
        patient=number,
        rendered=True,
        credentials=seen.credentials,
        claims=seen.claims,
        viewed_at=cases.NOW - 1.5 * HOUR,
    )


@pytest.mark.parametrize("permission", ["yes", "emergency"])
@pytest.mark.parametrize(("told", "printed"), [(OLD, CURRENT), (CURRENT, OLD), (OLDER, OLD)])
async def test_no_print_after_a_no_under_another_number(told: NhsNumber, printed: NhsNumber, permission: str) -> None:
    world = Merged(answers=(refusal(told),), known={OLD: CURRENT, OLDER: CURRENT})
    assert await refused(world, print_call(printed, permission)) is Code.PERMISSION_REFUSED


async def test_no_print_after_a_no_that_only_pds_links() -> None:
    world = Merged(answers=(refusal(CURRENT),))
    assert await refused(world, print_call(OLD)) is Code.PERMISSION_REFUSED
    assert "pds" in world.kinds()


async def test_a_no_before_the_view_does_not_close_its_print() -> None:
    world = Merged(answers=(refusal(OLD, 2 * HOUR),), known={OLD: CURRENT, OLDER: CURRENT})
    await viewed(world, print_call(CURRENT))
    assert [entry.event for entry in world.entries] == ["asked", "print"]
