"""Training records, interest forms and samples of alerts: what organisations tell, kept whole. Never deletes.

Writing is a step of a journal write, so that it and its audit entry are one transaction.
"""

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import InternalError, InvalidValue, NotPossibleNow
from gateway.domain.identifiers import OdsCode, UserId
from gateway.domain.instants import from_iso
from gateway.domain.privacy import Sample, Span, Unreadable
from gateway.store.engine import reader_of, store_errors
from gateway.store.raw import raws, text, typed
from gateway.store.tables import interest, sampling, spent, training
from gateway.store.units import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """One course of one user (P-77, P-78)."""

    user: UserId
    module: str
    topics_version: str
    completed: date
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """One filled-in form: `organisation` to be set up, or `setting` for a new care setting."""

    id: str
    kind: str
    received: datetime
    data: dict[str, Any] = field(repr=False)


def draw(alerts: Sequence[str], percent: int, seed: str) -> tuple[str, ...]:
    """`percent` of the alert ids, rounded up, chosen by the seed. Raises InvalidValue outside 1 to 100."""
    if not 1 <= percent <= 100:
        raise InvalidValue("a sample is 1 to 100 per cent")
    listed = sorted(alerts)
    number = -(-len(listed) * percent // 100)
    return tuple(sorted(random.Random(seed).sample(listed, number)))  # noqa: S311 - repeatable on purpose, the seed is recorded


def record_training(records: Iterable[TrainingRecord], *, at: datetime, source: str) -> Step:
    """The step that adds training records; one that is already there stays as it is."""
    rows = [
        {
            "user_id": record.user.value,
            "module": record.module,
            "topics_version": record.topics_version,
            "completed": record.completed,
            "passed": record.passed,
            "recorded": at,
            "source": source,
        }
        for record in records
    ]

    def step(connection: Connection) -> None:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        if rows:
            connection.execute(dialect.insert(training).on_conflict_do_nothing(), rows)

    return step


MOST_FORMS_A_DAY = 200
"""Interest forms kept in any 24 hours, whoever sends them: far more than people write, and little to read or store."""
MOST_FORMS_AN_HOUR = 5
"""Of them from one address, in one hour of the clock."""


def record_interest(form: Interest, address: str | None = None) -> Step:
    """The step that keeps a form sent from `address`, of which only a hash is kept, for that hour.

    Raises NotPossibleNow(RATE_LIMITED), and nothing is kept, where the hour's or the day's number is there already.
    """
    row = {"id": form.id, "kind": form.kind, "received": form.received, "data": orjson.dumps(form.data).decode()}
    hour = form.received.replace(minute=0, second=0, microsecond=0)
    over = hour + timedelta(hours=1)
    caller = hashlib.sha256(f"{hour.isoformat()} {_caller(address)}".encode()).hexdigest()
    places = [{"kind": "form", "key": f"{caller}:{n}", "expires": over} for n in range(MOST_FORMS_AN_HOUR)]

    def step(connection: Connection) -> None:
        if not _taken(connection, places):
            raise NotPossibleNow(Code.RATE_LIMITED, retry_after=max(1, int((over - form.received).total_seconds())))
        recent = (interest.c.received > form.received - timedelta(days=1), interest.c.received <= form.received)
        kept = connection.execute(select(func.count()).select_from(interest).where(*recent)).scalar_one()
        if kept >= MOST_FORMS_A_DAY:
            raise NotPossibleNow(Code.RATE_LIMITED, retry_after=3600)
        connection.execute(insert(interest), row)

    return step


def _taken(connection: Connection, places: list[dict[str, Any]]) -> bool:
    """Whether one of the places was still free: it is spent by this."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    for place in places:
        statement = dialect.insert(spent).values(place).on_conflict_do_nothing().returning(spent.c.key)
        if connection.execute(statement).first() is not None:
            return True
    return False


def _caller(address: str | None) -> str:
    """One caller: an IPv6 address counts as its /64. Callers whose address is not known are one."""
    try:
        return str(ip_network((address or "", 64 if ":" in (address or "") else 32), strict=False))
    except ValueError:
        return ""


def _sampled(sample: Sample) -> dict[str, Any]:
    span = [sample.span.start.isoformat(), sample.span.end.isoformat()] if sample.span is not None else None
    return {"alerts": sample.alerts, "span": span}


def record_sample(sample: Sample) -> Step:
    """The step that keeps which alerts were drawn, and how."""
    row = {
        "id": sample.id,
        "organisation": sample.organisation.value,
        "officer": sample.officer.value,
        "at": sample.at,
        "percent": sample.percent,
        "seed": sample.seed,
        "data": orjson.dumps(_sampled(sample)).decode(),
    }

    def step(connection: Connection) -> None:
        connection.execute(insert(sampling), row)

    return step


@dataclass(frozen=True)
class People:
    """Reads. Every method raises NotPossibleNow where the database does not answer."""

    engine: AsyncEngine

    async def _rows(self, statement: Any) -> Sequence[Any]:
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                return (await connection.execute(statement)).all()

    async def training_of(self, users: Sequence[UserId]) -> tuple[TrainingRecord, ...]:
        """The records of these users, oldest first."""
        wanted = training.c.user_id.in_([user.value for user in users])
        rows = await self._rows(
            select(training)
            .where(wanted)
            .order_by(training.c.completed, training.c.passed, training.c.user_id, training.c.module)
        )
        return tuple(
            TrainingRecord(
                user=UserId(row.user_id),
                module=row.module,
                topics_version=row.topics_version,
                completed=row.completed,
                passed=bool(row.passed),
            )
            for row in rows
        )

    async def interests(self, *, limit: int) -> tuple[Interest, ...]:
        """The newest forms first."""
        rows = await self._rows(select(interest).order_by(interest.c.received.desc(), interest.c.id).limit(limit))
        return tuple(
            Interest(id=row.id, kind=row.kind, received=row.received, data=orjson.loads(row.data)) for row in rows
        )

    async def samples(self, organisation: OdsCode, *, limit: int) -> tuple[Sample | Unreadable, ...]:
        """This organisation's samples, newest first; of one that somebody made unreadable, its name."""
        columns = raws(tuple(sampling.c), self.engine.dialect)
        mine = select(*columns).where(sampling.c.organisation == organisation.value)
        rows = await self._rows(mine.order_by(sampling.c.at.desc(), sampling.c.id).limit(limit))
        return tuple(map(_sample, rows))

    async def sample(self, sample_id: str, organisation: OdsCode) -> Sample | None:
        """One sample; None where this organisation has no such one. Raises InternalError where somebody made it unreadable."""
        mine = (sampling.c.id == sample_id, sampling.c.organisation == organisation.value)
        rows = await self._rows(select(*raws(tuple(sampling.c), self.engine.dialect)).where(*mine))
        found = _sample(rows[0]) if rows else None
        if isinstance(found, Unreadable):
            raise InternalError
        return found


def _sample(row: Any) -> Sample | Unreadable:
    try:
        return _read_sample(typed(row, sampling))
    except (ValueError, TypeError, KeyError):
        return Unreadable("sample", text(row.id)[:200])


def _read_sample(row: Any) -> Sample:
    data = orjson.loads(row.data)
    kept = (
        data if isinstance(data, dict) else {"alerts": data, "span": None}
    )  # the alerts alone, as once they were kept
    start, end = map(from_iso, kept["span"]) if kept["span"] else (None, None)
    return Sample(
        id=row.id,
        organisation=OdsCode(row.organisation),
        officer=UserId(row.officer),
        at=row.at,
        percent=row.percent,
        seed=row.seed,
        alerts=tuple(map(str, kept["alerts"])),
        span=Span(start=start, end=end) if start is not None and end is not None else None,
    )
