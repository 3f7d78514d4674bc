"""Do the alerts, and what officers did with them, still say what the audit's entries say? Reads the database, changes nothing.

Alerts stand in tables that someone with the database in his hands can change; the entries that raised them and that tell of
every act on them stand in the chain. Compares the two and names each difference by the alert's id, never what stands in it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Select, Table, collate, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncResult

from gateway.domain.codes import Code
from gateway.domain.decision import AuditEntry
from gateway.domain.privacy import AlertState
from gateway.domain.raising import raised_by
from gateway.store.chain import decode, held_text, instant_text
from gateway.store.engine import snapshot_of, store_errors
from gateway.store.flaws import Flaw
from gateway.store.raw import maybe, number, raw, raws, text
from gateway.store.rows import alert_row
from gateway.store.tables import ALERT_STANDING, alert, alert_action, audit

_KEY = '"alert_id":"'
"""Before an entry's alert in its canonical body; inside a text its quotation marks would be escaped."""
_AT_ONCE = 500
"""Rows of one read."""
_ACTS = {AlertState.INVESTIGATING.value, AlertState.CLOSED.value}
_WORDS = {"user_id": "user", "at": "time", "asid": "ASID", "acted": "time of the last act", "acted_by": "last actor"}


@dataclass(slots=True)
class _Told:
    """What the entries tell of one alert."""

    alert: dict[str, Any] | None = None
    """Its row when it was raised."""
    place: str = ""
    """Of the entry that raised it, or of one that tells of it."""
    acts: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By the version that the act made: its row."""


@dataclass(slots=True)
class _Stream:
    """Rows in the order of their alerts, taken alert by alert."""

    rows: AsyncIterator[Row[Any]]
    next: Row[Any] | None = None

    async def forward(self) -> None:
        self.next = await anext(self.rows, None)

    @property
    def of(self) -> bytes:
        """The alert that the next row is of, in the bytes that the database sorts by."""
        assert self.next is not None
        return self.next[0] if isinstance(self.next[0], bytes) else str(self.next[0]).encode()

    async def take(self, alert_id: bytes) -> list[Row[Any]]:
        """The next rows, where they are of this alert."""
        taken = []
        while self.next is not None and self.of == alert_id:
            taken.append(self.next)
            await self.forward()
        return taken


async def disagreements(engine: AsyncEngine) -> tuple[int, tuple[Flaw, ...]]:
    """How many alerts there are, and every difference between them and the audit. Raises NotPossibleNow.

    Three sorted reads side by side in one snapshot: what it takes of memory does not grow with the audit.
    """
    flaws: list[Flaw] = []
    alerts = 0
    with store_errors():
        async with snapshot_of(engine).connect() as connection:
            streams = [await _streamed(connection, wanted) for wanted in _wanted(connection)]
            while any(stream.next is not None for stream in streams):
                alert_id = min(stream.of for stream in streams if stream.next is not None)
                entries, kept, acts = [await stream.take(alert_id) for stream in streams]
                alerts += len(kept)
                done = {act["version"]: act for act in (_values(row, alert_action) for row in acts)}
                flaws += _compared(text(alert_id), _told(entries), _values(kept[0], alert) if kept else None, done)
    return alerts, tuple(flaws)


async def _streamed(connection: AsyncConnection, wanted: Select[Any]) -> _Stream:
    stream = _Stream(_rows(await connection.stream(wanted)))
    await stream.forward()
    return stream


async def _rows(result: AsyncResult[Any]) -> AsyncIterator[Row[Any]]:
    async for block in result.partitions(_AT_ONCE):
        for row in block:
            yield row


def _wanted(connection: AsyncConnection) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """Entries that name an alert, alerts, acts: the alert's id first, sorted by it as Python sorts."""
    lite = connection.dialect.name == "sqlite"

    def key(column: ColumnElement[str]) -> ColumnElement[str]:
        return column if lite else collate(column, "C")

    if lite:
        at = func.instr(audit.c.body, _KEY)
        rest = func.substr(audit.c.body, at + len(_KEY))
        named: ColumnElement[str] = func.substr(rest, 1, func.instr(rest, '"') - 1)
    else:
        at = func.strpos(audit.c.body, _KEY)
        named = func.split_part(func.split_part(audit.c.body, _KEY, 2), '"', 1)
    dialect = connection.dialect
    entries = select(raw(named.label("of"), dialect), *raws((audit.c.writer, audit.c.seq, audit.c.body), dialect))
    entries = entries.where(at > 0).order_by(key(named))
    alerts = select(*raws(tuple(alert.c), dialect)).order_by(key(alert.c.id))
    acts = select(*raws(tuple(alert_action.c), dialect))
    acts = acts.order_by(key(alert_action.c.alert_id), alert_action.c.version)
    return entries, alerts, acts


def _value(value: Any) -> Any:
    return held_text(value) if isinstance(value, datetime) else value


def _values(row: Row[Any], table: Table) -> dict[str, Any]:
    """What stands in it as it reads: what somebody made unreadable differs, and stops nothing."""
    numbers = {column.key for column in table.c if isinstance(column.type, Integer)}
    return {name: number(value) if name in numbers else maybe(value) for name, value in row._asdict().items()}


def _told(rows: Sequence[Row[Any]]) -> _Told:
    told = _Told()
    for row in rows:
        place = f"entry {text(row.seq)} of writer {text(row.writer)}"
        try:
            entry = decode(text(row.body))
            raised = raised_by(entry)
            act = _act(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # the chain names an entry that was made unreadable
        if raised is not None:
            told.alert, told.place = {name: _value(value) for name, value in alert_row(raised).items()}, place
        elif act is not None:
            told.acts[act["version"]] = act
        if entry.code != Code.PAGE_NOT_FOUND.slug:  # an attempt at an alert that there need not be
            told.place = told.place or place
    _follow(told)
    return told


def _act(entry: AuditEntry) -> dict[str, Any] | None:
    """The row of what an officer did; None for an entry of anything else."""
    if entry.event != "privacy" or entry.outcome not in _ACTS or entry.user is None:
        return None
    return {
        "alert_id": entry.alert_id,
        "version": int(str(dict(entry.facts)["version"])) + 1,
        "at": instant_text(entry.at),
        "actor": entry.user.value,
        "actor_name": entry.user_name or "",
        "from_state": "",
        "to_state": entry.outcome,
        "note": entry.note or "",
    }


def _follow(told: _Told) -> None:
    """Where each act found the alert, and where the last one left it."""
    state, last = AlertState.NEW.value, None
    for _, act in sorted(told.acts.items()):
        act["from_state"], state, last = state, act["to_state"], act
    if told.alert is not None and last is not None:
        told.alert |= {"state": state, "version": last["version"], "acted": last["at"], "acted_by": last["actor"]}


def _compared(
    alert_id: str, told: _Told, kept: Mapping[str, Any] | None, acts: Mapping[int, Mapping[str, Any]]
) -> Iterator[Flaw]:
    def flaw(sentence: str) -> Flaw:
        return Flaw("alert", "", 0, alert_id, sentence)

    if kept is None and told.place:
        yield flaw(f"the alert is missing: {told.place} tells of it")
    elif kept is not None and told.alert is None:
        yield flaw("no entry of the audit raised this alert")
    elif kept is not None and told.alert is not None:
        if differ := [name for name in _differing(told.alert, kept) if name not in ALERT_STANDING]:
            yield flaw(f"{_listed(differ)} not as {told.place} has it")
        if differ := [name for name in _differing(told.alert, kept) if name in ALERT_STANDING]:
            yield flaw(f"{_listed(differ)} not as the entries of what officers did have it")
    for version in sorted(told.acts.keys() | acts.keys(), key=str):
        if version not in acts:
            yield flaw(f"act {version}, of which an entry tells, is missing from its history")
        elif version not in told.acts:
            yield flaw(f"act {version} of its history: no entry of the audit tells of it")
        elif differ := _differing(told.acts[version], acts[version]):
            yield flaw(f"act {version} of its history: {_listed(differ)} not as its entry has it")


def _differing(told: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    return [name for name, value in told.items() if kept[name] != value]


def _listed(names: Sequence[str]) -> str:
    words = [_WORDS.get(name, name.replace("_", " ")) for name in names]
    return f"{', '.join(words)} {'is' if len(words) == 1 else 'are'}"
