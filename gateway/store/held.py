"""Runs a whole piece of database work in one go: a transaction's statements together, not each by a hop of its own.

On SQLite what writes runs in a thread with the plain driver: one hop from the event loop and one back, however many
statements it has. On PostgreSQL it runs on the loop's own driver. Never begins or commits anything itself.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store.engine import DATABASE_ERRORS, near_of, single_reader_of, twin_of

T = TypeVar("T")
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_RECOVERY})


class Held(Protocol):
    """One connection kept by one writer."""

    @property
    def broken(self) -> bool:
        """Whether it can no longer be used."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` with it; raises what `work` raises. Where the caller is cancelled the work may still go on."""

    async def discard(self) -> None:
        """Closes it for good, after whatever still runs: one that has failed must not come back from the pool."""


@dataclass(frozen=True)
class _OnLoop:
    connection: AsyncConnection

    @property
    def broken(self) -> bool:
        return self.connection.invalidated

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await self.connection.run_sync(work)

    async def discard(self) -> None:
        with contextlib.suppress(*DATABASE_ERRORS):
            await self.connection.invalidate()
        with contextlib.suppress(*DATABASE_ERRORS):
            await self.connection.close()


@dataclass(frozen=True)
class _InThread:
    connection: Connection
    thread: ThreadPoolExecutor

    @property
    def broken(self) -> bool:
        return self.connection.invalidated

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, work, self.connection)

    async def discard(self) -> None:
        await self.run(_close)
        self.thread.shutdown(wait=False)


def _close(connection: Connection) -> None:
    with contextlib.suppress(*DATABASE_ERRORS):
        connection.invalidate()
    with contextlib.suppress(*DATABASE_ERRORS):
        connection.close()


async def hold(engine: AsyncEngine) -> Held:
    """A connection of one's own. Raises as the database does."""
    twin = twin_of(engine)
    if twin is None:
        return _OnLoop(await engine.connect())
    thread = ThreadPoolExecutor(1, "store-writer")
    try:
        connection = await asyncio.get_running_loop().run_in_executor(thread, twin.connect)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return _InThread(connection, thread)


async def read_once(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    """A read of one statement, which is a transaction of its own. Raises as the database does.

    On SQLite it runs in the loop's own thread: a writer never blocks it (WAL), and a few pages from memory are read in
    less time than a thread takes to wake. In the rare moment when the file is locked whole, a thread does the waiting.
    """
    twin, near = twin_of(engine), near_of(engine)
    if twin is None or near is None:
        async with single_reader_of(engine).connect() as connection:
            return await connection.run_sync(work)
    try:
        return _read(near, work)
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) not in _LOCKED:
            raise
    return await asyncio.get_running_loop().run_in_executor(None, _read, twin, work)


def _read(twin: Engine, work: Callable[[Connection], T]) -> T:
    with twin.connect() as connection:
        return work(connection.execution_options(sqlite_begin=""))
