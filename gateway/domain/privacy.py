"""What a privacy officer works with: alerts and where they stand, reports, samples, attendance. Values only; nothing here acts.

Sources: access policy sections 3d to 3g, P-75, P-79, P-90.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.domain.decision import Alert, AlertReason, AlertType, AuditEntry
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.instants import aware
from gateway.domain.notes import says
from gateway.domain.permission import RecordedPermission

LONGEST_NOTE = 2000
"""Characters of a note on an alert."""
LONGEST_SPAN = timedelta(days=31, hours=1)
"""Longest span of a report: 31 London days, of which one has 25 hours in autumn."""

MOST_UNREADABLE = 1000
"""Unreadable rows of one kind that are named; one more than that says that there are more."""


class AlertState(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    INVESTIGATING = "under-investigation"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAction:
    """One act of a privacy officer on one alert, made on the alert as `version` of it was shown."""

    alert_id: str
    organisation: OdsCode
    version: int
    actor: UserId
    actor_name: str = field(repr=False)
    at: datetime
    to: AlertState
    note: str = field(repr=False)
    adds: bool = False
    """Whether only the note is added to an alert under investigation, which stays so."""

    def __post_init__(self) -> None:
        aware(self.at)
        if self.to is AlertState.NEW:
            raise InvalidValue("an alert does not become new again")
        if self.adds and self.to is not AlertState.INVESTIGATING:
            raise InvalidValue("a note is added to an alert under investigation")
        if not says(self.note) or len(self.note) > LONGEST_NOTE:
            raise InvalidValue(f"an act on an alert needs a note of at most {LONGEST_NOTE} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """One act, as it was recorded."""

    at: datetime
    actor: UserId
    actor_name: str = field(repr=False)
    before: AlertState
    after: AlertState
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class Unreadable:
    """A row that somebody made unreadable in the database: what cannot be shown or counted, and must not be left out unsaid."""

    kind: str
    """entry, alert, answer or sample."""
    id: str
    """Its id, where that can be read; else where it stands, or what is left of the id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCase:
    """An alert and where it stands; `history` oldest first, filled where one alert was asked for."""

    alert: Alert
    state: AlertState
    version: int
    acted: datetime | None
    acted_by: UserId | None
    history: tuple[PastAction, ...] = ()
    unreadable_acts: int = 0
    """Acts on it that somebody made unreadable; they are not in the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts of one organisation; empty means any."""

    organisation: OdsCode
    states: tuple[AlertState, ...] = ()
    types: tuple[AlertType, ...] = ()
    reasons: tuple[AlertReason, ...] = ()
    site: OdsCode | None = None
    user: UserId | None = None
    patient: NhsNumber | None = None
    mark: str | None = None
    """Such as `threshold`."""
    start: datetime | None = None
    end: datetime | None = None
    """Exclusive."""
    ids: tuple[str, ...] | None = None
    """Only these, such as a sample's; none at all where it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """One page of alerts, newest first, and how many there are in all."""

    cases: tuple[AlertCase, ...]
    found: int
    unreadable: tuple[Unreadable, ...] = ()
    """Those of the page that cannot be read, which count as found, and those that no filter can find."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """So many alerts of one kind on one day (UTC)."""

    day: date
    type: str
    reason: str
    user: UserId
    system: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """[start, end), at most a month."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not aware(self.start) < aware(self.end) <= self.start + LONGEST_SPAN:
            raise InvalidValue("a report spans at most 31 days, from earlier to later")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries of one organisation; empty means any."""

    organisation: OdsCode
    span: Span
    events: tuple[str, ...] = ()
    patient: NhsNumber | None = None
    user: UserId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Entries found, oldest first; `found` counts also those beyond the limit."""

    found: int
    entries: tuple[AuditEntry, ...]
    unreadable: tuple[Unreadable, ...] = ()
    """Those up to the limit that cannot be read, which count as found, and those that no search can find."""


@dataclass(frozen=True, slots=True)
class EventCount:
    """So many entries of one kind on one UTC day by one user."""

    day: date
    event: str
    user: UserId | None
    count: int


@dataclass(frozen=True, slots=True)
class ViewCount:
    """So many views on one UTC day on one basis by one user through one system."""

    day: date
    basis: str
    user: UserId | None
    system: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfRecorded:
    """A yes that its recorder used for a view within two seconds."""

    permission: RecordedPermission
    viewed: datetime


@dataclass(frozen=True, slots=True)
class AfterRefusal:
    """A yes put on record when the patient's last answer here, in the month before, was a no."""

    permission: RecordedPermission
    """The yes."""
    refused: datetime
    refused_to: UserId | None
    """Who put the no on record; None: the calling system itself."""
    refused_system: SystemId


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How often one user put a yes, and how often a no or a withdrawal, on record through one system."""

    user: UserId | None
    system: str
    yes: int
    no: int

    @property
    def yes_percent(self) -> int:
        """Share of yes, rounded down, so that 100 means every one."""
        return 100 * self.yes // (self.yes + self.no)


@dataclass(frozen=True, slots=True)
class OverrideCount:
    """Emergency and legal views of one user: how many, how many beyond the daily threshold, most on one UTC day."""

    user: UserId
    views: int
    marked: int
    most_a_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A drawn sample of alerts: the same seed and list draw the same again."""

    id: str
    organisation: OdsCode
    officer: UserId
    at: datetime
    percent: int
    seed: str
    alerts: tuple[str, ...]
    span: Span | None = None
    """Of the accesses it was drawn from, as far as it had gone by then. None of samples that were drawn before this was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One line of an attendance file that covers an alert: evidence that the patient was there."""

    row: int
    """Line of the file on which it begins, as an editor counts: the header is line 1."""
    start: datetime
    end: datetime | None
    """None: still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """An open alert and the first attendance that covers its access."""

    case: AlertCase
    attendance: Attendance


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What an attendance file says about the open alerts. Holds rows by number only, never what stood in them."""

    digest: str
    """SHA-256 of the file, by which the evidence is found again."""
    rows: int
    duplicates: int
    first_duplicates: tuple[int, ...]
    faults: tuple[tuple[str, int, tuple[int, ...]], ...]
    """(what is wrong, how many rows, the first row numbers)."""
    compared: int
    """Open alerts looked at."""
    open: int
    """Open alerts there are."""
    matched: tuple[Matched, ...]
    """Oldest access first."""
    unreadable: tuple[Unreadable, ...] = ()
    """Alerts that cannot be read, so that no attendance could be held against them."""


class FileRefused(InvalidValue):
    """A file as a whole cannot be used. The text says why and what to do, and quotes nothing of it."""
