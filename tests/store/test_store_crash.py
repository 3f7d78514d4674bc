"""What was acknowledged is there after SIGKILL, after a crash of the database, and after a power cut; every chain verifies."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import NotPossibleNow
from gateway.domain.journal import Write
from gateway.store.chain import decode
from gateway.store.engine import make_engine, reader_of, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys, load_or_create_keys
from gateway.store.tables import alert, audit, outbox, spent
from gateway.store.verify_database import verify_database
from tests.postgres import REQUIRED, binaries, cluster
from tests.store.values import NOW, new_id
from tests.store.values import entry as an_entry

KILLS = int(os.environ.get("SCR_STORE_KILLS", "4"))
CALLERS = 25


class Writer:
    """A writing process and what it said was acknowledged."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.writer_process", *map(str, arguments)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def wait_for(self, number: int, seconds: float = 300) -> None:
        """Until so many were acknowledged."""
        until = time.monotonic() + seconds
        while len(self.lines) < number:
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"the writer ended early: {self.process.stderr.read()!r}")  # type: ignore[union-attr]
            time.sleep(0.002)

    def kill(self) -> None:
        """SIGKILL, and everything it had said before."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    @property
    def acknowledged(self) -> list[tuple[str, str | None]]:
        """(entry id, alert id) of each whole line."""
        words = [line.decode().split() for line in self.lines if line.endswith(b"\n")]
        return [(entry, None if raised == "-" else raised) for entry, raised in words]


@contextmanager
def writers(number: int, *arguments: object) -> Iterator[list[Writer]]:
    """Some writing processes; none outlives the test."""
    running = [Writer(*arguments) for _ in range(number)]
    try:
        yield running
    finally:
        for writer in running:
            if writer.process.poll() is None:
                writer.kill()
            writer.process.stdout.close()  # type: ignore[union-attr]
            writer.process.stderr.close()  # type: ignore[union-attr]


async def missing(engine: AsyncEngine, acknowledged: Sequence[tuple[str, str | None]]) -> list[str]:
    """What was acknowledged and is not there whole; and asserts that no unit is there in part."""
    async with reader_of(engine).connect() as connection:
        entries = {e.id: e for e in map(decode, (await connection.execute(select(audit.c.body))).scalars())}
        alerts = set((await connection.execute(select(alert.c.id))).scalars())
        messages = list((await connection.execute(select(outbox.c.alert_id))).scalars())
        used = set((await connection.execute(select(spent.c.key))).scalars())
    viewed = {entry.id: entry for entry in entries.values() if entry.event == "viewed"}
    assert {entry.alert_id for entry in viewed.values() if entry.alert_id} == alerts
    assert sorted(messages) == sorted([*alerts, *alerts])
    assert used == set(viewed)
    asked = {entry.correlation_id for entry in entries.values() if entry.event == "asked"}
    assert {entry.correlation_id for entry in viewed.values()} == asked
    return [entry for entry, raised in acknowledged if entry not in viewed or (raised and raised not in alerts)]


@pytest.fixture
def key_folder(tmp_path: Path) -> Path:
    """Keys on disk, for processes."""
    load_or_create_keys(tmp_path / "keys")
    return tmp_path / "keys"


async def test_nothing_acknowledged_is_lost_by_sigkill(
    database: str, engine: AsyncEngine, key_folder: Path, tmp_path: Path
) -> None:
    chance, acknowledged = random.Random(20260304), []
    for kill in range(KILLS):
        with writers(1 + kill % 2, database, key_folder, CALLERS) as running:
            for writer in running:
                writer.wait_for(chance.randrange(1, 400))
            await asyncio.sleep(chance.random() / 20)
            for writer in running:
                writer.kill()
                acknowledged.extend(writer.acknowledged)
    assert len(acknowledged) >= KILLS
    assert await missing(engine, acknowledged) == []
    report = await verify_database(engine, load_or_create_keys(key_folder).verify)
    assert report.flaws == ()
    assert report.entries >= 2 * len(acknowledged)


@pytest.mark.parametrize(("synchronous", "loses"), [("FULL", False), ("NORMAL", True)])
async def test_a_power_cut_loses_nothing_acknowledged_and_would_without_fsync(
    sqlite_template: Path, key_folder: Path, tmp_path: Path, synchronous: str, loses: bool
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for folder in (tmp_path, mirror):
        shutil.copy(sqlite_template, folder / "store.db")
    url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    with writers(1, url, key_folder, 3, mirror, synchronous) as (writer,):
        writer.wait_for(250)
        writer.kill()
    engine = make_engine(f"sqlite+aiosqlite:///{mirror}/store.db")
    lost = await missing(engine, writer.acknowledged)
    report = await verify_database(engine, load_or_create_keys(key_folder).verify)
    await engine.dispose()
    assert bool(lost) is loses
    # what is left is whole; its checkpoints are lost with the rest
    assert {flaw.kind for flaw in report.flaws} <= ({"export-cut"} if loses else set())


@pytest.mark.postgres
async def test_a_crash_of_postgresql_loses_nothing_and_needs_no_restart_of_ours(
    keys: AuditKeys, tmp_path: Path
) -> None:
    if binaries() is None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail("PostgreSQL is required and not installed")
        pytest.skip("PostgreSQL is not installed (deploy/install-postgres.sh): its crash test does not run")
    with cluster() as server:
        engine = make_engine(server.url(), busy=1)
        await upgrade(engine)
        settings = JournalSettings(retry_every=0.05)
        journal = Journal(engine=engine, keys=keys, host="crash", ids=new_id, clock=lambda: NOW, settings=settings)
        await journal.start()
        kept = [an_entry() for _ in range(3)]
        await journal.commit(Write(entries=(kept[0],)))
        server.stop("immediate")
        with pytest.raises(NotPossibleNow) as refused:
            await journal.commit(Write(entries=(an_entry(),)))
        assert refused.value.code.slug == "audit-unavailable"
        assert not journal.healthy
        server.start()
        await journal.commit(Write(entries=(kept[1],)))
        assert journal.healthy
        server.stop("immediate")
        server.start()
        await journal.commit(Write(entries=(kept[2],)))  # a closed idle connection is nobody's fault: no refusal
        await journal.stop()
        async with reader_of(engine).connect() as connection:
            bodies = (await connection.execute(select(audit.c.body))).scalars().all()
        assert {decode(body).id for body in bodies} == {entry.id for entry in kept}
        report = await verify_database(engine, keys.verify)
        assert (report.flaws, report.uncovered) == ((), 0)
        await engine.dispose()
