"""What the privacy officer's use cases need of the store, as a protocol. Source: access policy sections 3d to 3g."""

from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO, Protocol

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


class WorkbenchPort(Protocol):
    """Reads and recorded acts; each raises NotPossibleNow where the store does not answer."""

    async def record(self, write: Write, change: AlertAction | Sample | None = None) -> None:
        """Entries and a change in one transaction. Raises MessageInvalid, PolicyRefused where the act is refused."""

    async def page(self, wanted: AlertFilter, page: int) -> AlertPage:
        """Ten alerts, newest first."""

    async def all(self, wanted: AlertFilter, limit: int) -> AlertPage:
        """At most `limit` alerts, newest first."""

    async def one(self, alert_id: str, organisation: OdsCode) -> AlertCase | None:
        """One alert with its history; None where this organisation has no such one."""

    async def counts(self, wanted: AlertFilter) -> Mapping[AlertState, int]:
        """How many stand where."""

    async def alert_ids(self, wanted: AlertFilter) -> tuple[str, ...]:
        """All ids, sorted."""

    async def names(self, organisation: OdsCode) -> Mapping[UserId, str]:
        """Names of users whose accesses raised alerts."""

    async def alerts_per_day(self, organisation: OdsCode, span: Span) -> tuple[DayCount, ...]:
        """Alerts by UTC day, type, reason, user and system."""

    async def entries(self, wanted: EntryFilter, limit: int) -> Entries:
        """Audit entries, oldest first."""

    async def looked(self, patients: tuple[NhsNumber, ...], organisation: OdsCode, limit: int) -> Entries:
        """Every view of one person's record in this organisation, whenever."""

    async def trail(self, correlation_id: str, organisation: OdsCode, around: datetime) -> Entries:
        """All entries of one request, made around that time."""

    async def unreadable(self, organisation: OdsCode, span: Span) -> tuple[Unreadable, ...]:
        """Rows that somebody made unreadable, so that no figure of the span counts them."""

    async def unreadable_alerts(self, organisation: OdsCode) -> tuple[Unreadable, ...]:
        """Alerts that somebody made unreadable, so that no search finds them."""

    async def events_per_day(self, organisation: OdsCode, span: Span) -> tuple[EventCount, ...]:
        """Entries by UTC day, event and user."""

    async def views(self, organisation: OdsCode, span: Span) -> tuple[ViewCount, ...]:
        """Views by UTC day, basis, user and system."""

    async def self_recorded(self, organisation: OdsCode, span: Span) -> tuple[SelfRecorded, ...]:
        """Answers that their recorder used for a view within two seconds."""

    async def after_refusal(self, organisation: OdsCode, span: Span) -> tuple[AfterRefusal, ...]:
        """Answers of yes that followed a no, newest first."""

    async def answers(self, organisation: OdsCode, span: Span) -> tuple[AnswerCount, ...]:
        """Yes and no by user and system."""

    async def overrides(self, organisation: OdsCode, span: Span, mark: str) -> tuple[OverrideCount, ...]:
        """Views without permission by user; `mark`: those beyond the daily threshold."""

    async def samples(self, organisation: OdsCode, limit: int) -> tuple[Sample | Unreadable, ...]:
        """Samples, newest first; of one that somebody made unreadable, its name."""

    async def sample(self, sample_id: str, organisation: OdsCode) -> Sample | None:
        """One sample; None where this organisation has no such one."""

    def draw(self, alerts: tuple[str, ...], percent: int, seed: str) -> tuple[str, ...]:
        """What this seed draws. Raises InvalidValue outside 1 to 100 per cent."""

    async def reconcile(self, file: BinaryIO, wanted: AlertFilter) -> Reconciliation:
        """An attendance file against the open alerts among those wanted. Raises FileRefused."""
