"""The privacy officer's queue: alerts of one organisation, their state and history (P-75, P-90).

Acting on an alert is a step of a journal write, so that the act and its audit entry are one transaction. Nothing is
ever deleted, and no alert of another organisation is shown or changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import InternalError, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import OdsCode, UserId
from gateway.domain.privacy import AlertAction, AlertCase, AlertFilter, AlertPage, AlertState, DayCount, PastAction
from gateway.store.engine import reader_of, store_errors
from gateway.store.raw import raw, raws, text, typed
from gateway.store.rows import alert_of
from gateway.store.tables import alert, alert_action
from gateway.store.units import Step

PAGE = 10


def act(action: AlertAction) -> Step:
    """The step that carries out one act.

    It raises MessageInvalid(ALERT_CHANGED) where somebody acted meanwhile, the alert is closed, or it already stands so,
    MessageInvalid(PAGE_NOT_FOUND) where this organisation has no such alert, PolicyRefused(ALERT_OWN_ACCESS) where
    the person whose access raised it would close it (P-90).
    """

    def step(connection: Connection) -> None:
        mine = (alert.c.id == action.alert_id, alert.c.organisation == action.organisation.value)
        wanted = select(alert.c.user_id, alert.c.state, alert.c.version).where(*mine).with_for_update()
        row = connection.execute(wanted).first()
        if row is None:
            raise MessageInvalid(Code.PAGE_NOT_FOUND)
        if action.to is AlertState.CLOSED and row.user_id == action.actor.value:
            raise PolicyRefused(Code.ALERT_OWN_ACCESS, (("P-90", Code.ALERT_OWN_ACCESS),))
        if row.version != action.version or row.state in (AlertState.CLOSED.value, action.to.value):
            raise MessageInvalid(Code.ALERT_CHANGED)
        version = row.version + 1
        values = {"state": action.to.value, "version": version, "acted": action.at, "acted_by": action.actor.value}
        connection.execute(update(alert).where(*mine).values(**values))
        connection.execute(
            insert(alert_action),
            {
                "alert_id": action.alert_id,
                "version": version,
                "at": action.at,
                "actor": action.actor.value,
                "actor_name": action.actor_name,
                "from_state": row.state,
                "to_state": action.to.value,
                "note": action.note,
            },
        )

    return step


def _readable(row: Row[Any], past: Sequence[Row[Any]] = ()) -> AlertCase | None:
    """The case in rows as the database holds them; None where somebody made one of them unreadable."""
    try:
        return _case(typed(row, alert), [_past(typed(one, alert_action)) for one in past])
    except (ValueError, TypeError, AttributeError):
        return None


def _case(row: Any, history: Sequence[PastAction] = ()) -> AlertCase:
    return AlertCase(
        alert=alert_of(row),
        state=AlertState(row.state),
        version=row.version,
        acted=row.acted,
        acted_by=UserId(row.acted_by) if row.acted_by else None,
        history=tuple(history),
    )


def _past(row: Any) -> PastAction:
    return PastAction(
        at=row.at,
        actor=UserId(row.actor),
        actor_name=row.actor_name,
        before=AlertState(row.from_state),
        after=AlertState(row.to_state),
        note=row.note,
    )


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [alert.c.organisation == wanted.organisation.value]
    if wanted.states:
        conditions.append(alert.c.state.in_([state.value for state in wanted.states]))
    if wanted.types:
        conditions.append(alert.c.type.in_([kind.value for kind in wanted.types]))
    if wanted.reasons:
        conditions.append(alert.c.reason.in_([reason.value for reason in wanted.reasons]))
    for column, identifier in (
        (alert.c.site, wanted.site),
        (alert.c.user_id, wanted.user),
        (alert.c.patient, wanted.patient),
    ):
        if identifier is not None:
            conditions.append(column == identifier.value)
    if wanted.mark is not None:
        conditions.append((" " + alert.c.marks + " ").like(f"% {wanted.mark} %"))
    if wanted.ids is not None:
        conditions.append(alert.c.id.in_(wanted.ids))
    if wanted.start is not None:
        conditions.append(alert.c.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(alert.c.at < wanted.end)
    return conditions


@dataclass(frozen=True)
class Alerts:
    """Reads of the queue. Every method raises NotPossibleNow where the database does not answer."""

    engine: AsyncEngine

    async def page(self, wanted: AlertFilter, *, page: int = 1, size: int = PAGE) -> AlertPage:
        """Page `page` (from 1), newest first."""
        conditions = _conditions(wanted)
        rows = self._whole().where(*conditions).order_by(alert.c.at.desc(), alert.c.id)
        rows = rows.limit(size).offset((page - 1) * size)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (
                    await connection.execute(select(func.count()).select_from(alert).where(*conditions))
                ).scalar_one()
                there = [(text(row.id), _readable(row)) for row in (await connection.execute(rows)).all()]
        return AlertPage(
            cases=tuple(case for _, case in there if case is not None),
            found=int(found),
            unreadable=tuple(alert_id for alert_id, case in there if case is None),
        )

    def _whole(self) -> Select[Any]:
        """Alerts as the database holds them: one that cannot be read must not hide the others."""
        return select(*raws(tuple(alert.c), self.engine.dialect))

    async def one(self, alert_id: str, organisation: OdsCode) -> AlertCase | None:
        """One alert with its history; None where this organisation has no such alert.

        Raises InternalError where somebody made it unreadable.
        """
        mine = self._whole().where(alert.c.id == alert_id, alert.c.organisation == organisation.value)
        past = select(*raws(tuple(alert_action.c), self.engine.dialect))
        past = past.where(alert_action.c.alert_id == alert_id).order_by(alert_action.c.version)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                row = (await connection.execute(mine)).first()
                actions = (await connection.execute(past)).all() if row is not None else ()
        if row is None:
            return None
        case = _readable(row, actions)
        if case is None:
            raise InternalError
        return case

    async def ids(self, wanted: AlertFilter) -> tuple[str, ...]:
        """The ids of all of them, sorted."""
        rows = select(raw(alert.c.id, self.engine.dialect)).where(*_conditions(wanted)).order_by(alert.c.id)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                return tuple(map(text, (await connection.execute(rows)).scalars()))

    async def oldest(self, wanted: AlertFilter, *, limit: int) -> tuple[AlertCase, ...]:
        """The first `limit`, oldest first, without what somebody made unreadable."""
        rows = self._whole().where(*_conditions(wanted)).order_by(alert.c.at, alert.c.id).limit(limit)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                there = map(_readable, (await connection.execute(rows)).all())
                return tuple(case for case in there if case is not None)

    async def names(self, organisation: OdsCode) -> Mapping[UserId, str]:
        """The names of users whose accesses raised alerts here."""
        named = select(alert.c.user_id, func.max(alert.c.user_name)).where(alert.c.organisation == organisation.value)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(named.group_by(alert.c.user_id))).all()
        return {UserId(row[0]): row[1] for row in rows if row[1]}

    async def counts(self, wanted: AlertFilter) -> Mapping[AlertState, int]:
        """How many of them stand where; every state is named."""
        grouped = select(alert.c.state, func.count().label("count")).where(*_conditions(wanted))
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(grouped.group_by(alert.c.state))).all()
        found = {row.state: int(row[1]) for row in rows}
        return {state: found.get(state.value, 0) for state in AlertState}

    async def per_day(self, organisation: OdsCode, start: datetime, end: datetime) -> tuple[DayCount, ...]:
        """Counts by UTC day, type, reason, user and system in [start, end), for plots."""
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(_per_day(connection, organisation, start, end))).all()
        return tuple(
            DayCount(
                date.fromisoformat(row.day), row.type, row.reason, UserId(row.user_id), row.system, int(row.number)
            )
            for row in rows
        )


def utc_day(connection: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[str]:
    """The UTC day of an instant as YYYY-MM-DD."""
    if connection.dialect.name == "sqlite":
        return func.substr(cast(column, String), 1, 10)
    return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD")


def _per_day(connection: AsyncConnection, organisation: OdsCode, start: datetime, end: datetime) -> Select[Any]:
    day = utc_day(connection, alert.c.at).label("day")
    keys = (alert.c.type, alert.c.reason, alert.c.user_id, alert.c.system)
    return (
        select(day, *keys, func.count().label("number"))
        .where(alert.c.organisation == organisation.value, alert.c.at >= start, alert.c.at < end)
        .group_by(day, *keys)
        .order_by(day, *keys)
    )
