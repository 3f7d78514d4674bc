"""Opens the database, sees that it is durable, and brings its tables up to date. Never leaves durability to a default.

Foreign database errors become NotPossibleNow here; their texts, which may quote rows, go no further.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.store.faults import StoreFault, is_locked

BUSY_SECONDS = 5
"""Seconds a writer waits for another process's transaction (SQLite), and half of what a statement may take (PostgreSQL)."""

_AGAIN_SECONDS = 0.05
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


class NotDurable(Exception):
    """The database would acknowledge a commit that a power cut can still lose. The text names the setting."""


class DatabaseMissing(NotDurable):
    """The database file is gone from where evidence was kept; a new and empty one in its place would hide the loss."""


def refuse_to_begin_again(url: str, keys_made: bool) -> None:
    """Raises DatabaseMissing where an SQLite database is not there, but its log or its audit's keys are.

    SQLite would make a new file and throw away a log that no longer belongs to one, with the entries that only it holds.
    """
    if not url.startswith("sqlite"):
        return
    path = Path(str(make_url(url).database))
    log = path.with_name(f"{path.name}-wal")
    beside = [log.name] if log.exists() else []
    beside += ["the audit's keys"] if keys_made else []
    # last: another process that starts for the first time makes the file before the other two
    if beside and (not path.exists() or (path.stat().st_size == 0 and not log.exists())):
        raise DatabaseMissing(
            f"{path.name} is not there or empty, but {' and '.join(beside)} of an earlier run are: the audit is missing. Put the "
            f"database file back beside its -wal file, or restore a backup. To begin a new audit, move any -wal file away "
            f"and run `scr-gateway db upgrade` (the sandbox: start with --fresh)"
        )


DATABASE_ERRORS = (SQLAlchemyError, OSError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)
"""Everything the database and the way to it may raise."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns what a database call raises into NotPossibleNow(AUDIT_UNAVAILABLE)."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise NotPossibleNow(Code.AUDIT_UNAVAILABLE, retry_after=60) from StoreFault.of(error)


def make_engine(
    url: str,
    *,
    password_file: Path | None = None,
    synchronous: str = "FULL",
    connections: int = 10,
    busy: float = BUSY_SECONDS,
) -> AsyncEngine:
    """An engine for `sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`. Connects nowhere yet.

    `password_file` is read for each new connection to a server, so that a changed password needs no restart. `synchronous`
    exists so that a test can switch durability off and see the start refused. Raises NotDurable for a database in memory.
    """
    if not url.startswith("sqlite"):
        engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=busy,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"timeout": busy, "command_timeout": 2 * busy},
        )
        if password_file is not None:
            _with_password(engine.sync_engine, password_file)
        return engine
    if make_url(url).database in (None, "", ":memory:") or "mode=memory" in url:
        raise NotDurable("an SQLite database in memory is lost with its process")
    if synchronous not in _SYNCHRONOUS:
        raise ValueError("no such synchronous mode")
    place = _Place(Path(str(make_url(url).database)))
    # the same file through the plain driver: for work that runs whole in one thread (gateway.store.held)
    twin = create_engine(
        make_url(url).set(drivername="sqlite"), hide_parameters=True, pool_size=connections, pool_timeout=busy
    )
    # and once more, never waiting: for reads in the loop's own thread (gateway.store.held)
    near = create_engine(make_url(url).set(drivername="sqlite"), hide_parameters=True, pool_size=1)
    options = {"twin": twin, "near": near, "place": place}
    engine = create_async_engine(
        url, hide_parameters=True, pool_size=connections, pool_timeout=busy, execution_options=options
    )
    _prepare(engine.sync_engine, place, synchronous, busy)
    _prepare(twin, place, synchronous, busy)
    _prepare(near, place, synchronous, 0.0)
    for beside in (twin, near):
        event.listen(engine.sync_engine, "engine_disposed", lambda _engine, beside=beside: beside.dispose())
    return engine


def _with_password(engine: Engine, file: Path) -> None:
    """Each new connection says the password that then stands in the file."""

    @event.listens_for(engine, "do_connect")
    def said(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
        named["password"] = file.read_text(encoding="utf-8").strip()


@dataclass(slots=True)
class _Place:
    """Where an SQLite database is. An open connection would go on writing to a file that was moved or removed, unnoticed."""

    path: Path
    opened: bool = False
    """Whether it was ever there: from then on a file that is missing is a fault, never a new and empty database."""

    def files(self) -> tuple[int, ...]:
        """The database and its log, told apart from any others put in their place; empty where one is not there."""
        try:
            return tuple(os.stat(f"{self.path}{end}").st_ino for end in ("", "-wal"))  # noqa: PTH116 - in every transaction
        except OSError:
            return ()


def _prepare(engine: Engine, place: _Place, synchronous: str, busy: float) -> None:
    """What each connection to an SQLite file needs before its first statement, and each transaction before it begins."""
    pragmas = (
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        f"busy_timeout={int(busy * 1000)}",
        "cache_size=-256",  # KiB: else twenty connections come to hold 2 MB each of what the system's own cache holds
    )

    @event.listens_for(engine, "do_connect")
    def found(*_: Any) -> None:
        if place.opened and not place.path.exists():
            raise sqlite3.OperationalError("the database file is not where it was")
        if not place.path.parent.is_dir():
            # the driver would start a thread only to find this out, and let it end when it likes
            raise sqlite3.OperationalError("the folder of the database is not there")

    @event.listens_for(engine, "connect")
    def opened(connection: Any, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not send a BEGIN of its own
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("SELECT count(*) FROM sqlite_master")  # a new file has no log before its first read
        cursor.close()
        record.info["files"], place.opened = place.files(), True

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        files = place.files()
        if not files or files != connection.info["files"]:
            connection.invalidate()
            raise sqlite3.OperationalError("the database file is not the one that was opened")
        begin = connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE")
        if begin:
            connection.exec_driver_sql(begin)


def in_place(engine: AsyncEngine) -> bool:
    """Whether an SQLite database still is where it was opened; of a server only its answers tell."""
    place: _Place | None = engine.sync_engine.get_execution_options().get("place")
    return place is None or not place.opened or bool(place.files())


def twin_of(engine: AsyncEngine) -> Engine | None:
    """The plain-driver engine on the same SQLite file; None on PostgreSQL."""
    twin: Engine | None = engine.sync_engine.get_execution_options().get("twin")
    return twin


def near_of(engine: AsyncEngine) -> Engine | None:
    """The plain-driver engine on the same SQLite file whose connections never wait for a lock; None on PostgreSQL."""
    near: Engine | None = engine.sync_engine.get_execution_options().get("near")
    return near


def reader_of(engine: AsyncEngine) -> AsyncEngine:
    """The same database for reads: they never take SQLite's write lock."""
    return engine.execution_options(sqlite_begin="BEGIN")


def snapshot_of(engine: AsyncEngine) -> AsyncEngine:
    """The same database for reads of several statements that must see one state of it."""
    if engine.dialect.name == "sqlite":
        return reader_of(engine)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def single_reader_of(engine: AsyncEngine) -> AsyncEngine:
    """For reads of one statement, which is a transaction of its own: no round trips to begin and end one."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(sqlite_begin="")
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def check_durable(connection: AsyncConnection) -> None:
    """As `durable`, on a connection of the loop."""
    await connection.run_sync(durable)


def durable(connection: Connection) -> None:
    """Raises NotDurable where a committed transaction could be lost by a crash or a power cut."""
    if connection.dialect.name == "sqlite":
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
        if str(mode).lower() != "wal":
            raise NotDurable(f"SQLite journal_mode is {mode}: it must be wal")
        if synchronous < _SYNCHRONOUS.index("FULL"):
            raise NotDurable(f"SQLite synchronous is {_SYNCHRONOUS[synchronous]}: it must be FULL or EXTRA")
        return
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        value = connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
        if value == "off":
            raise NotDurable(f"PostgreSQL {setting} is off: it must be on")


_MIGRATIONS = Path(__file__).with_name("migrations") / "versions"
NEWEST = max(path.name[1:5] for path in _MIGRATIONS.glob("v[0-9]*.py"))
"""The newest version of the tables: the number in the name of the last migration's file, by which it also calls itself."""


def _upgrade(connection: Connection) -> None:
    """Alembic is loaded only where there is something to bring up to date: every start of a process would pay for it."""
    if inspect(connection).has_table("alembic_version"):
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
        if versions == [NEWEST]:
            return
    from gateway.store.migrating import to_newest  # noqa: PLC0415

    to_newest(connection)


async def _first_connection(engine: AsyncEngine) -> None:
    """Sees that the database is durable, as `check_durable`.

    SQLite gives up at once, whatever its busy_timeout, where several processes turn the log of one new file on together.
    """
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            async with engine.connect() as connection:
                await check_durable(connection)
        except DATABASE_ERRORS as error:
            if not is_locked(error) or time.monotonic() > last:
                raise
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def upgrade(engine: AsyncEngine) -> None:
    """Brings the tables to the newest version; several processes may call it at once. Raises NotDurable, NotPossibleNow."""
    with store_errors():
        await _first_connection(engine)
        async with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # one process migrates, the others wait and then find nothing to do
                await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305041)")
            await connection.run_sync(_upgrade)


async def writable(engine: AsyncEngine, seconds: float = 2.0) -> bool:
    """Whether the database can be reached at all (readiness asks the journal whether it can also be written)."""
    try:
        async with asyncio.timeout(seconds):
            async with reader_of(engine).connect() as connection:
                await connection.exec_driver_sql("SELECT 1")
    except DATABASE_ERRORS:
        return False
    return True
