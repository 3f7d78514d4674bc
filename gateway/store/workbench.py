"""The privacy officer's side of the store: every read and every recorded act behind one port (gateway.service.privacy).

An act and its audit entry are one transaction. Nothing here deletes anything.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.codes import Code
from gateway.domain.errors import NotPossibleNow
from gateway.domain.identifiers import NhsNumber, OdsCode, UserId
from gateway.domain.journal import Write
from gateway.domain.privacy import (
    AfterRefusal,
    AlertAction,
    AlertCase,
    AlertFilter,
    AlertPage,
    AlertState,
    AnswerCount,
    DayCount,
    Entries,
    EntryFilter,
    EventCount,
    OverrideCount,
    Reconciliation,
    Sample,
    SelfRecorded,
    Span,
    Unreadable,
    ViewCount,
)
from gateway.store.alerts import Alerts, act
from gateway.store.journal import Journal
from gateway.store.people import People, draw, record_sample
from gateway.store.reconcile import reconcile
from gateway.store.reports import Reports
from gateway.store.spoilt import together, unreadable
from gateway.store.tables import alert, audit, permission

MOST_COMPARED = 50_000
"""Open alerts that one file is held against: the oldest."""
_NEAR = timedelta(hours=1)
"""How far from an access the entries of its request lie at most."""
_OPEN = (AlertState.NEW, AlertState.INVESTIGATING)


@dataclass(eq=False)
class Workbench:
    """WorkbenchPort on one database. Every method raises NotPossibleNow where it does not answer."""

    engine: AsyncEngine
    journal: Journal

    def __post_init__(self) -> None:
        self._alerts, self._reports, self._people = Alerts(self.engine), Reports(self.engine), People(self.engine)
        self._reading = asyncio.Lock()

    async def record(self, write: Write, change: AlertAction | Sample | None = None) -> None:
        """Commits entries together with an act or a sample. Raises as `gateway.store.alerts.act` and `Journal.commit`."""
        if isinstance(change, AlertAction):
            await self.journal.commit(write, act(change))
        elif isinstance(change, Sample):
            await self.journal.commit(write, record_sample(change))
        else:
            await self.journal.commit(write)

    async def page(self, wanted: AlertFilter, page: int) -> AlertPage:
        """Ten alerts, newest first."""
        return await self._whole(wanted.organisation, await self._alerts.page(wanted, page=page))

    async def _whole(self, organisation: OdsCode, page: AlertPage) -> AlertPage:
        """The page with the names of those that somebody made unreadable, so that no filter finds them."""
        return replace(page, unreadable=together(page.unreadable, await self.unreadable_alerts(organisation)))

    async def unreadable_alerts(self, organisation: OdsCode) -> tuple[Unreadable, ...]:
        """Alerts, of any time, that cannot be searched."""
        return await unreadable(self.engine, organisation, None, alert)

    async def unreadable(self, organisation: OdsCode, span: Span) -> tuple[Unreadable, ...]:
        """What the figures of this span miss."""
        return await unreadable(self.engine, organisation, span, audit, alert, permission)

    async def all(self, wanted: AlertFilter, limit: int) -> AlertPage:
        """At most `limit` alerts, newest first."""
        return await self._whole(wanted.organisation, await self._alerts.page(wanted, size=limit))

    async def one(self, alert_id: str, organisation: OdsCode) -> AlertCase | None:
        """One alert with its history."""
        return await self._alerts.one(alert_id, organisation)

    async def counts(self, wanted: AlertFilter) -> Mapping[AlertState, int]:
        """How many stand where."""
        return await self._alerts.counts(wanted)

    async def alert_ids(self, wanted: AlertFilter) -> tuple[str, ...]:
        """All ids, sorted."""
        return await self._alerts.ids(wanted)

    async def names(self, organisation: OdsCode) -> Mapping[UserId, str]:
        """Names of users with alerts."""
        return await self._alerts.names(organisation)

    async def alerts_per_day(self, organisation: OdsCode, span: Span) -> tuple[DayCount, ...]:
        """Alerts by day, type, reason, user and system."""
        return await self._alerts.per_day(organisation, span.start, span.end)

    async def entries(self, wanted: EntryFilter, limit: int) -> Entries:
        """Whole entries, oldest first."""
        found = await self._reports.entries(wanted, limit=limit)
        return await self._all_of(wanted.organisation, wanted.span, found)

    async def _all_of(self, organisation: OdsCode, span: Span | None, found: Entries) -> Entries:
        """The entries with the names of those that somebody made unreadable, so that no search finds them."""
        lost = await unreadable(self.engine, organisation, span, audit)
        return replace(found, unreadable=together(found.unreadable, lost))

    async def looked(self, patients: tuple[NhsNumber, ...], organisation: OdsCode, limit: int) -> Entries:
        """Every view of one person's record."""
        return await self._all_of(organisation, None, await self._reports.looked(patients, organisation, limit=limit))

    async def trail(self, correlation_id: str, organisation: OdsCode, around: datetime) -> Entries:
        """What stands behind an alert."""
        near = Span(start=around - _NEAR, end=around + _NEAR)
        return await self._all_of(organisation, near, await self._reports.trail(correlation_id, organisation))

    async def events_per_day(self, organisation: OdsCode, span: Span) -> tuple[EventCount, ...]:
        """Entries by day, event and user."""
        return await self._reports.per_day(organisation, span)

    async def views(self, organisation: OdsCode, span: Span) -> tuple[ViewCount, ...]:
        """Views by day, basis, user and system."""
        return await self._reports.views(organisation, span)

    async def self_recorded(self, organisation: OdsCode, span: Span) -> tuple[SelfRecorded, ...]:
        """Answers used by their recorder within two seconds."""
        return await self._reports.self_recorded(organisation, span)

    async def after_refusal(self, organisation: OdsCode, span: Span) -> tuple[AfterRefusal, ...]:
        """Answers of yes that followed a no."""
        return await self._reports.after_refusal(organisation, span)

    async def answers(self, organisation: OdsCode, span: Span) -> tuple[AnswerCount, ...]:
        """Yes and no by user and system."""
        return await self._reports.answers(organisation, span)

    async def overrides(self, organisation: OdsCode, span: Span, mark: str) -> tuple[OverrideCount, ...]:
        """Views without permission by user."""
        return await self._reports.overrides(organisation, span, mark)

    async def samples(self, organisation: OdsCode, limit: int) -> tuple[Sample | Unreadable, ...]:
        """Samples, newest first; of one that somebody made unreadable, its name."""
        return await self._people.samples(organisation, limit=limit)

    async def sample(self, sample_id: str, organisation: OdsCode) -> Sample | None:
        """One sample of this organisation."""
        return await self._people.sample(sample_id, organisation)

    def draw(self, alerts: tuple[str, ...], percent: int, seed: str) -> tuple[str, ...]:
        """The sample that this seed draws."""
        return draw(alerts, percent, seed)

    async def reconcile(self, file: BinaryIO, wanted: AlertFilter) -> Reconciliation:
        """An attendance file held against the open alerts, in a thread; one file at a time. Raises FileRefused, NotPossibleNow."""
        if self._reading.locked():
            raise NotPossibleNow(Code.OVERLOADED, retry_after=10)
        async with self._reading:
            wanted = replace(wanted, states=_OPEN)
            page = await self._whole(wanted.organisation, await self._alerts.oldest(wanted, limit=MOST_COMPARED))
            counts = await self._alerts.counts(wanted)
            old = await self._reports.superseded(wanted.organisation)
            found = await asyncio.to_thread(
                reconcile, file, page.cases, open_alerts=sum(counts.values()), superseded=old
            )
            return replace(found, unreadable=page.unreadable)
