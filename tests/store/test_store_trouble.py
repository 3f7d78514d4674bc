"""A database that is full, locked, read-only or of unknown mind: clean refusals, nothing half written, recovery without a restart."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Transaction, event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import InternalError, NotPossibleNow
from gateway.domain.journal import Write
from gateway.store.chain import decode
from gateway.store.engine import make_engine, reader_of, twin_of
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import AuditKeys
from gateway.store.state import State
from gateway.store.tables import audit, audit_chain
from gateway.store.upkeep import Probing
from gateway.store.verify_database import verify_database
from tests.store.conftest import Count, MakeJournal
from tests.store.values import NOW, ORGANISATION, PATIENT, new_id
from tests.store.values import alert as an_alert
from tests.store.values import entry as an_entry


async def ids(engine: AsyncEngine) -> list[str]:
    """Entries in the audit."""
    async with reader_of(engine).connect() as connection:
        return [decode(body).id for body in (await connection.execute(select(audit.c.body))).scalars()]


async def wait_until_healthy(journal: Journal) -> None:
    """Readiness comes back by itself."""
    async with asyncio.timeout(20):
        while not journal.healthy:  # noqa: ASYNC110 - the journal tells nobody, readiness asks it
            await asyncio.sleep(0.01)


async def accepted(journal: Journal, write: Write) -> None:
    """The write is taken again, without a restart: a connection that was opened in the bad time may be refused once more."""
    async with asyncio.timeout(20):
        while True:
            try:
                await journal.commit(write)
            except NotPossibleNow:
                await wait_until_healthy(journal)
            else:
                return


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    """A database file."""
    made = tmp_path / "trouble.db"
    made.write_bytes(sqlite_template.read_bytes())
    return made


@pytest.fixture
async def lite(path: Path) -> AsyncIterator[AsyncEngine]:
    """An impatient SQLite engine."""
    made = make_engine(f"sqlite+aiosqlite:///{path}", busy=0.05)
    yield made
    await made.dispose()


@pytest.fixture
async def shaky(lite: AsyncEngine, keys: AuditKeys, meter: Count) -> AsyncIterator[Journal]:
    """A journal that looks often whether the database is back."""
    settings = JournalSettings(retry_every=0.02)
    made = Journal(engine=lite, keys=keys, host="shaky", ids=new_id, clock=lambda: NOW, settings=settings, meter=meter)
    await made.start()
    yield made
    await made.stop()


async def refused(journal: Journal) -> None:
    """A write that is refused with the audit's own code, and readiness that says so."""
    with pytest.raises(NotPossibleNow) as error:
        await journal.commit(Write(entries=(an_entry(), an_entry()), alerts=(an_alert(),)))
    assert (error.value.code, error.value.retry_after) == (Code.AUDIT_UNAVAILABLE, 60)
    assert PATIENT.value not in f"{error.value!r} {error.value.__cause__!r}"


async def test_locked_by_another_process(shaky: Journal, lite: AsyncEngine, path: Path) -> None:
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    await asyncio.gather(*(refused(shaky) for _ in range(5)))
    assert not shaky.healthy
    state = State(lite)  # reads go on
    await state.view_state(patients=(PATIENT,), organisation=ORGANISATION, user=None, officers=(), now=NOW)
    blocker.execute("ROLLBACK")
    blocker.close()
    await wait_until_healthy(shaky)
    kept = an_entry()
    await shaky.commit(Write(entries=(kept,)))
    assert await ids(lite) == [kept.id]


async def test_a_file_locked_whole_keeps_its_reader_waiting_and_nobody_else(path: Path) -> None:
    engine = make_engine(f"sqlite+aiosqlite:///{path}", busy=20.0)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    reading = asyncio.create_task(
        State(engine).view_state(patients=(PATIENT,), organisation=ORGANISATION, user=None, officers=(), now=NOW)
    )
    for _ in range(20):  # the loop goes on meanwhile
        await asyncio.sleep(0.01)
    assert not reading.done()
    blocker.execute("ROLLBACK")
    blocker.close()
    assert (await reading).permissions == ()
    await engine.dispose()


async def fill(journal: Journal) -> None:
    """Writes until the database takes no more: a disk is full when its last free page is."""
    for _ in range(500):
        try:
            await journal.commit(Write(entries=(an_entry(id="in between"),)))
        except NotPossibleNow:
            return
    raise AssertionError("the database never refused")


@pytest.mark.parametrize(
    ("pragma", "fault"), [("max_page_count=1", "SQLITE_FULL"), ("query_only=ON", "SQLITE_READONLY")]
)
async def test_full_or_read_only(
    shaky: Journal, lite: AsyncEngine, keys: AuditKeys, tmp_path: Path, meter: Count, pragma: str, fault: str
) -> None:
    broken = True

    @event.listens_for(twin_of(lite), "connect")
    def opened(connection: Any, _record: object) -> None:
        if broken:
            connection.cursor().execute(f"PRAGMA {pragma}")

    await shaky.commit(Write(entries=(an_entry(id="before"),)))
    await shaky._chain.disconnect()
    await lite.dispose()
    await fill(shaky)
    await refused(shaky)
    assert not shaky.healthy
    assert f"OperationalError {fault}" in meter.faults
    broken = False
    await wait_until_healthy(shaky)
    await accepted(shaky, Write(entries=(an_entry(id="after"),)))
    assert {"before", "after"} <= set(await ids(lite)) <= {"before", "in between", "after"}
    await shaky.stop()
    assert (await verify_database(lite, keys.verify)).flaws == ()


def move(there: Path, here: Path, ends: tuple[str, ...] = ("", "-wal", "-shm")) -> None:
    """A database file, and what stands beside it."""
    for end in ends:
        Path(f"{there}{end}").rename(f"{here}{end}")


@pytest.mark.parametrize("ends", [("",), ("", "-wal", "-shm")])
async def test_a_file_moved_away_is_not_written_to_unnoticed(
    shaky: Journal, lite: AsyncEngine, keys: AuditKeys, path: Path, tmp_path: Path, ends: tuple[str, ...]
) -> None:
    await shaky.commit(Write(entries=(an_entry(id="before"),)))
    move(path, tmp_path / "away", ends)
    await refused(shaky)
    with pytest.raises(NotPossibleNow):  # nothing on record would be the wrong answer
        await State(lite).view_state(patients=(PATIENT,), organisation=ORGANISATION, user=None, officers=(), now=NOW)
    assert not shaky.healthy
    assert not os.access(path, os.F_OK)  # and no empty database in its place
    move(tmp_path / "away", path, ends)
    await wait_until_healthy(shaky)
    await shaky.commit(Write(entries=(an_entry(id="after"),)))
    assert sorted(await ids(lite)) == ["after", "before"]
    await shaky.stop()
    assert (await verify_database(lite, keys.verify)).flaws == ()


async def test_another_file_put_in_its_place_begins_chains_of_its_own(
    shaky: Journal, lite: AsyncEngine, keys: AuditKeys, path: Path, sqlite_template: Path, tmp_path: Path
) -> None:
    await shaky.commit(Write(entries=(an_entry(id="before"),)))
    move(path, tmp_path / "away")
    shutil.copy(sqlite_template, path)
    await refused(shaky)
    await wait_until_healthy(shaky)
    await shaky.commit(Write(entries=(an_entry(id="after"),)))
    assert await ids(lite) == ["after"]
    await shaky.stop()
    assert (await verify_database(lite, keys.verify)).flaws == ()


async def test_a_commit_of_unknown_end_is_refused_and_its_chain_left(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(retry_every=30.0)
    await journal.start()
    await journal.commit(Write(entries=(an_entry(id="first"),)))
    commit = Transaction.commit

    def committed_unheard(self: Transaction) -> None:
        commit(self)
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "commit", committed_unheard)
        with pytest.raises(NotPossibleNow):
            await journal.commit(Write(entries=(an_entry(id="unheard"),)))
    await journal.commit(Write(entries=(an_entry(id="last"),)))
    assert sorted(await ids(engine)) == ["first", "last", "unheard"]  # on disk, though refused: the safe way round
    async with reader_of(engine).connect() as connection:
        assert len((await connection.execute(select(audit_chain))).all()) == 2
    await journal.stop()
    assert (await verify_database(engine, keys.verify)).flaws == ()


async def test_a_database_that_hangs_does_not_hold_its_callers(make_journal: MakeJournal, engine: AsyncEngine) -> None:
    journal = make_journal()
    await journal.start()
    journal.settings = replace(journal.settings, patience=0.05)
    release = threading.Event()

    def hang(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            release.wait()
        else:
            connection.exec_driver_sql("SELECT pg_sleep(0.3)")

    try:
        with pytest.raises(NotPossibleNow) as error:
            await journal.commit(Write(), hang)
    finally:
        release.set()
        journal.settings = JournalSettings()
    assert error.value.code is Code.AUDIT_UNAVAILABLE


async def test_a_bug_in_the_writer_refuses_and_does_not_stop_it(journal: Journal, engine: AsyncEngine) -> None:
    def broken(_connection: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(Exception, match="internal"):
        await journal.commit(Write(entries=(an_entry(),)), broken)
    await journal.commit(Write(entries=(an_entry(id="after"),)))
    assert await ids(engine) == ["after"]


STOPPED = {
    "sqlite": (
        "CREATE TRIGGER stopped BEFORE INSERT ON {0} BEGIN SELECT RAISE(ABORT, 'no more'); END",
        "DROP TRIGGER stopped",
    ),
    "postgresql": (
        "CREATE FUNCTION stopped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more'; END $$",
        "CREATE TRIGGER stopped BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION stopped()",
        "DROP FUNCTION stopped CASCADE",
    ),
}


async def changed(engine: AsyncEngine, *statements: str) -> None:
    """What somebody does to the database."""
    async with engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


@pytest.mark.parametrize("table", ["audit", "alert"])
async def test_a_table_that_takes_no_rows_is_unavailable_until_it_does_and_readiness_says_so(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, table: str
) -> None:
    journal = make_journal(retry_every=0.02)
    await journal.start()
    probing = Probing(journal, fresh=60.0)
    assert await probing.writable()
    *stop, go_on = STOPPED[engine.dialect.name]
    await changed(engine, *(statement.format(table) for statement in stop))
    await asyncio.gather(*(refused(journal) for _ in range(3)))
    assert not await probing.writable()  # though it was asked a moment ago
    chains = await chain_count(engine)
    await asyncio.sleep(0.3)
    assert not journal.healthy  # nor does a probe of something else bring it back
    assert await chain_count(engine) == chains
    if table == "alert":  # what raises no alert goes on, and shows nothing of those that do
        await journal.commit(Write(entries=(an_entry(id="meanwhile"),)))
        assert not journal.healthy
    await changed(engine, go_on)
    await wait_until_healthy(journal)
    assert await probing.writable()
    await journal.commit(Write(entries=(an_entry(id="after"),), alerts=(an_alert(),)))
    assert sorted(await ids(engine)) == (["after", "meanwhile"] if table == "alert" else ["after"])


async def chain_count(engine: AsyncEngine) -> int:
    """Chains begun."""
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(audit_chain))).scalar_one())


async def test_one_row_that_cannot_be_taken_says_nothing_of_the_others(journal: Journal) -> None:
    probing = Probing(journal, fresh=60.0)
    assert await probing.writable()
    entry, one = an_entry(), an_alert()
    await journal.commit(Write(entries=(entry,), alerts=(one,)))
    with pytest.raises(InternalError):
        await journal.commit(Write(entries=(an_entry(),), alerts=(one,)))
    assert await probing.writable()


async def test_a_file_moved_away_is_not_ready_at_once(shaky: Journal, path: Path, tmp_path: Path) -> None:
    probing = Probing(shaky, fresh=60.0)
    assert await probing.writable()
    move(path, tmp_path / "away", ("",))
    assert not await probing.writable()
    move(tmp_path / "away", path, ("",))
    await wait_until_healthy(shaky)
    assert await probing.writable()
