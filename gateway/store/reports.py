"""Reports over the audit and the answers on record, each limited to one organisation and a span. Reads only.

Reading the audit is itself audited: the caller commits that entry before it shows what these return.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import aliased

from gateway.domain.decision import AuditEntry
from gateway.domain.errors import InternalError, InvalidValue
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.permission import PermissionAnswer
from gateway.domain.privacy import (
    LONGEST_SPAN,
    AfterRefusal,
    AnswerCount,
    Entries,
    EntryFilter,
    EventCount,
    OverrideCount,
    SelfRecorded,
    Span,
    ViewCount,
)
from gateway.store.alerts import utc_day
from gateway.store.chain import decode
from gateway.store.engine import reader_of, store_errors
from gateway.store.rows import permission_of
from gateway.store.state import OVERRIDES
from gateway.store.tables import alert, audit, permission, successor


def _decoded(rows: Any) -> tuple[AuditEntry, ...]:
    try:
        return tuple(decode(row.body) for row in rows)
    except InvalidValue as error:  # somebody has changed the audit: report nothing rather than something else
        raise InternalError from error


def _conditions(wanted: EntryFilter) -> list[ColumnElement[bool]]:
    conditions = [
        audit.c.organisation == wanted.organisation.value,
        audit.c.at >= wanted.span.start,
        audit.c.at < wanted.span.end,
    ]
    if wanted.events:
        conditions.append(audit.c.event.in_(wanted.events))
    if wanted.patient is not None:
        conditions.append(audit.c.patient == wanted.patient.value)
    if wanted.user is not None:
        conditions.append(audit.c.user_id == wanted.user.value)
    return conditions


def _said(connection: AsyncConnection, name: str) -> ColumnElement[Any]:
    """One text of an entry's body."""
    if connection.dialect.name == "sqlite":
        return func.json_extract(audit.c.body, f"$.{name}")
    return func.jsonb_extract_path_text(cast(audit.c.body, JSONB), name)


@dataclass(frozen=True)
class Reports:
    """Every method raises NotPossibleNow where the database does not answer, InternalError where an entry cannot be read."""

    engine: AsyncEngine

    async def entries(self, wanted: EntryFilter, *, limit: int, offset: int = 0) -> Entries:
        """Patient access, user access and enquiry reports: whole entries, oldest first."""
        conditions = _conditions(wanted)
        rows = select(audit.c.body).where(*conditions).order_by(audit.c.at, audit.c.writer, audit.c.seq)
        found, page = await self._both(
            select(func.count()).select_from(audit).where(*conditions), rows.limit(limit).offset(offset)
        )
        return Entries(found=found, entries=_decoded(page))

    async def looked(self, patients: tuple[NhsNumber, ...], organisation: OdsCode, *, limit: int) -> Entries:
        """Who has looked at this person's record here: every view, whenever, under any of the person's numbers."""
        conditions = (
            audit.c.patient.in_([number.value for number in patients]),
            audit.c.organisation == organisation.value,
            audit.c.event.in_(("viewed", "print")),
        )
        rows = select(audit.c.body).where(*conditions).order_by(audit.c.at, audit.c.writer, audit.c.seq).limit(limit)
        found, page = await self._both(select(func.count()).select_from(audit).where(*conditions), rows)
        return Entries(found=found, entries=_decoded(page))

    async def trail(self, correlation_id: str, organisation: OdsCode) -> tuple[AuditEntry, ...]:
        """All entries of one request, in order: what stands behind an alert."""
        rows = select(audit.c.body).where(
            audit.c.correlation_id == correlation_id, audit.c.organisation == organisation.value
        )
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (await connection.execute(rows.order_by(audit.c.at, audit.c.writer, audit.c.seq))).all()
        return _decoded(found)

    async def per_day(self, organisation: OdsCode, span: Span) -> tuple[EventCount, ...]:
        """Counts by UTC day, event and user, for enquiry reports and plots."""
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                day = utc_day(connection, audit.c.at).label("day")
                keys = (day, audit.c.event, audit.c.user_id)
                conditions = _conditions(EntryFilter(organisation=organisation, span=span))
                counted = select(*keys, func.count().label("number")).where(*conditions).group_by(*keys).order_by(*keys)
                rows = (await connection.execute(counted)).all()
        return tuple(
            EventCount(
                date.fromisoformat(row.day), row.event, UserId(row.user_id) if row.user_id else None, int(row.number)
            )
            for row in rows
        )

    async def self_recorded(
        self, organisation: OdsCode, span: Span, *, within: timedelta = timedelta(seconds=2)
    ) -> tuple[SelfRecorded, ...]:
        """Answers that the viewing user recorded at most `within` before the view: was the patient really asked?"""
        viewed = aliased(audit, name="viewed")
        rows = (
            select(permission, viewed.c.at.label("viewed"))
            .join(
                viewed,
                and_(
                    viewed.c.organisation == permission.c.organisation,
                    viewed.c.patient == permission.c.patient,
                    viewed.c.user_id == permission.c.recorded_by,
                    viewed.c.event == "viewed",
                    viewed.c.at >= permission.c.starts,
                ),
            )
            .where(
                permission.c.organisation == organisation.value,
                permission.c.starts >= span.start,
                permission.c.starts < span.end,
                permission.c.answer == PermissionAnswer.YES.value,
                viewed.c.at >= span.start,
                viewed.c.at < span.end + within,
            )
            .order_by(permission.c.starts, permission.c.id, viewed.c.at)
        )
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (await connection.execute(rows)).all()
        first: dict[str, SelfRecorded] = {}
        for row in found:
            if row.viewed - row.starts <= within:
                first.setdefault(row.id, SelfRecorded(permission=permission_of(row), viewed=row.viewed))
        return tuple(first.values())

    async def after_refusal(self, organisation: OdsCode, span: Span) -> tuple[AfterRefusal, ...]:
        """Each yes of the span that followed a no of the month before, under whichever number of the patient; newest first."""
        person = func.coalesce(successor.c.current, permission.c.patient)
        columns = [
            func.lag(column, type_=column.type)
            .over(partition_by=person, order_by=(permission.c.starts, permission.c.id))
            .label(f"before_{column.name}")
            for column in (permission.c.answer, permission.c.starts, permission.c.recorded_by, permission.c.system)
        ]
        answered = (
            select(permission, *columns)
            .outerjoin(successor, successor.c.superseded == permission.c.patient)
            .where(
                permission.c.organisation == organisation.value,
                permission.c.starts >= span.start - LONGEST_SPAN,
                permission.c.starts < span.end,
                permission.c.answer != PermissionAnswer.WITHDRAWN.value,
            )
            .subquery()
        )
        turned = (
            answered.c.answer == PermissionAnswer.YES.value,
            answered.c.before_answer == PermissionAnswer.NO.value,
            answered.c.starts >= span.start,
        )
        rows = select(answered).where(*turned).order_by(answered.c.starts.desc(), answered.c.id)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (await connection.execute(rows)).all()
        return tuple(
            AfterRefusal(
                permission=permission_of(row),
                refused=row.before_starts,
                refused_to=UserId(row.before_recorded_by) if row.before_recorded_by else None,
                refused_system=SystemId(row.before_system),
            )
            for row in found
        )

    async def views(self, organisation: OdsCode, span: Span) -> tuple[ViewCount, ...]:
        """Views by UTC day, basis, user and system, for plots."""
        conditions = _conditions(EntryFilter(organisation=organisation, span=span, events=("viewed",)))
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                day = utc_day(connection, audit.c.at).label("day")
                basis, system = (_said(connection, name).label(name) for name in ("basis", "system"))
                keys = (day, basis, audit.c.user_id, system)
                counted = select(*keys, func.count().label("number")).where(*conditions).group_by(*keys).order_by(*keys)
                rows = (await connection.execute(counted)).all()
        return tuple(
            ViewCount(
                date.fromisoformat(row.day),
                row.basis or "",
                UserId(row.user_id) if row.user_id else None,
                row.system or "",
                int(row.number),
            )
            for row in rows
        )

    async def answers(self, organisation: OdsCode, span: Span) -> tuple[AnswerCount, ...]:
        """Answers put on record by each user through each system: who never hears a no?"""
        said_yes = permission.c.answer == PermissionAnswer.YES.value
        keys = (permission.c.recorded_by, permission.c.system)
        counted = (
            select(*keys, func.sum(case((said_yes, 1), else_=0)).label("yes"), func.count().label("number"))
            .where(
                permission.c.organisation == organisation.value,
                permission.c.starts >= span.start,
                permission.c.starts < span.end,
            )
            .group_by(*keys)
            .order_by(func.count().desc(), *keys)
        )
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(counted)).all()
        return tuple(
            AnswerCount(
                UserId(row.recorded_by) if row.recorded_by else None,
                row.system,
                int(row.yes),
                row.number - int(row.yes),
            )
            for row in rows
        )

    async def overrides(self, organisation: OdsCode, span: Span, mark: str) -> tuple[OverrideCount, ...]:
        """Views without the patient's permission by user, a page loaded again not counted; `mark`: those beyond the threshold."""
        marked = (" " + alert.c.marks + " ").like(f"% {mark} %")
        conditions = (
            alert.c.organisation == organisation.value,
            alert.c.at >= span.start,
            alert.c.at < span.end,
            alert.c.basis.in_(OVERRIDES),
            (" " + alert.c.marks + " ").not_like("% reloaded %"),
        )
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                keys = (alert.c.user_id, utc_day(connection, alert.c.at).label("day"))
                beyond = func.sum(case((marked, 1), else_=0)).label("beyond")
                counted = select(*keys, func.count().label("number"), beyond).where(*conditions).group_by(*keys)
                rows = (await connection.execute(counted)).all()
        days: dict[str, list[tuple[int, int]]] = {}
        for row in rows:
            days.setdefault(row.user_id, []).append((int(row.number), int(row.beyond)))
        counts = (
            OverrideCount(UserId(user), sum(n for n, _ in own), sum(m for _, m in own), max(n for n, _ in own))
            for user, own in days.items()
        )
        return tuple(sorted(counts, key=lambda one: (-one.marked, -one.views, one.user.value)))

    async def marked(self, organisation: OdsCode, span: Span, mark: str) -> int:
        """How many alerts bear a mark, such as `threshold`."""
        conditions = (alert.c.organisation == organisation.value, alert.c.at >= span.start, alert.c.at < span.end)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(select(alert.c.marks).where(*conditions))).scalars().all()
        return sum(mark in marks.split() for marks in rows)

    async def _both(self, counting: Select[Any], rows: Select[Any]) -> tuple[int, Any]:
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (await connection.execute(counting)).scalar_one()
                return int(found), (await connection.execute(rows)).all()
