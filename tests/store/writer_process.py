"""A process that writes to a store as fast as it can and says on its output what was acknowledged, until it is killed.

python -m tests.store.writer_process URL KEYS CALLERS [MIRROR [SYNCHRONOUS]]. With MIRROR, only what SQLite has synced
reaches that folder: what a power cut would leave.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.journal import Spend, SpendKind, Write
from gateway.store.engine import make_engine
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import load_keys
from tests.store.values import NOW, entry, new_id
from tests.store.values import raised as an_alerting_view


async def caller(journal: Journal) -> None:
    """One view after the other; every third raises an alert. A line is written once the commit was acknowledged."""
    number = 0
    while True:
        number += 1
        at = datetime.now(UTC)  # as the checkpoints' own: verification holds the one against the other
        seen, raised = an_alerting_view(at=at) if number % 3 == 0 else (entry(at=at), None)
        asked = entry(event="asked", correlation_id=seen.correlation_id, at=at)
        spend = Spend(kind=SpendKind.MESSAGE, key=seen.id, expires=NOW)
        await journal.commit(Write(entries=(asked, seen), alerts=(raised,) if raised else (), spend=(spend,)))
        os.write(1, f"{seen.id} {raised.id if raised else '-'}\n".encode())


async def main(url: str, keys: str, callers: str, mirror: str | None = None, synchronous: str = "FULL") -> None:
    """Writes until killed."""
    if mirror:
        from tests.store.lost_writes import mirror_synced

        mirror_synced(Path(mirror))
    engine = make_engine(url, synchronous=synchronous)
    journal = Journal(
        engine=engine,
        keys=load_keys(Path(keys)),
        host="crash",
        ids=new_id,
        clock=lambda: datetime.now(UTC),
        settings=JournalSettings(checkpoint_every=0.2),
    )
    if synchronous != "FULL":  # the counter-test: what start refuses is what loses entries
        import gateway.store.chain_writer as module

        def unchecked(_connection: object) -> None:
            return

        module.durable = unchecked  # type: ignore[assignment]
    await journal.start()
    await asyncio.gather(*(caller(journal) for _ in range(int(callers))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
