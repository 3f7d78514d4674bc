"""Browser sessions and launches: short-lived state that several processes share. Keeps no secret in the clear.

Ids are hashed here, so that whoever reads the table holds no session and no launch code. Data is JSON the caller owns.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.engine import single_reader_of, store_errors
from gateway.store.tables import launch, session, spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One session or launch as it stands."""

    state: str
    version: int
    data: dict[str, Any] = field(repr=False)
    created: datetime
    expires: datetime


def hashed(secret: str) -> str:
    """How an id is stored."""
    return hashlib.sha256(b"scr-browser " + secret.encode()).hexdigest()


@dataclass(frozen=True)
class Shelf:
    """One of the two tables. Every method raises NotPossibleNow where the database does not answer."""

    engine: AsyncEngine
    table: Table

    async def put(self, secret: str, *, state: str, data: dict[str, Any], now: datetime, expires: datetime) -> None:
        """Keeps a new one. Raises NotPossibleNow where that id exists."""
        row = {"id": hashed(secret), "state": state, "version": 0, "created": now, "expires": expires}
        with store_errors():
            async with self.engine.begin() as connection:
                await connection.execute(insert(self.table), {**row, "data": orjson.dumps(data).decode()})

    async def get(self, secret: str, *, now: datetime) -> Kept | None:
        """As it stands; None where unknown or expired."""
        mine = select(self.table).where(self.table.c.id == hashed(secret), self.table.c.expires > now)
        with store_errors():
            async with single_reader_of(self.engine).connect() as connection:
                row = (await connection.execute(mine)).first()
        if row is None:
            return None
        return Kept(
            state=row.state, version=row.version, data=orjson.loads(row.data), created=row.created, expires=row.expires
        )

    async def change(
        self,
        secret: str,
        *,
        version: int,
        state: str,
        data: dict[str, Any],
        now: datetime,
        expires: datetime | None = None,
    ) -> bool:
        """Replaces it if nobody changed it since `version`; whether it did."""
        values: dict[str, Any] = {"state": state, "data": orjson.dumps(data).decode(), "version": version + 1}
        if expires is not None:
            values["expires"] = expires
        mine = (self.table.c.id == hashed(secret), self.table.c.version == version, self.table.c.expires > now)
        with store_errors():
            async with self.engine.begin() as connection:
                return bool((await connection.execute(update(self.table).where(*mine).values(**values))).rowcount)

    async def drop(self, secret: str) -> None:
        """Ends it (signing out)."""
        with store_errors():
            async with self.engine.begin() as connection:
                await connection.execute(delete(self.table).where(self.table.c.id == hashed(secret)))


def sessions(engine: AsyncEngine) -> Shelf:
    """Browser sessions."""
    return Shelf(engine, session)


def launches(engine: AsyncEngine) -> Shelf:
    """Launches; a launch is spent through the journal (SpendKind.LAUNCH), in the transaction of what it opens."""
    return Shelf(engine, launch)


async def forget_expired(engine: AsyncEngine, *, now: datetime) -> int:
    """Removes sessions, launches and spent ids that have expired; nothing else is ever removed. Returns how many."""
    removed = 0
    with store_errors():
        for table in (session, launch, spent):
            async with engine.begin() as connection:
                removed += (await connection.execute(delete(table).where(table.c.expires < now))).rowcount
    return removed
