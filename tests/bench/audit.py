"""What the audit alone can take, and how long its writer should wait for company: on SQLite and PostgreSQL, fsync on and checked.

Writers are callers of one journal; each writes again as soon as its entry is on disk. Waiting is measured in the gateway
itself, under whole views.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.domain.journal import Spend, SpendKind, Write
from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys, load_or_create_keys
from gateway.store.state import State
from tests.bench.databases import databases, place, store
from tests.bench.doors import Row, Turns, measured
from tests.bench.messages import MINI_SERVICE
from tests.bench.yard import Yard
from tests.store.values import COLLEAGUE, ORGANISATION, PATIENT, USER, entry, new_id

WRITERS = (1, 100, 1000)
READERS = (1, 10)
WAITS_MS = (0, 2)
_EXPIRES = timedelta(minutes=10)


class _Sizes:
    """How many writes shared each transaction."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def committed(self, units: int, seconds: float) -> None:
        self.sizes.append(units)

    def writing(self, going: bool, fault: str = "") -> None:
        """The database must take all of it."""
        assert going, fault

    def alarmed(self, alarm: str) -> None:
        """An alarm, which a measurement must not have."""
        raise AssertionError(alarm)

    def vouching(self, going: bool) -> None:
        """Checkpoints go on or not."""

    def failed(self, fault: str) -> None:
        raise AssertionError(f"the bench met {fault}")


def written() -> Write:
    """What the first step of one view makes durable: an entry and a spent message id."""
    now = datetime.now(UTC)
    return Write(entries=(entry(at=now),), spend=(Spend(kind=SpendKind.MESSAGE, key=new_id(), expires=now + _EXPIRES),))


async def _timed(callers: int, seconds: float, work: Callable[[], Awaitable[object]]) -> Row:
    """So many callers who each call again as soon as they are answered."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            await work()
            taken.append(time.perf_counter() - began)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    ordered = sorted(taken)
    return {
        "callers": callers,
        "per_second": len(taken) / (time.perf_counter() - start),
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000,
    }


async def _one_database(name: str, url: str, keys: AuditKeys, seconds: float) -> list[Row]:
    engine = make_engine(url)
    await upgrade(engine)
    rows: list[Row] = []
    for writers in WRITERS:
        meter = _Sizes()
        journal = Journal(
            engine=engine, keys=keys, host="bench", ids=new_id, clock=lambda: datetime.now(UTC), meter=meter,
            settings=JournalSettings(),
        )  # fmt: skip
        await journal.start()
        row = await _timed(writers, seconds, lambda journal=journal: journal.commit(written()))  # type: ignore[misc]
        await journal.stop()
        rows.append({"database": name, "what": "entries on disk", **row, "shared": statistics.mean(meter.sizes)})
    state = State(engine)

    async def read() -> None:
        await state.view_state(
            patients=(PATIENT,), organisation=ORGANISATION, user=USER, officers=(COLLEAGUE,), now=datetime.now(UTC)
        )

    rows += [
        {"database": name, "what": "what a decision reads", **await _timed(readers, seconds, read)}
        for readers in READERS
    ]
    await engine.dispose()
    return rows


def journals(seconds: float) -> list[Row]:
    """Entries made durable a second by 1, 100 and 1,000 writers at once, and the read that a decision needs."""
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as urls:
        keys = load_or_create_keys(Path(folder) / "keys")
        return [row for name, url in urls.items() for row in asyncio.run(_one_database(name, url, keys, seconds))]


def journals_table(rows: list[Row]) -> str:
    """The rows for a person."""
    lines = [
        "| database | what | callers | a second | p50 ms | p99 ms | writes sharing one fsync |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['database']} | {row['what']} | {row['callers']} | {row['per_second']:.0f} | {row['p50_ms']:.2f} | "
        f"{row['p99_ms']:.2f} | {format(row['shared'], '.1f') if 'shared' in row else ''} |"
        for row in rows
    ]
    return "\n".join(lines)


def waits(turns: Turns, folder: Path) -> list[Row]:
    """Whole views with a writer that never waits and with one that waits 2 ms behind a busy gateway, on both databases."""
    folder = folder / "waits"
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        urls = stack.enter_context(databases(folder))
        yard = stack.enter_context(Yard(folder))
        targets = []
        for name, url in urls.items():
            for wait in WAITS_MS:
                with store(**place(name, url, folder, f"wait-{wait}"), LINGER_MS=str(wait)):
                    sandbox = yard.gateway(f"{name}-{wait}")
                targets.append(yard.target(sandbox, MINI_SERVICE, f"{name}, waits {wait} ms"))
        return measured(targets, replace(turns, callers=(1, 8, 32)), kilobytes=43, spine_ms=0)
