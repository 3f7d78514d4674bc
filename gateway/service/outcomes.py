"""What the service answers when nothing was refused; doors write these in their own form. Refusals are errors (gateway.domain.errors)."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.access import Organisation
from gateway.domain.decision import AuditEntry, Decision
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import Consent, Demographics, EventDocument, EventList


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """A record that may be shown once its outcome entry is durable."""

    patient: Demographics
    """Of the patient whose record it is: the current number."""
    document: EventDocument
    record: SummaryRecord | None = field(repr=False)
    """For rendering doors; None for pass-through doors."""
    decision: Decision

    @property
    def requested(self) -> NhsNumber | None:
        """The number asked for, where it was superseded."""
        return self.patient.requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Whether a viewable SCR exists and what consent says."""

    exists: bool
    consent: Consent
    events: EventList | None = None
    patient: Demographics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rbac:
    """Which ways to view the role opens."""

    with_permission: bool
    in_emergency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionOnRecord:
    """Whether a current permission in scope is on record."""

    held: bool
    permission_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Ids of what was recorded, and how many older ones ended."""

    ids: tuple[str, ...]
    until: datetime | None = None
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Accesses found, oldest first."""

    made: datetime
    organisation: Organisation
    """The caller's own, whose accesses these are."""
    found: int
    rows: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One patient's demographics."""

    patient: Demographics


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A launch that one browser may open."""

    code: str = field(repr=False)
    """Opaque, 256 bits, single use."""
    expires: datetime


Outcome = Viewed | Status | Rbac | PermissionOnRecord | Recorded | Activity | Traced | Launched
