"""The training service's export: CSV to training records (P-77, P-78). Pure."""

import csv
import io
from datetime import date

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import UserId
from gateway.store.people import TrainingRecord

COLUMNS = ("uid", "module", "topics_version", "passed", "date")
MOST_ROWS = 1_000_000


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
