"""The privacy officer's queue: alerts of one organisation, their state and history (P-75, P-90).

Acting on an alert is a step of a journal write, so that the act and its audit entry are one transaction. Nothing is
ever deleted, and no alert of another organisation is shown or changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Row,
    Select,
    String,
    cast,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.errors import InternalError, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import OdsCode, SystemId, UserId
from gateway.domain.privacy import AlertAction, AlertCase, AlertFilter, AlertPage, AlertState, DayCount, PastAction
from gateway.store.engine import reader_of, store_errors
from gateway.store.raw import of_type, raw, raws, text, typed
from gateway.store.rows import alert_of
from gateway.store.spoilt import named
from gateway.store.tables import alert, alert_action
from gateway.store.units import Step

PAGE = 10


def act(action: AlertAction) -> Step:
    """The step that carries out one act.

    A note alone is added only while an alert is under investigation: whoever writes about a new one takes it on, and a closed
    one stays as it was closed, so that nothing is written into its file afterwards by the person whose access raised it.

    It raises MessageInvalid(ALERT_CHANGED) where somebody acted meanwhile, the alert is closed, or it already stands so (for
    a note: does not), MessageInvalid(PAGE_NOT_FOUND) where this organisation has no such alert, PolicyRefused(ALERT_OWN_ACCESS) where
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
        stands = row.state == action.to.value
        if row.version != action.version or row.state == AlertState.CLOSED.value or stands is not action.adds:
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
    """The case in rows as the database holds them; None where somebody made the alert's own unreadable."""
    history = [_act(one) for one in past]
    try:
        return _case(typed(row, alert), [one for one in history if one is not None], history.count(None))
    except (ValueError, TypeError, AttributeError, KeyError):
        return None


def _act(row: Row[Any]) -> PastAction | None:
    """One act; None where somebody made it unreadable."""
    try:
        return _past(typed(row, alert_action))
    except (ValueError, TypeError, AttributeError):
        return None


def _case(row: Any, history: Sequence[PastAction] = (), unreadable_acts: int = 0) -> AlertCase:
    return AlertCase(
        alert=alert_of(row),
        state=AlertState(row.state),
        version=row.version,
        acted=row.acted,
        acted_by=UserId(row.acted_by) if row.acted_by else None,
        history=tuple(history),
        unreadable_acts=unreadable_acts,
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
                return _page((await connection.execute(rows)).all(), int(found))

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

    async def oldest(self, wanted: AlertFilter, *, limit: int) -> AlertPage:
        """The first `limit`, oldest first."""
        rows = self._whole().where(*_conditions(wanted)).order_by(alert.c.at, alert.c.id).limit(limit)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                there = (await connection.execute(rows)).all()
        return _page(there, len(there))

    async def names(self, organisation: OdsCode) -> Mapping[UserId, str]:
        """The names of users whose accesses raised alerts here, where they can be read."""
        keys = raws((alert.c.user_id, alert.c.user_name), self.engine.dialect)
        named = select(*keys).where(alert.c.organisation == organisation.value).distinct()
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(named)).all()
        names: dict[UserId, str] = {}
        for row in rows:
            try:
                user, name = UserId(text(row.user_id)), str(of_type(row.user_name, alert.c.user_name) or "")
            except ValueError:
                continue
            if name:
                names[user] = max(name, names.get(user, ""))
        return names

    async def counts(self, wanted: AlertFilter) -> Mapping[AlertState, int]:
        """How many of them stand where; every state is named."""
        grouped = select(raw(alert.c.state, self.engine.dialect), func.count()).where(*_conditions(wanted))
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(grouped.group_by(alert.c.state))).all()
        found = {text(row.state): int(row[1]) for row in rows}
        return {state: found.get(state.value, 0) for state in AlertState}

    async def per_day(self, organisation: OdsCode, start: datetime, end: datetime) -> tuple[DayCount, ...]:
        """Counts by UTC day, type, reason, user and system in [start, end), for plots."""
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(_per_day(connection.dialect, organisation, start, end))).all()
        counts = []
        for row in rows:
            try:
                kind, reason = AlertType(text(row.type)), AlertReason(text(row.reason))
                user, system = UserId(text(row.user_id)), SystemId(text(row.system))
                counts.append(DayCount(day_of(row.day), kind, reason, user, system.value, int(row.number)))
            except ValueError:
                continue  # whoever shows the figures names the alert: gateway.store.spoilt
        return tuple(counts)


def _page(rows: Sequence[Row[Any]], found: int) -> AlertPage:
    """Alerts in rows as the database holds them; those that somebody made unreadable are named."""
    there = [(row, _readable(row)) for row in rows]
    return AlertPage(
        cases=tuple(case for _, case in there if case is not None),
        found=found,
        unreadable=tuple(named(row, alert) for row, case in there if case is None),
    )


def utc_day(dialect: Dialect, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The UTC day of an instant as YYYY-MM-DD, under the name `day`, for `day_of`."""
    if dialect.name == "sqlite":
        return cast(func.substr(cast(column, String), 1, 10), LargeBinary).label("day")
    return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD").label("day")


def day_of(value: Any) -> date:
    """A day that `utc_day` gave. Raises ValueError where it is none."""
    return date.fromisoformat(text(value))


def _per_day(dialect: Dialect, organisation: OdsCode, start: datetime, end: datetime) -> Select[Any]:
    keys = (
        utc_day(dialect, alert.c.at),
        *raws((alert.c.type, alert.c.reason, alert.c.user_id, alert.c.system), dialect),
    )
    return (
        select(*keys, func.count().label("number"))
        .where(alert.c.organisation == organisation.value, alert.c.at >= start, alert.c.at < end)
        .group_by(*keys)
        .order_by(*keys)
    )
