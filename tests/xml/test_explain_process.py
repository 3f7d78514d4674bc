"""The explaining process: same findings as in-process, killed at its limit, healthy afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.xml.explain import Context, explain
from gateway.xml.explain_process import ExplainProcess
from gateway.xml.parser import Limits
from tests.xml.odd_checks import dying, greedy, sleepy, telling
from tests.xml.wire import NOW, changed, good

GOOD = good("querySCR")
BAD = changed(GOOD, 'count="1"', 'count="7"')
CONTEXT = Context(now=NOW)


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ExplainProcess]:
    monkeypatch.setenv("SCR_GATEWAY_SECRET", "hidden")
    made = ExplainProcess(limit=5.0)
    await made.start()
    yield made
    await made.close()


async def test_the_same_findings_as_in_this_process(process: ExplainProcess) -> None:
    for data in (BAD, GOOD, b"<a", GOOD.decode().encode("utf-16")):
        expected = explain(data, check_mini_service, CONTEXT)
        assert await process.explain(data, check_mini_service, CONTEXT) == expected
    assert await process.explain(BAD, telling, CONTEXT) == explain(BAD, check_mini_service, CONTEXT)


async def test_killed_at_the_limit_and_healthy_afterwards(process: ExplainProcess) -> None:
    impatient = ExplainProcess(limit=1.0)
    await impatient.start()
    await impatient.explain(GOOD, check_mini_service, CONTEXT)  # warm: modules and schemas are loaded
    worker = psutil.Process(impatient._process.pid)  # type: ignore[union-attr]
    begin = time.monotonic()
    assert await impatient.explain(BAD, sleepy, CONTEXT) == ()
    assert time.monotonic() - begin < 10
    assert not worker.is_running()
    patient_again = await process.explain(BAD, check_mini_service, CONTEXT)
    assert [one.code for one in patient_again] == ["count-mismatch"]
    await impatient.close()


@pytest.mark.parametrize("check", [dying, greedy], ids=lambda check: check.__name__)
async def test_a_dead_process_costs_one_explanation(process: ExplainProcess, check) -> None:
    assert await process.explain(BAD, check, CONTEXT) == ()
    assert await process.explain(BAD, check_mini_service, CONTEXT)


async def test_a_caller_who_goes_away_leaves_no_answer_behind(process: ExplainProcess) -> None:
    task = asyncio.create_task(process.explain(BAD, sleepy, CONTEXT))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await process.explain(GOOD, check_mini_service, CONTEXT) == ()
    assert [one.code for one in await process.explain(BAD, check_mini_service, CONTEXT)] == ["count-mismatch"]


async def test_the_queue_is_short() -> None:
    process = ExplainProcess(limit=5.0, queue=2)
    results = await asyncio.gather(*(process.explain(BAD, check_mini_service, CONTEXT) for _ in range(6)))
    await process.close()
    assert sum(bool(result) for result in results) == 2


async def test_too_large_is_not_even_sent() -> None:
    process = ExplainProcess()
    assert await process.explain(BAD, check_mini_service, CONTEXT, Limits(max_bytes=10)) == ()
    assert process._process is None
