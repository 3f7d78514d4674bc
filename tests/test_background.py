"""Work beside the requests: begun again with an alarm where it ends, ended with its block."""

import asyncio

import pytest

from gateway.background import beside
from gateway.metrics import Metrics


@pytest.mark.parametrize("fault", [RuntimeError("a bug"), None], ids=["raises", "returns"])
async def test_work_that_ends_is_begun_again_and_raises_the_alarm(fault: Exception | None) -> None:
    metrics, begun, thrice = Metrics(), [], asyncio.Event()

    async def work() -> None:
        begun.append(True)
        if len(begun) == 3:
            thrice.set()
            await asyncio.Event().wait()
        if fault is not None:
            raise fault

    async with beside("delivering", work, metrics, pause=0.001):
        await asyncio.wait_for(thrice.wait(), 5)
    assert b'scr_alarms_total{alarm="background-ended"} 2.0' in metrics.text()


async def test_the_block_ends_only_when_its_work_has() -> None:
    metrics, ended = Metrics(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append(True)

    async with beside("delivering", work, metrics):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert ended == [True]
    assert b'scr_alarms_total{alarm="background-ended"} 0.0' in metrics.text()
