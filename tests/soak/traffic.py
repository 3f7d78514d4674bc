"""Clients at work: which door, which patient, with what permission; every choice drawn from the seed. One action is one thing a client does."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.soak import errands
from tests.soak.house import House
from tests.soak.ledger import Asked, Ledger, WatchedWire
from tests.test_patient_cases import CASES, DOORS, RECORD, Door
from vendor_stubs import cast
from vendor_stubs.calling.errors import CallingError, WrongUsage
from vendor_stubs.calling.http import ANSWER_SECONDS, Calls, open_wire
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product

OVERRIDES = frozenset({"emergency", "best-interests", "legal"})
PERMISSIONS = {"yes": 52, "emergency": 15, "best-interests": 5, "legal": 5, "not-asked": 10, "no": 5, "extended": 8}
RELATIONSHIPS = {"referral": 70, "registration": 5, "self-claimed": 20, "none": 5}
NEVER = frozenset(case for case, (ended, _) in CASES.items() if ended != RECORD) - {"deceased", "hostile_markup"}
"""Cases whose record no door ever shows."""
GENERATED = tuple(
    number
    for number in (f"9{step:09d}" for step in range(200_000_000, 200_000_400))
    if (found := cast.patient(number)) is not None and found.case == "generated"
)
PEOPLE = tuple(patient for patient in cast.patients() if patient.case)


@dataclass
class Street:
    """What every client shares."""

    house: House
    ledger: Ledger
    patients: set[str]
    """NHS numbers asked for in this run."""
    notes: set[str]
    """Words only this run's notes hold."""
    brief: bool = False

    @asynccontextmanager
    async def calls(self, door: str, asked: Asked, system: str | None = None) -> AsyncIterator[Calls]:
        """What a stub works with, over a watched wire and a browser of its own."""
        if asked.number:
            self.patients.add(asked.number)
        sandbox = self.house.sandbox
        async with open_wire() as plain:
            wire = WatchedWire(plain._session, self.ledger, asked, sandbox.gateway)
            chosen = cast.system(system) if system else cast.default_system(door)
            assert chosen is not None
            yield Calls(
                wire=wire,
                system=chosen,
                gateway=sandbox.gateway,
                identity=sandbox.identity,
                now=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()).upper(),
                tell=lambda _: None,
            )

    def note(self, chance: random.Random) -> str:
        """Words nobody used before, so that they are no repeat and can be searched for."""
        words = "".join(chance.choice("bcdfghjklmnpqrstvwxz") for _ in range(10))
        self.notes.add(words)
        return f"collapsed at home {words[:5]} seen by {words}"


def drawn(chance: random.Random, weights: dict[str, int]) -> str:
    """One of the keys."""
    return chance.choices(list(weights), list(weights.values()))[0]


def patient(chance: random.Random) -> str:
    """By turns one with a part to play and one of the nameless."""
    return chance.choice(PEOPLE).nhs if chance.random() < 0.5 else chance.choice(GENERATED)


def request_of(street: Street, door: Door, chance: random.Random) -> ViewRequest:
    """A view as somebody might ask for it; always one the door has a place for."""
    permission = drawn(chance, PERMISSIONS)
    number, relationship = patient(chance), drawn(chance, RELATIONSHIPS)
    note = street.note(chance) if permission in OVERRIDES else None
    request = ViewRequest(
        nhs_number=number,
        uid=door.user,
        permission=permission,
        note=note,
        basis="court-order" if permission == "legal" else None,
        until=(datetime.now(UTC) + timedelta(days=2)).date() if permission == "extended" else None,
        relationship=relationship,
        confirm_deceased=chance.random() < 0.5,
    )
    try:
        product(door.product).check(request)
    except WrongUsage:
        return ViewRequest(nhs_number=number, uid=door.user, permission="yes", relationship="referral")
    return request


async def view(street: Street, door: Door, chance: random.Random) -> None:
    """One view through one door, and what must never come of it."""
    request = request_of(street, door, chance)
    asked = Asked(door.product, request.nhs_number, request.permission in OVERRIDES, view=True)
    async with street.calls(door.product, asked) as calls:
        await prepare(request, calls)
        result = await product(door.product).view(request, calls)
    if result.outcome != "record":
        return
    found = cast.patient(request.nhs_number)
    assert result.record is not None
    assert found is not None
    if result.record["nhs_number"] not in asked.own:
        street.ledger.wrong(f"{door.product}: the record of another patient, {result.correlation_id}")
    if found.case in NEVER:
        street.ledger.wrong(f"{door.product}: a record of the case {found.case}, {result.correlation_id}")
    if request.permission == "no":
        street.ledger.wrong(f"{door.product}: a record though the patient said no, {result.correlation_id}")
    if not result.record["sections"]:
        street.ledger.wrong(f"{door.product}: a record with nothing in it, {result.correlation_id}")


Action = Callable[[Street, random.Random], Awaitable[None]]


def _through(door: Door) -> Action:
    async def act(street: Street, chance: random.Random) -> None:
        await view(street, door, chance)

    return act


ACTIONS: dict[str, tuple[Action, int]] = {
    **{f"view {door.product}": (_through(door), 6) for door in DOORS},
    **{name: (action, 2) for name, action in errands.ACTIONS.items()},
}
"""Name -> action and how often it is drawn beside the others."""


async def client(street: Street, seed: str, every: float, stop: asyncio.Event, done: dict[str, int]) -> None:
    """One client: an action about every so many seconds, until told to stop. Its order comes from its seed alone."""
    chance = random.Random(seed)
    names, weights = list(ACTIONS), [weight for _, weight in ACTIONS.values()]
    while not stop.is_set():
        name = chance.choices(names, weights)[0]
        own = random.Random(chance.random())  # what one action draws must not move the next
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS * 3):
                await ACTIONS[name][0](street, own)
            done[name] = done.get(name, 0) + 1
        except CallingError:
            done[f"{name}: no answer"] = done.get(f"{name}: no answer", 0) + 1
        except TimeoutError:
            street.ledger.wrong(f"{name}: neither answered nor closed within {ANSWER_SECONDS * 3:.0f} s")
        spent = asyncio.get_running_loop().time() - began
        pause = max(0.0, every * chance.uniform(0.5, 1.5) - spent)
        try:
            async with asyncio.timeout(pause):
                await stop.wait()
        except TimeoutError:
            continue
