"""How fast the journal makes audit entries durable: 1, 100 and 1,000 callers on SQLite and PostgreSQL, and reads of a view's state.

python -m tests.bench.journal_bench [SECONDS]. Prints a table; fsync is on everywhere, and checked.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.domain.journal import Spend, SpendKind, Write
from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys, load_or_create_keys
from gateway.store.state import State
from tests.postgres import binaries, cluster
from tests.store.values import COLLEAGUE, ORGANISATION, PATIENT, USER, entry, new_id

CALLERS = (1, 100, 1000)
LINGERS = (0.0, 0.002)
_EXPIRES = timedelta(minutes=10)


async def measure(callers: int, seconds: float, work: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """(calls a second, p50 ms, p99 ms) of so many callers who each call again as soon as they are answered."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            await work()
            taken.append(time.perf_counter() - began)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    total = time.perf_counter() - start
    marks = statistics.quantiles(taken, n=100) if len(taken) > 1 else [taken[0]] * 99
    return len(taken) / total, marks[49] * 1000, marks[98] * 1000


def view_write() -> Write:
    """What the first step of one view makes durable: an entry and a spent message id."""
    now = datetime.now(UTC)
    return Write(entries=(entry(at=now),), spend=(Spend(kind=SpendKind.MESSAGE, key=new_id(), expires=now + _EXPIRES),))


class _Sizes:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def committed(self, units: int, seconds: float) -> None:
        self.sizes.append(units)

    def failed(self, fault: str) -> None:
        raise AssertionError(f"the bench met {fault}")


async def bench(name: str, url: str, keys: AuditKeys, seconds: float) -> None:
    """All lines of one database."""
    engine = make_engine(url)
    await upgrade(engine)
    for linger in LINGERS:
        for callers in CALLERS:
            sizes = _Sizes()
            journal = Journal(
                engine=engine,
                keys=keys,
                host="bench",
                ids=new_id,
                clock=lambda: datetime.now(UTC),
                settings=JournalSettings(linger=linger),
                meter=sizes,
            )
            await journal.start()
            rate, middle, late = await measure(callers, seconds, lambda journal=journal: journal.commit(view_write()))  # type: ignore[misc]
            await journal.stop()
            group = statistics.mean(sizes.sizes)
            print(
                f"{name:<11} commit, linger {linger * 1000:.0f} ms {callers:>6} {rate:>9.0f} {middle:>9.2f} {late:>9.2f} {group:>7.1f}"
            )
    state = State(engine)

    async def read() -> None:
        await state.view_state(
            patients=(PATIENT,), organisation=ORGANISATION, user=USER, officers=(COLLEAGUE,), now=datetime.now(UTC)
        )

    for callers in (1, 10):
        rate, middle, late = await measure(callers, seconds, read)
        print(f"{name:<11} view_state          {callers:>6} {rate:>9.0f} {middle:>9.2f} {late:>9.2f}")
    await engine.dispose()


def main() -> None:
    """Prints the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    print(f"{'database':<11} {'what':<19} {'callers':>7} {'per s':>9} {'p50 ms':>9} {'p99 ms':>9} {'group':>7}")
    with tempfile.TemporaryDirectory() as folder:
        keys = load_or_create_keys(Path(folder) / "keys")
        asyncio.run(bench("SQLite", f"sqlite+aiosqlite:///{folder}/bench.db", keys, seconds))
        if binaries() is None:
            print("PostgreSQL is not installed: its half of the bench does not run")
            return
        with cluster() as server:
            asyncio.run(bench("PostgreSQL", server.url(), keys, seconds))


if __name__ == "__main__":
    main()
