"""Which rows of an organisation somebody made unreadable, so that no search of the officer's finds them and no figure counts them.

The database looks at the form of every column that reports search or count by, and gives the few rows that differ: no
report reads each row for it. What only a whole read shows, such as a note that is no text, is named by whoever reads it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.access import Scope
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.identifiers import OdsCode
from gateway.domain.permission import HowAsked, PermissionAnswer, RecordedKind
from gateway.domain.privacy import MOST_UNREADABLE, AlertState, Span, Unreadable
from gateway.store.engine import reader_of, store_errors
from gateway.store.raw import raws, text, whole
from gateway.store.tables import alert, audit, permission


@dataclass(frozen=True, slots=True)
class _Form:
    """A text of so many of these characters, all of them ASCII."""

    characters: str
    shortest: int = 0
    longest: int = 4096

    def kept(self, column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
        """Whether the column holds such a text."""
        length = func.length(column).between(self.shortest, self.longest)
        if dialect.name != "sqlite":
            return and_(length, column.regexp_match(f"^[{self.characters}]*$"))
        # SQLite counts letters up to the first NUL: where they are not all the bytes, something else stands behind it
        whole_text = and_(func.typeof(column) == "text", func.length(column) == func.length(cast(column, LargeBinary)))
        return and_(whole_text, length, not_(column.bool_op("GLOB")(f"*[^{self.characters}]*")))


@dataclass(frozen=True, slots=True)
class _OneOf:
    """One of a closed list of values."""

    values: type[StrEnum]

    def kept(self, column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:  # noqa: ARG002 - as the others
        """Whether the column holds one of them."""
        return column.in_([value.value for value in self.values])


@dataclass(frozen=True, slots=True)
class _Number:
    """An NHS number with its check digit."""

    def kept(self, column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
        """Whether the column holds one."""
        digits = [cast(func.substr(column, place + 1, 1), Integer) for place in range(10)]
        weighed = sum((digit * (10 - place) for place, digit in enumerate(digits)), start=digits[9] * 0)
        # the ten weights, the last of them 1: the check digit makes the sum a multiple of 11
        return case((_Form("0-9", 10, 10).kept(column, dialect), weighed % 11 == 0), else_=false())


@dataclass(frozen=True, slots=True)
class _Time:
    """An instant, as it is written."""

    def kept(self, column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
        """Whether the column holds one; PostgreSQL's type holds nothing else."""
        if dialect.name != "sqlite":
            return true()
        said = type_coerce(column, String)
        written = "[0-9]" * 4 + "-[0-9][0-9]" * 2 + "T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]." + "[0-9]" * 6 + "Z"
        month, day, hour = (func.substr(said, place, 2) for place in (6, 9, 12))
        date = func.substr(said, 1, 10)
        return and_(
            func.typeof(said) == "text",
            func.length(cast(said, LargeBinary)) == 27,
            said.bool_op("GLOB")(written),
            month.between("01", "12"),
            # a day that there is; SQLite reckons on from one that there is not
            or_(day.between("01", "28"), and_(day.between("29", "31"), func.date(date, "+0 days") == date)),
            hour < "24",
        )


@dataclass(frozen=True, slots=True)
class _Whole:
    """A whole number, or on SQLite a truth, which is one there."""

    def kept(self, column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
        """Whether the column holds one; PostgreSQL's types hold nothing else."""
        return func.typeof(column) == "integer" if dialect.name == "sqlite" else true()


_USER, _ODS, _SYSTEM = _Form("0-9", 12, 12), _Form("A-Z0-9", 3, 12), _Form("-a-z0-9", 2, 64)
_WORD = _Form("-_a-z0-9")
_REFERENCE = _Form("-._:A-Za-z0-9", 1)

FORMS: Mapping[Table, Mapping[str, Any]] = {
    audit: {
        "event": _WORD,
        "user_id": _USER,
        "patient": _Number(),
        "correlation_id": _REFERENCE,
    },
    alert: {
        "type": _OneOf(AlertType),
        "reason": _OneOf(AlertReason),
        "marks": _Form("- _a-z0-9"),
        "site": _ODS,
        "patient": _Number(),
        "user_id": _USER,
        "system": _SYSTEM,
        "basis": _WORD,
        "state": _OneOf(AlertState),
        "version": _Whole(),
    },
    permission: {
        "patient": _Number(),
        "answer": _OneOf(PermissionAnswer),
        "kind": _OneOf(RecordedKind),
        "scope": _OneOf(Scope),
        "user_id": _USER,
        "role_id": _USER,
        "team": _Form("-._A-Za-z0-9", 1, 64),
        "how_asked": _OneOf(HowAsked),
        "recorded_by": _USER,
        "recorded_role": _USER,
        "system": _SYSTEM,
        "ends": _Time(),
        "ended": _Time(),
        "consumed": _Whole(),
    },
}
"""The form of each column that reports search, count or show by, beside the organisation and the time."""

_TIMES = {audit: "at", alert: "at", permission: "starts"}
_KINDS = {audit: "entry", alert: "alert", permission: "answer"}


def named(row: Any, table: Table) -> Unreadable:
    """A row whose id (and writer and seq, of an entry) was read with `raws`, as people are told of it."""
    said = text(row.id)
    if table is audit and not (whole(row.id) and said.strip().isprintable()):
        said = f"number {text(row.seq)} of writer {text(row.writer)}"
    return Unreadable(_KINDS[table], said[:200])


def naming(table: Table, dialect: Dialect) -> list[ColumnElement[Any]]:
    """The columns that `named` needs."""
    return raws((table.c.id, table.c.writer, table.c.seq) if table is audit else (table.c.id,), dialect)


def _spoilt(column: ColumnElement[Any], form: Any, dialect: Dialect) -> ColumnElement[bool]:
    return and_(column.is_not(None), not_(func.coalesce(form.kept(column, dialect), false(), type_=Boolean)))


def readable_body() -> ColumnElement[bool]:
    """Whether SQLite can read an entry's body as JSON; it ends the whole statement over one that it cannot."""
    return and_(func.typeof(audit.c.body) == "text", func.json_valid(audit.c.body) == 1)


def _said_by_views(dialect: Dialect) -> ColumnElement[bool]:
    """Views whose body does not say, in their form, what charts count them by: only where the database can read on past one."""
    if dialect.name != "sqlite":
        return false()
    said = (
        (func.json_extract(audit.c.body, f"$.{name}"), form) for name, form in (("basis", _WORD), ("system", _SYSTEM))
    )
    bad = or_(*(_spoilt(value, form, dialect) for value, form in said))
    return and_(audit.c.event == "viewed", case((readable_body(), bad), else_=true()))


def _wanted(table: Table, organisation: OdsCode, span: Span | None, dialect: Dialect) -> Select[Any]:
    """Rows of one organisation that are not as they are written: of the span, and those whose time cannot be read."""
    forms = FORMS[table].items()
    bad = or_(*(_spoilt(table.c[name], form, dialect) for name, form in forms))
    if table is audit:
        bad = or_(bad, _said_by_views(dialect))
    time = table.c[_TIMES[table]]
    if span is not None:
        bad = and_(time >= span.start, time < span.end, bad)
    mine = table.c.organisation == organisation.value
    return (
        select(*naming(table, dialect))
        .where(mine, or_(_spoilt(time, _Time(), dialect), bad))
        .order_by(table.c.id)
        .limit(MOST_UNREADABLE + 1)
    )


async def unreadable(
    engine: AsyncEngine, organisation: OdsCode, span: Span | None, *tables: Table
) -> tuple[Unreadable, ...]:
    """Rows of these tables that searches and figures of this organisation miss; `span`: None for any time.

    At most one more than MOST_UNREADABLE of each kind. What names an organisation no longer is nobody's to be told here:
    `audit verify` finds it. Entries of any time are looked through on SQLite only: PostgreSQL's types hold what they are
    written as, and its audit may be a hundred times as long. Raises NotPossibleNow.
    """
    if span is None and engine.dialect.name != "sqlite":
        tables = tuple(table for table in tables if table is not audit)
    found: list[Unreadable] = []
    with store_errors():
        async with reader_of(engine).connect() as connection:
            for table in tables:
                rows = await connection.execute(_wanted(table, organisation, span, connection.dialect))
                found.extend(named(row, table) for row in rows)
    if span is not None and audit in tables and engine.dialect.name != "sqlite":
        found.extend(await _no_json(engine, organisation, span))
    return tuple(found)


async def _no_json(engine: AsyncEngine, organisation: OdsCode, span: Span) -> list[Unreadable]:
    """Views whose body PostgreSQL cannot read as JSON, on which it ends a whole statement: looked for one by one only then."""
    views = (
        audit.c.organisation == organisation.value,
        audit.c.at >= span.start,
        audit.c.at < span.end,
        audit.c.event == "viewed",
    )
    with store_errors():
        async with reader_of(engine).connect() as connection:
            with suppress(DBAPIError):
                await connection.execute(select(func.max(func.jsonb_typeof(cast(audit.c.body, JSONB)))).where(*views))
                return []
        found: list[Unreadable] = []
        async with reader_of(engine).connect() as connection:
            rows = await connection.stream(select(*naming(audit, engine.dialect), audit.c.body).where(*views))
            async for row in rows:
                if len(found) <= MOST_UNREADABLE and not _is_json(row.body):
                    found.append(named(row, audit))
    return found


def _is_json(body: str) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False


def together(*parts: tuple[Unreadable, ...]) -> tuple[Unreadable, ...]:
    """Each row once, in order of kind and id."""
    return tuple(sorted({one for part in parts for one in part}))
