"""How much evidence is held and what of it is older than it must be kept. Reads only: no statement here or elsewhere deletes it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.privacy import AlertState
from gateway.store.engine import reader_of, store_errors
from gateway.store.tables import alert, audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One kind of evidence: how much there is, since when, and how much was kept long enough."""

    count: int
    oldest: datetime | None
    older: int
    before: datetime
    """What ended (written, or closed) before this was kept long enough."""


def years_before(now: datetime, years: int) -> datetime:
    """The same day so many years ago; 29 February becomes 28."""
    local = now.astimezone(UTC)
    day = min(local.day, 28) if local.month == 2 else local.day
    return local.replace(year=local.year - years, day=day)


async def held(engine: AsyncEngine, kind: str, now: datetime, years: int) -> Held:
    """What the store holds of `audit` or `alerts`. Raises NotPossibleNow."""
    before = years_before(now, years)
    table = audit if kind == "audit" else alert
    done: tuple[ColumnElement[bool], ...] = (audit.c.at < before,)
    if kind == "alerts":
        done = (alert.c.state == AlertState.CLOSED.value, alert.c.acted < before)
    with store_errors():
        async with reader_of(engine).connect() as connection:
            count, oldest = (
                await connection.execute(select(func.count(), func.min(table.c.at)).select_from(table))
            ).one()
            older = (await connection.execute(select(func.count()).select_from(table).where(*done))).scalar_one()
    return Held(count=int(count), oldest=oldest, older=int(older), before=before)
