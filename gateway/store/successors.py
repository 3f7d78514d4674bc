"""NHS numbers of one patient: the current one and those it superseded, as PDS has told so far. Never asks PDS.

What was answered, or fed, under any of them holds for all (P-01, P-03, P-22); `linked` is how every statement says so.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, select, union, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.domain.journal import Successor
from gateway.store.tables import successor


def linked(asked: Sequence[ColumnElement[str]]) -> Subquery:
    """The numbers asked for, the ones that stand for them now, and every other that those stand for: one column, `number`."""
    of_these, theirs = successor.alias("of_these"), successor.alias("theirs")
    current = select(of_these.c.current).where(of_these.c.superseded.in_(asked))
    return union(
        *(select(number.label("number")) for number in asked),
        current,
        select(successor.c.superseded).where(successor.c.current.in_(asked)),
        select(theirs.c.superseded).where(theirs.c.current.in_(current)),
    ).subquery("linked")


def learn(connection: Connection, learned: Iterable[Successor]) -> None:
    """Puts PDS's newest word in place of an older one. What stood for the superseded number's own predecessors follows it."""
    rows: dict[str, dict[str, Any]] = {
        each.superseded.value: {
            "superseded": each.superseded.value,
            "current": each.current.value,
            "learned_at": each.at,
        }
        for each in learned
    }
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    for superseded in sorted(rows):
        row = rows[superseded]
        if row["current"] != superseded:
            moved = update(successor).where(successor.c.current == superseded)
            connection.execute(moved.values(current=row["current"], learned_at=row["learned_at"]))
        statement = dialect.insert(successor).values(row)
        same = {name: statement.excluded[name] for name in ("current", "learned_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["superseded"], set_=same))
