"""What one gateway process holds: at start, while it shows many records, and for each browser that is signed in.

`python -m tests.bench.memory [--views 100000] [--callers 8] [--sessions 200] [--database postgresql]`. Memory is the resident set,
as the kernel tells it, and of it the part no other process shares. The goal: under 150 MB, and under 1 % growth over the last nine
tenths of the views.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.messages import MINI_SERVICE
from tests.bench.yard import Target, Yard, load
from tests.pages.walking import signed_in, walking
from tests.postgres import cluster
from tests.running import RunningSandbox, sandbox_running

SLICE = 15.0
"""Seconds between two readings."""
FRESH_SECONDS = 240.0
"""Age at which a request is made anew: its time stamp lasts five minutes."""
MOST, GROWTH = 150.0, 0.01


@dataclass(frozen=True, slots=True)
class Reading:
    """MB after so many views."""

    views: int
    resident: float
    own: float


def read(pid: int, views: int) -> Reading:
    """What the process holds now."""
    found = psutil.Process(pid).memory_full_info()
    return Reading(views=views, resident=found.rss / 2**20, own=found.uss / 2**20)


def viewing(made: Callable[[], Target], views: int, callers: int) -> list[Reading]:
    """A reading before, and one after each slice, until so many records have been shown. Raises RuntimeError where any was not.

    `made` makes the request, anew when it grows old. Not oftener: each time a relationship goes on record, and every view reads
    them all.
    """
    target, fresh = made(), time.monotonic()
    [pid] = target.pids
    readings = [read(pid, 0)]
    while readings[-1].views < views:
        if time.monotonic() - fresh > FRESH_SECONDS:
            target, fresh = made(), time.monotonic()
        run = load(target, callers, SLICE)
        statuses = run["statuses"]
        if not isinstance(statuses, dict) or set(statuses) != {"200"}:
            raise RuntimeError(f"not every view showed a record: {statuses}")
        readings.append(read(pid, readings[-1].views + int(str(run["whole"]))))
        print(f"  {readings[-1].views} views: {readings[-1].resident:.1f} MB, own {readings[-1].own:.1f}", flush=True)
    return readings


async def _signed_in(sandbox: RunningSandbox, sessions: int) -> tuple[Reading, Reading]:
    """A reading before and after so many browsers have signed in and stay; ten came before, as the first costs more."""
    pid = sandbox.process.pid
    async with AsyncExitStack() as stack:
        for number in range(sessions + 10):
            if number == 10:
                before = read(pid, 0)
            browser, _ = await stack.enter_async_context(walking(sandbox))
            await signed_in(browser)
        return before, read(pid, 0)


def grown(readings: Sequence[Reading]) -> float:
    """Growth of the resident set over the last nine tenths of the views, as a share; between the means of their two ends."""
    tenth = readings[-1].views / 10
    late = [one.resident for one in readings if one.views >= tenth]
    ends = max(1, len(late) // 10)
    first, last = sum(late[:ends]) / ends, sum(late[-ends:]) / ends
    return last / first - 1


def _told(*, met: bool) -> str:
    return "met" if met else "MISSED"


def table(readings: Sequence[Reading], sessions: int, signed: tuple[Reading, Reading]) -> str:
    """The readings for a person, against the goals."""
    step = max(1, len(readings) // 12)
    kept = [*readings[:-1:step], readings[-1]]
    lines = ["| views | resident MB | own MB |", "|---|---|---|"]
    lines += [f"| {one.views} | {one.resident:.1f} | {one.own:.1f} |" for one in kept]
    growth, most = grown(readings), max(one.resident for one in readings)
    each = (signed[1].own - signed[0].own) * 1024 / sessions
    lines += [
        "",
        f"Growth over the last nine tenths: {growth:.2%} (goal under {GROWTH:.0%}: {_told(met=growth < GROWTH)}).",
        f"Most: {most:.1f} MB (goal under {MOST:.0f}: {_told(met=most < MOST)}).",
        f"Each of {sessions} signed-in browsers: {each:.1f} KB.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory")
    parser.add_argument("--views", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if given.database == "postgresql":
            os.environ["SCR_GATEWAY_STORE__URL"] = stack.enter_context(cluster()).url()
        with Yard(Path(folder)) as yard:
            gateway = yard.gateway("memory")
            readings = viewing(lambda: yard.target(gateway, MINI_SERVICE, "memory"), given.views, given.callers)
        with sandbox_running(Path(folder) / "sessions", level="WARNING") as sandbox:
            signed = asyncio.run(_signed_in(sandbox, given.sessions))
    print(table(readings, given.sessions, signed))


if __name__ == "__main__":
    main()
