"""P-03, P-01 and P-13 through every door while Spine is slow: what is answered to others during a view counts for that view."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.policy_doors.yard import ADASTRA, SCRA, Seat, Yard, doors
from vendor_stubs.calling.preparation import id_token

SPINE_SECONDS = 0.6
"""What each of Spine's answers takes; a view waits for at least two after it was asked."""


@asynccontextmanager
async def slow_spine(yard: Yard) -> AsyncIterator[None]:
    """Spine's stub answers late until the block ends."""
    await told(yard, int(SPINE_SECONDS * 1000))
    try:
        yield
    finally:
        await told(yard, 0)


async def told(yard: Yard, latency: int) -> None:
    """Tells Spine's stub how many milliseconds to wait before each answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{yard.sandbox.spine}/control", json={"latency_ms": latency}) as answer,
    ):
        assert answer.status == 200


async def asked(yard: Yard, number: str, times: int) -> None:
    """Waits until the last step of a view of this patient has passed its first decision and Spine is asked."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if steps(yard, number) == times:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the view was never asked")


def steps(yard: Yard, number: str) -> int:
    """How many steps of views of this patient were asked: some doors have one before the view itself."""
    return len(yard.rows("SELECT id FROM audit WHERE patient = ? AND event = 'asked'", number))


async def no_said(yard: Yard, seat: Seat, number: str) -> int:
    """A colleague records the patient's no: the status answered."""
    here = ADASTRA if seat is SCRA else seat  # the standalone viewer records nothing by message
    async with yard.calling(here.system) as calls:
        token = await id_token(calls, here.uid, here.role)
        document = {"nhs_number": number, "answer": "no", "role_profile": here.role}
        return await posted(calls, "/permissions", here.system, document, f"Bearer {token}")


async def relationship_ended(yard: Yard, seat: Seat, number: str) -> int:
    """The patient administration system ends what it fed."""
    async with yard.calling(seat.system) as calls:
        document = {"nhs_number": number, "user": seat.uid}
        return await posted(calls, "/relationships/end", f"pas-{seat.ods.lower()}", document)


async def posted(calls: Any, path: str, system: str, document: dict[str, Any], authorization: str = "") -> int:
    headers = {"X-SCR-System": system, "Content-Type": "application/json", "Accept": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    body = json.dumps(document).encode()
    answer = await calls.wire.send("POST", calls.gateway + path, headers=headers, body=body)
    return int(answer.status)


@doors
@pytest.mark.parametrize(
    ("meanwhile", "status", "code", "rule"),
    [
        (no_said, 201, "permission-refused", "P-03"),
        (relationship_ended, 200, "relationship-missing", "P-01"),
    ],
    ids=["no", "ended"],
)
async def test_p13_what_is_closed_while_spine_is_asked_is_not_shown(
    yard: Yard, seat: Seat, meanwhile: Any, status: int, code: str, rule: str
) -> None:
    number = yard.number()
    await yard.opens(seat, nhs_number=number, permission="extended" if seat.keeps else "yes")
    said = "not-asked" if seat.keeps else "yes"
    before = steps(yard, number)
    async with slow_spine(yard):
        view = asyncio.create_task(yard.view(seat, nhs_number=number, permission=said))
        await asked(yard, number, 2 * before)
        answered = await meanwhile(yard, seat, number)
        assert not view.done()
        result = await view
    assert answered == status
    entry = yard.told_no(seat, result, code, rule)
    assert [each["event"] for each in yard.entries(result.correlation_id)][-2:] == ["asked", "refused"]
    assert entry["patient"] == number
    shown = yard.rows("SELECT id FROM audit WHERE patient = ? AND event = 'viewed'", number)
    assert len(shown) == 1
