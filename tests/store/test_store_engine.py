"""Migrations and the refusal to start where a commit could be lost, on both databases."""

import asyncio
import math
import sqlite3
import stat
from pathlib import Path

import aiosqlite
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, event, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.cli.opening import not_started
from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import NhsNumber
from gateway.store.engine import NEWEST, NotDurable, check_durable, make_engine, store_errors, upgrade, writable
from gateway.store.faults import sentence_of
from gateway.store.keys import KeysUnusable, load_keys, load_or_create_keys
from gateway.store.migrating import alembic_config
from gateway.store.pseudonym import pseudonym
from gateway.store.tables import metadata
from tests.postgres import Cluster
from tests.store.values import OTHER, PATIENT


async def test_migrations_make_the_tables_the_code_knows(engine: AsyncEngine) -> None:
    def check(connection: Connection) -> set[str]:
        command.check(alembic_config(connection))
        return set(inspect(connection).get_table_names())

    async with engine.begin() as connection:
        assert await connection.run_sync(check) == {*metadata.tables, "alembic_version"}


async def test_a_difference_would_be_found(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE alert ADD COLUMN extra TEXT")
        with pytest.raises(CommandError):
            await connection.run_sync(lambda sync: command.check(alembic_config(sync)))


def test_the_newest_version_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [NEWEST]


async def test_several_processes_may_migrate_at_once(empty_database: str) -> None:
    engines = [make_engine(empty_database) for _ in range(4)]
    await asyncio.gather(*map(upgrade, engines))
    async with engines[0].connect() as connection:
        assert (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
    for engine in engines:
        await engine.dispose()


def busy_first(engine: AsyncEngine, times: float) -> list[int]:
    """Lets SQLite say "busy" to so many new connections. Gives the list that counts them."""
    told: list[int] = []

    @event.listens_for(engine.sync_engine, "connect")
    def opened(*_: object) -> None:
        if len(told) < times:
            told.append(1)
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY"
            raise error

    return told


async def test_a_new_file_whose_log_another_process_turns_on_is_asked_again(tmp_path: Path) -> None:
    """SQLite says "busy" at once there, however long it may wait; seen once in a hundred starts of four together."""
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    told = busy_first(engine, 2)
    await upgrade(engine)
    assert len(told) == 2
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar_one() == NEWEST
    await engine.dispose()


async def test_a_file_that_stays_busy_is_not_asked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.engine.BUSY_SECONDS", 0.2)
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    told = busy_first(engine, math.inf)
    with pytest.raises(NotPossibleNow) as refused:
        await upgrade(engine)
    assert "another process has the database locked" in sentence_of(refused.value)
    assert len(told) > 2
    await engine.dispose()


@pytest.mark.parametrize("mode", ["OFF", "NORMAL"])
async def test_sqlite_that_may_lose_a_commit_is_refused(tmp_path: Path, mode: str) -> None:
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}/store.db", synchronous=mode)
    with pytest.raises(NotDurable, match="synchronous"):
        await upgrade(engine)
    await engine.dispose()


@pytest.mark.parametrize("name", ["", "/:memory:", "/file:nowhere?mode=memory&cache=shared&uri=true"])
def test_sqlite_without_a_file_is_refused(name: str) -> None:
    with pytest.raises(NotDurable, match="memory"):
        make_engine(f"sqlite+aiosqlite://{name}")


@pytest.mark.postgres
@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync", "full_page_writes"])
async def test_postgresql_that_may_lose_a_commit_is_refused(postgres_cluster: Cluster, setting: str) -> None:
    engine = make_engine(postgres_cluster.url())
    postgres_cluster.sql(f"ALTER SYSTEM SET {setting} = off")
    try:
        postgres_cluster.sql("SELECT pg_reload_conf()")
        await asyncio.sleep(0.3)
        async with engine.connect() as connection:
            with pytest.raises(NotDurable, match=setting):
                await check_durable(connection)
    finally:
        postgres_cluster.sql(f"ALTER SYSTEM RESET {setting}")
        postgres_cluster.sql("SELECT pg_reload_conf()")
        await engine.dispose()


@pytest.mark.postgres
async def test_a_changed_password_is_read_from_its_file_for_the_next_connection(
    postgres_cluster: Cluster, tmp_path: Path
) -> None:
    rules = postgres_cluster.folder / "data" / "pg_hba.conf"
    before, file = rules.read_text(encoding="utf-8"), tmp_path / "password"
    postgres_cluster.sql("CREATE ROLE rotated LOGIN PASSWORD 'first'")
    rules.write_text(f"host all rotated 127.0.0.1/32 scram-sha-256\n{before}", encoding="utf-8")
    engine = make_engine(postgres_cluster.url().replace("postgres@", "rotated@"), password_file=file)
    try:
        postgres_cluster.sql("SELECT pg_reload_conf()")
        await asyncio.sleep(0.3)
        assert not await writable(engine), "no file, no connection"
        file.write_text("first\n", encoding="utf-8")
        assert await writable(engine)
        postgres_cluster.sql("ALTER ROLE rotated PASSWORD 'second'")
        postgres_cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'")
        assert not await writable(engine)
        with pytest.raises(NotPossibleNow) as refused:
            await upgrade(engine)
        assert "does not let this user in" in not_started(refused.value)
        file.write_text("second\n", encoding="utf-8")
        assert await writable(engine)
    finally:
        await engine.dispose()
        rules.write_text(before, encoding="utf-8")
        postgres_cluster.sql("SELECT pg_reload_conf()")
        postgres_cluster.sql("DROP ROLE rotated")


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    for url in (f"sqlite+aiosqlite:///{tmp_path}/no/such/folder.db", "postgresql+asyncpg://postgres@127.0.0.1:1/none"):
        engine = make_engine(url)
        assert not await writable(engine)
        with pytest.raises(NotPossibleNow) as refused:
            await upgrade(engine)
        assert "/no/such" not in f"{refused.value} {refused.value.__cause__}"
        await engine.dispose()


async def test_where_the_folder_is_missing_no_thread_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(aiosqlite, "connect", lambda *where, **_: asked.append(where))
    assert not await writable(make_engine(f"sqlite+aiosqlite:///{tmp_path}/no/such/folder.db"))
    assert asked == []


def test_the_sandbox_makes_keys_once_and_production_must_find_them(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with pytest.raises(KeysUnusable):
        load_keys(folder)
    made = load_or_create_keys(folder)
    again = load_or_create_keys(folder)
    assert (made.mac, made.pseudonym, made.sign_id) == (again.mac, again.pseudonym, again.sign_id)
    assert made.mac != made.pseudonym
    for name in ("audit-mac.key", "audit-sign.key", "pseudonym.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert made.mac.hex() not in repr(made)
    (folder / "audit-mac.key").chmod(0o640)
    with pytest.raises(KeysUnusable, match="0600"):
        load_keys(folder)


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 33])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    load_or_create_keys(tmp_path)
    (tmp_path / "audit-mac.key").write_text(content)
    with pytest.raises(KeysUnusable, match=r"audit-mac\.key"):
        load_keys(tmp_path)


def test_a_pseudonym_tells_patients_apart_and_nothing_else() -> None:
    key, other = bytes(32), bytes(31) + b"1"
    assert pseudonym(PATIENT, key) == pseudonym(NhsNumber(PATIENT.value), key)
    assert len({pseudonym(PATIENT, key), pseudonym(OTHER, key), pseudonym(PATIENT, other)}) == 3
    assert PATIENT.value not in pseudonym(PATIENT, key)


async def test_what_a_database_lacks_is_said_without_its_own_words(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE alert_action")
    said = []
    for statement in ("SELECT * FROM alert_action", "SELECT * FROM patient_9990402132", "SELECT nothing FROM audit"):
        with pytest.raises(NotPossibleNow) as refused, store_errors():
            async with engine.connect() as connection:
                await connection.exec_driver_sql(statement)
        said.append(sentence_of(refused.value))
    assert said[0] == "the table alert_action is missing in the database"
    assert ("missing" in said[1], "9990402132" in said[1], "nothing" in said[2]) == (
        engine.dialect.name == "postgresql",
        False,
        False,
    )
