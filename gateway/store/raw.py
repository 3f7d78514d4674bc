"""Columns as the database holds them, whatever somebody wrote there: a text that is no UTF-8, a word where a number belongs.

SQLite keeps any bytes in any column, and its driver fails on the whole read where one cannot be decoded. Whoever verifies
must read the rest, and name what cannot be read.
"""

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    type_coerce,
)

from gateway.domain.instants import aware
from gateway.store.chain import held_text
from gateway.store.tables import Instant


def raw(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """The column under its own name: as bytes on SQLite; on PostgreSQL, whose types hold, times as its driver gives them.

    What SQLite holds as a blob is told apart from the text of the same bytes, which a search finds and the blob not.
    """
    if dialect.name == "sqlite":
        blob = cast(literal("blob ") + func.hex(column, type_=String), LargeBinary)
        return case((func.typeof(column) == "blob", blob), else_=cast(column, LargeBinary)).label(column.key)
    return type_coerce(column, String).label(column.key) if isinstance(column.type, Instant) else column


def raws(columns: Sequence[ColumnElement[Any]], dialect: Dialect) -> list[ColumnElement[Any]]:
    """The same of several."""
    return [raw(column, dialect) for column in columns]


def text(value: Any) -> str:
    """What a text or time reads as; bytes that are no UTF-8 as `\\\\x..`, so that they differ from all that was written."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return held_text(value) if isinstance(value, datetime) else str(value)


def maybe(value: Any) -> str | None:
    """The same of a column that may be empty."""
    return None if value is None else text(value)


def number(value: Any) -> int | str:
    """A number, where it is one in its one form; else what stands there."""
    said = text(value)
    return int(said) if said.isascii() and said.isdigit() and str(int(said[:20])) == said else said


def typed(row: Row[Any], table: Table, *, loosely: Sequence[str] = ()) -> Any:
    """A row whose columns of the table were read with `raws`, as the table's types have them, by name; others are left aside.

    Raises ValueError where a value is none of its type; those of the columns `loosely` are taken as they read.
    """
    return SimpleNamespace(
        **{
            column.name: text(getattr(row, column.name))
            if column.name in loosely
            else of_type(getattr(row, column.name), column)
            for column in table.c
        }
    )


def of_type(value: Any, column: ColumnElement[Any]) -> Any:
    """One value read with `raw`, as the column's type has it. Raises ValueError where it is none of that type."""
    if value is None:
        return None
    if not whole(value):
        raise ValueError(f"{column.key} is no text")
    if isinstance(column.type, Instant):
        moment = instant(value)
        if moment is None:
            raise ValueError(f"{column.key} is no time")
        return moment
    said = text(value)
    if isinstance(column.type, Boolean):
        if said not in _TRUTH:
            raise ValueError(f"{column.key} is neither true nor false")
        return _TRUTH[said]
    return int(said) if isinstance(column.type, Integer) else said


_TRUTH = {"0": False, "1": True, "False": False, "True": True}
"""As SQLite holds them, and as PostgreSQL's driver gives them."""


def whole(value: Any) -> bool:
    """Whether a text can be read at all."""
    try:
        value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return False
    return True


def instant(value: Any) -> datetime | None:
    """A time; None where it is none."""
    if isinstance(value, datetime):
        return value
    try:
        return aware(datetime.fromisoformat(text(value)))
    except ValueError:
        return None
