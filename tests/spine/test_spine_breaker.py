"""The breaker and the waiting room: when they let calls through."""

import asyncio

import pytest

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.spine.breaker import Breaker, BreakerSettings, BreakerState, Places, still_open


def _breaker(**settings: float) -> tuple[Breaker, list[BreakerState]]:
    states: list[BreakerState] = []
    return Breaker(BreakerSettings(calls=20, share=0.5, window=10, pause=5, **settings), states.append), states


def _calls(breaker: Breaker, start: float, outcomes: str) -> None:
    for place, outcome in enumerate(outcomes):
        now = start + place * 0.1
        assert breaker.admit(now)
        (breaker.failed if outcome == "x" else breaker.succeeded)(now)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("x" * 19, BreakerState.CLOSED),
        ("x" * 20, BreakerState.OPEN),
        ("." * 10 + "x" * 10, BreakerState.OPEN),
        ("." * 11 + "x" * 10, BreakerState.CLOSED),
        (".x" * 10, BreakerState.OPEN),
    ],
)
def test_opens_at_twenty_calls_of_which_half_failed(outcomes: str, state: BreakerState) -> None:
    breaker, _ = _breaker()
    _calls(breaker, 0, outcomes)
    assert breaker.state is state


def test_calls_older_than_the_window_do_not_count() -> None:
    breaker, _ = _breaker()
    _calls(breaker, 0, "x" * 19)
    _calls(breaker, 20, "x")
    assert breaker.state is BreakerState.CLOSED


def test_one_probe_decides() -> None:
    breaker, states = _breaker()
    _calls(breaker, 0, "x" * 20)
    assert not breaker.admit(6)
    assert still_open(breaker, 6).retry_after == 1
    assert breaker.admit(7)
    assert not breaker.admit(7)  # one probe only
    breaker.failed(7)
    assert not breaker.admit(11.9)
    assert breaker.admit(12)
    breaker.abandoned()  # its caller went away: the next call is the probe
    assert breaker.admit(12)
    breaker.succeeded(12)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit(12)
    assert breaker.admit(12)
    assert [state.value for state in states] == ["open", "half-open", "open", "half-open", "closed"]
    _calls(breaker, 12, "x" * 19)
    assert breaker.state is BreakerState.CLOSED  # what failed before it opened is forgotten


async def test_places_are_bounded_and_waiting_too() -> None:
    places = Places(limit=2, queue=1)
    loop = asyncio.get_running_loop()
    release = asyncio.Event()
    inside = 0

    async def work(deadline: float) -> None:
        nonlocal inside
        async with places.one(deadline):
            inside += 1
            await release.wait()
            inside -= 1

    working = [asyncio.create_task(work(loop.time() + 60)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert inside == 2
    with pytest.raises(NotPossibleNow) as full:
        await work(loop.time() + 60)
    assert (full.value.code, full.value.retry_after) == (Code.OVERLOADED, 1)
    release.set()
    await asyncio.gather(*working)
    assert inside == 0


async def test_waiting_ends_at_the_deadline_and_frees_the_queue() -> None:
    places = Places(limit=1, queue=1)
    loop = asyncio.get_running_loop()
    async with places.one(loop.time() + 60):
        for _ in range(2):
            with pytest.raises(NotPossibleNow):
                async with places.one(loop.time() + 0.01):
                    raise AssertionError("there is no place")
    async with places.one(loop.time() + 60):
        pass


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"share": 0}, {"share": 1.1}, {"window": 0}, {"pause": 0}])
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        BreakerSettings(**wrong)  # type: ignore[arg-type]
