"""Rows read with `raws` as values, without those that somebody made unreadable: one of them must not hide the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from gateway.domain.decision import AuditEntry
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import UserId
from gateway.domain.privacy import Entries, Unreadable
from gateway.store.chain import decode
from gateway.store.raw import of_type, text, whole
from gateway.store.spoilt import named
from gateway.store.tables import audit

T = TypeVar("T")


def decoded(found: int, rows: Iterable[Any]) -> Entries:
    """Entries in rows as the database holds them; those that somebody made unreadable are named."""
    entries: list[AuditEntry] = []
    lost: list[Unreadable] = []
    for row in rows:
        try:
            if not whole(row.body):
                raise InvalidValue("an audit entry is text")
            entries.append(decode(text(row.body)))
        except (ValueError, TypeError, KeyError, AttributeError):
            lost.append(named(row, audit))
    return Entries(found=found, entries=tuple(entries), unreadable=tuple(lost))


def readable(rows: Iterable[Any], make: Callable[[Any], T]) -> Iterator[T]:
    """What can be made of the rows; not those with a value that is none of its type."""
    for row in rows:
        try:
            yield make(row)
        except (ValueError, TypeError):
            continue


def user_of(value: Any) -> UserId | None:
    """Whoever stands in a column read with `raw`. Raises ValueError."""
    said = of_type(value, audit.c.user_id)
    return UserId(said) if said else None


def text_of(value: Any) -> str:
    """The text of a column read with `raw`. Raises ValueError."""
    return str(of_type(value, audit.c.event) or "")
