"""Reports over the audit and the answers on record, each limited to one organisation and a span. Reads only.

Reading the audit is itself audited: the caller commits that entry before it shows what these return. A row that somebody
made unreadable ends no report and is in none; whoever shows one names it (gateway.store.spoilt).
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Dialect, Select, String, and_, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import aliased

from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.permission import PermissionAnswer, RecordedPermission
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
from gateway.store.alerts import day_of, utc_day
from gateway.store.engine import reader_of, store_errors
from gateway.store.raw import of_type, raw, raws, text, typed
from gateway.store.readable import decoded, readable, text_of, user_of
from gateway.store.rows import permission_of
from gateway.store.spoilt import naming, readable_body
from gateway.store.state import OVERRIDES
from gateway.store.successors import linked
from gateway.store.tables import alert, audit, permission, successor


def _permission(row: Any) -> RecordedPermission:
    """The answer in a row read with `raws`; raises ValueError. The version of the question, which is not shown, may be anything."""
    return permission_of(typed(row, permission, loosely=("id", "question_version")))


def _about(*patients: NhsNumber) -> ColumnElement[bool]:
    """Of this person, under whichever of the person's numbers: a view asked for by an old one is recorded by the current one."""
    return audit.c.patient.in_(select(linked([literal(number.value) for number in patients]).c.number))


def _conditions(wanted: EntryFilter) -> list[ColumnElement[bool]]:
    conditions = [
        audit.c.organisation == wanted.organisation.value,
        audit.c.at >= wanted.span.start,
        audit.c.at < wanted.span.end,
    ]
    if wanted.events:
        conditions.append(audit.c.event.in_(wanted.events))
    if wanted.patient is not None:
        conditions.append(_about(wanted.patient))
    if wanted.user is not None:
        conditions.append(audit.c.user_id == wanted.user.value)
    return conditions


def _said(dialect: Dialect, name: str) -> ColumnElement[Any]:
    """One text of an entry's body."""
    if dialect.name == "sqlite":
        return case((readable_body(), func.json_extract(audit.c.body, f"$.{name}", type_=String)))
    return func.jsonb_extract_path_text(cast(audit.c.body, JSONB), name)


@dataclass(frozen=True)
class Reports:
    """Every method raises NotPossibleNow where the database does not answer."""

    engine: AsyncEngine

    async def _all(self, statement: Select[Any]) -> Sequence[Any]:
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows: Sequence[Any] = (await connection.execute(statement)).all()
                return rows

    def _entries(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        """Entries as the database holds them, oldest first."""
        dialect = self.engine.dialect
        columns = (*naming(audit, dialect), raw(audit.c.body, dialect))
        return select(*columns).where(*conditions).order_by(audit.c.at, audit.c.writer, audit.c.seq)

    def _raw(self, *columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        return raws(columns, self.engine.dialect)

    async def entries(self, wanted: EntryFilter, *, limit: int, offset: int = 0) -> Entries:
        """Patient access, user access and enquiry reports: whole entries, oldest first."""
        conditions = _conditions(wanted)
        rows = self._entries(*conditions).limit(limit).offset(offset)
        return decoded(*await self._both(select(func.count()).select_from(audit).where(*conditions), rows))

    async def looked(self, patients: tuple[NhsNumber, ...], organisation: OdsCode, *, limit: int) -> Entries:
        """Who has looked at this person's record here: every view, whenever, under any of the person's numbers."""
        conditions = (
            _about(*patients),
            audit.c.organisation == organisation.value,
            audit.c.event.in_(("viewed", "print")),
        )
        rows = self._entries(*conditions).limit(limit)
        return decoded(*await self._both(select(func.count()).select_from(audit).where(*conditions), rows))

    async def superseded(self, organisation: OdsCode) -> dict[str, str]:
        """Old NHS numbers of the patients of this organisation's alerts, and the one that each alert bears."""
        theirs = select(successor.c.superseded, successor.c.current).distinct()
        theirs = theirs.join(alert, alert.c.patient == successor.c.current)
        return {
            row.superseded: row.current
            for row in await self._all(theirs.where(alert.c.organisation == organisation.value))
        }

    async def trail(self, correlation_id: str, organisation: OdsCode) -> Entries:
        """All entries of one request, in order: what stands behind an alert."""
        mine = (audit.c.correlation_id == correlation_id, audit.c.organisation == organisation.value)
        rows = await self._all(self._entries(*mine))
        return decoded(len(rows), rows)

    async def per_day(self, organisation: OdsCode, span: Span) -> tuple[EventCount, ...]:
        """Counts by UTC day, event and user, for enquiry reports and plots."""
        day = utc_day(self.engine.dialect, audit.c.at)
        keys = (day, *self._raw(audit.c.event, audit.c.user_id))
        conditions = _conditions(EntryFilter(organisation=organisation, span=span))
        counted = select(*keys, func.count().label("number")).where(*conditions).group_by(*keys).order_by(*keys)
        return tuple(
            readable(
                await self._all(counted),
                lambda row: EventCount(day_of(row.day), text_of(row.event), user_of(row.user_id), int(row.number)),
            )
        )

    async def self_recorded(
        self, organisation: OdsCode, span: Span, *, within: timedelta = timedelta(seconds=2)
    ) -> tuple[SelfRecorded, ...]:
        """Answers that the viewing user recorded at most `within` before the view: was the patient really asked?"""
        viewed = aliased(audit, name="viewed")
        rows = (
            select(*self._raw(*permission.c), raw(viewed.c.at, self.engine.dialect).label("viewed"))
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
        first: dict[str, SelfRecorded] = {}
        found = readable(
            await self._all(rows),
            lambda row: SelfRecorded(permission=_permission(row), viewed=of_type(row.viewed, audit.c.at)),
        )
        for one in found:
            if one.viewed - one.permission.start <= within:
                first.setdefault(one.permission.id, one)
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
        rows = select(*self._raw(*answered.c)).where(*turned).order_by(answered.c.starts.desc(), answered.c.id)
        return tuple(
            readable(
                await self._all(rows),
                lambda row: AfterRefusal(
                    permission=_permission(row),
                    refused=of_type(row.before_starts, permission.c.starts),
                    refused_to=user_of(row.before_recorded_by),
                    refused_system=SystemId(text_of(row.before_system)),
                ),
            )
        )

    async def views(self, organisation: OdsCode, span: Span) -> tuple[ViewCount, ...]:
        """Views by UTC day, basis, user and system, for plots."""
        dialect = self.engine.dialect
        day = utc_day(dialect, audit.c.at)
        said = [raw(_said(dialect, name), dialect).label(name) for name in ("basis", "system")]
        keys = (day, *self._raw(audit.c.user_id), *said)
        conditions = _conditions(EntryFilter(organisation=organisation, span=span, events=("viewed",)))
        if dialect.name == "sqlite":
            conditions.append(readable_body())
        counted = select(*keys, func.count().label("number")).where(*conditions).group_by(*keys).order_by(*keys)
        try:
            rows = await self._all(counted)
        except NotPossibleNow:
            if dialect.name == "sqlite":
                raise
            return await self._views(*conditions)  # PostgreSQL ends a statement over one body that is no JSON
        return tuple(
            readable(
                rows,
                lambda row: ViewCount(
                    day_of(row.day), text_of(row.basis), user_of(row.user_id), text_of(row.system), int(row.number)
                ),
            )
        )

    async def _views(self, *conditions: ColumnElement[bool]) -> tuple[ViewCount, ...]:
        """The same, each body read by itself."""
        day = utc_day(self.engine.dialect, audit.c.at)
        counts: Counter[tuple[date, str, UserId | None, str]] = Counter()
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = await connection.stream(select(day, audit.c.user_id, audit.c.body).where(*conditions))
                async for row in rows:
                    with suppress(ValueError, AttributeError):
                        said = orjson.loads(row.body)
                        basis, system = str(said.get("basis") or ""), str(said.get("system") or "")
                        counts[(day_of(row.day), basis, user_of(row.user_id), system)] += 1
        return tuple(ViewCount(*key, number) for key, number in sorted(counts.items(), key=lambda one: one[0][0]))

    async def answers(self, organisation: OdsCode, span: Span) -> tuple[AnswerCount, ...]:
        """Answers put on record by each user through each system: who never hears a no?"""
        said_yes = permission.c.answer == PermissionAnswer.YES.value
        known = permission.c.answer.in_([answer.value for answer in PermissionAnswer])
        keys = self._raw(permission.c.recorded_by, permission.c.system)
        counted = (
            select(*keys, func.sum(case((said_yes, 1), else_=0)).label("yes"), func.count().label("number"))
            .where(
                permission.c.organisation == organisation.value,
                permission.c.starts >= span.start,
                permission.c.starts < span.end,
                known,
            )
            .group_by(*keys)
            .order_by(func.count().desc(), *keys)
        )
        return tuple(
            readable(
                await self._all(counted),
                lambda row: AnswerCount(
                    user_of(row.recorded_by), text_of(row.system), int(row.yes), row.number - int(row.yes)
                ),
            )
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
        keys = (*self._raw(alert.c.user_id), utc_day(self.engine.dialect, alert.c.at))
        beyond = func.sum(case((marked, 1), else_=0)).label("beyond")
        counted = select(*keys, func.count().label("number"), beyond).where(*conditions).group_by(*keys)
        days: dict[UserId, list[tuple[int, int]]] = {}
        found = readable(
            await self._all(counted),
            lambda row: (user_of(row.user_id), day_of(row.day), int(row.number), int(row.beyond)),
        )
        for user, _, number, over in found:
            if user is not None:
                days.setdefault(user, []).append((number, over))
        counts = (
            OverrideCount(user, sum(n for n, _ in own), sum(m for _, m in own), max(n for n, _ in own))
            for user, own in days.items()
        )
        return tuple(sorted(counts, key=lambda one: (-one.marked, -one.views, one.user.value)))

    async def marked(self, organisation: OdsCode, span: Span, mark: str) -> int:
        """How many alerts bear a mark, such as `threshold`."""
        conditions = (alert.c.organisation == organisation.value, alert.c.at >= span.start, alert.c.at < span.end)
        rows = await self._all(select(*self._raw(alert.c.marks)).where(*conditions))
        return sum(mark in text(row.marks).split() for row in rows)

    async def _both(self, counting: Select[Any], rows: Select[Any]) -> tuple[int, Any]:
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (await connection.execute(counting)).scalar_one()
                return int(found), (await connection.execute(rows)).all()
