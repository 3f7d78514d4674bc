"""Training records: who completed which e-learning module, and when (P-77, P-78). Imported from the training service's export."""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import UserId
from gateway.store.engine import store_errors
from gateway.store.tables import training

COLUMNS = ("uid", "module", "topics_version", "passed", "date")
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """One completed assessment."""

    user: UserId
    module: str
    topics_version: str
    passed: bool
    completed: date


def read_export(text: str) -> tuple[TrainingRecord, ...]:
    """CSV with the columns uid, module, topics_version, passed (true|false), date. Raises InvalidValue naming the line."""
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InvalidValue("the first line must be: " + ",".join(COLUMNS))
    records = []
    for line, row in enumerate(rows, start=2):
        if line > MOST_ROWS:
            raise InvalidValue(f"more than {MOST_ROWS} lines")
        try:
            records.append(_record(row))
        except (ValueError, TypeError) as error:
            raise InvalidValue(f"line {line} is not a training record") from error
    return tuple(records)


def _record(row: dict[str, str]) -> TrainingRecord:
    if row["passed"] not in {"true", "false"} or not row["module"] or len(row["module"]) > 100:
        raise ValueError("not a training record")
    return TrainingRecord(
        user=UserId(row["uid"]),
        module=row["module"],
        topics_version=row["topics_version"],
        passed=row["passed"] == "true",
        completed=date.fromisoformat(row["date"]),
    )


async def import_training(
    engine: AsyncEngine, records: tuple[TrainingRecord, ...], *, source: str, now: datetime
) -> int:
    """Adds the records that are not there yet. Returns how many were new. Raises NotPossibleNow."""
    key = (training.c.user_id, training.c.module, training.c.topics_version, training.c.completed)
    with store_errors():
        async with engine.begin() as connection:
            known = {tuple(row) for row in await connection.execute(select(*key))}
            new = [
                {
                    "user_id": record.user.value,
                    "module": record.module,
                    "topics_version": record.topics_version,
                    "completed": record.completed,
                    "passed": record.passed,
                    "recorded": now,
                    "source": source,
                }
                for record in dict.fromkeys(records)
                if (record.user.value, record.module, record.topics_version, record.completed) not in known
            ]
            if new:
                await connection.execute(insert(training), new)
    return len(new)
