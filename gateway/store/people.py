"""Training records, interest forms and samples of alerts: what organisations tell, kept whole. Never deletes.

Writing is a step of a journal write, so that it and its audit entry are one transaction.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import OdsCode, UserId
from gateway.domain.privacy import Sample
from gateway.store.engine import reader_of, store_errors
from gateway.store.tables import interest, sampling, training
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


def record_interest(form: Interest) -> Step:
    """The step that keeps a form."""
    row = {"id": form.id, "kind": form.kind, "received": form.received, "data": orjson.dumps(form.data).decode()}

    def step(connection: Connection) -> None:
        connection.execute(insert(interest), row)

    return step


def record_sample(sample: Sample) -> Step:
    """The step that keeps which alerts were drawn, and how."""
    row = {
        "id": sample.id,
        "organisation": sample.organisation.value,
        "officer": sample.officer.value,
        "at": sample.at,
        "percent": sample.percent,
        "seed": sample.seed,
        "data": orjson.dumps(sample.alerts).decode(),
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
            select(training).where(wanted).order_by(training.c.completed, training.c.user_id, training.c.module)
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

    async def samples(self, organisation: OdsCode, *, limit: int) -> tuple[Sample, ...]:
        """This organisation's samples, newest first."""
        mine = select(sampling).where(sampling.c.organisation == organisation.value)
        rows = await self._rows(mine.order_by(sampling.c.at.desc(), sampling.c.id).limit(limit))
        return tuple(map(_sample, rows))

    async def sample(self, sample_id: str, organisation: OdsCode) -> Sample | None:
        """One sample; None where this organisation has no such one."""
        mine = (sampling.c.id == sample_id, sampling.c.organisation == organisation.value)
        rows = await self._rows(select(sampling).where(*mine))
        return _sample(rows[0]) if rows else None


def _sample(row: Any) -> Sample:
    return Sample(
        id=row.id,
        organisation=OdsCode(row.organisation),
        officer=UserId(row.officer),
        at=row.at,
        percent=row.percent,
        seed=row.seed,
        alerts=tuple(orjson.loads(row.data)),
    )
