"""One record, one reading: every door shows the same words of the same patient, whatever it speaks."""

import asyncio
from typing import Any

import pytest

from tests.running import RunningSandbox
from tests.test_patient_cases import CASES, DOORS, PATIENTS, RECORD, Door
from vendor_stubs import cast
from vendor_stubs.calling.commands import Calling, open_calls
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product

COMPARED = (
    "nhs_number",
    "requested_nhs_number",
    "created",
    "author",
    "practice",
    "document_statements",
    "additional_information",
    "sections",
)
"""What must be the same through every door."""

GENERATED = tuple(
    number
    for number in (f"9{step:09d}" for step in range(400_000_000, 400_000_200))
    if (found := cast.patient(number)) is not None and found.case == "generated"
)[:10]
BEARING = {
    case: PATIENTS[case].nhs
    for case, (outcome, _) in CASES.items()
    if outcome == RECORD or case in {"deceased", "hostile_markup"}
}
NUMBERS = {**BEARING, **{f"generated {number}": number for number in GENERATED}}


async def shown(sandbox: RunningSandbox, door: Door, number: str) -> dict[str, Any]:
    """What the door's stub reads of a view with everything in order."""
    assert not door.options
    request = ViewRequest(
        nhs_number=number, uid=door.user, permission="yes", relationship="referral", confirm_deceased=True
    )
    stub = product(door.product)
    stub.check(request)
    async with open_calls(Calling(gateway=sandbox.gateway), product=door.product) as calls:
        await prepare(request, calls)
        result = await stub.view(request, calls)
    assert result.record is not None, (door.product, result.outcome, result.code)
    return {name: result.record[name] for name in COMPARED}


def test_every_kind_of_record_is_compared() -> None:
    assert len(GENERATED) == 10
    assert len(NUMBERS) >= 30
    assert len(DOORS) >= 2


@pytest.mark.parametrize("case", NUMBERS)
async def test_every_door_shows_the_same(sandbox: RunningSandbox, case: str) -> None:
    """The first alone, as some patients change when they are asked for first; then all others, each against each."""
    doors = [door for door in DOORS if door.rendered or case != "hostile_markup"]
    first = await shown(sandbox, doors[0], NUMBERS[case])
    assert first["sections"]
    others = await asyncio.gather(*(shown(sandbox, door, NUMBERS[case]) for door in doors[1:]))
    for door, other in zip(doors[1:], others, strict=True):
        for name in COMPARED:
            assert other[name] == first[name], (door.product, name)
