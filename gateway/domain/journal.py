"""What one request asks the store to make durable: all of it or nothing, in one transaction (I1, I4).

The service builds these values; `gateway.store.journal` commits them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.decision import Alert, AuditEntry
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, TeamId, UserId
from gateway.domain.permission import RecordedPermission, Relationship


class SpendKind(StrEnum):
    """What may be used once only."""

    MESSAGE = "message"
    ASSERTION = "assertion"
    LAUNCH = "launch"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """An id that must be new: else nothing of the write happens."""

    kind: SpendKind
    key: str
    expires: datetime
    """After this the id may be forgotten: what it came with is no longer accepted by then, or refused by what is on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """PDS's word on a number: which one stands for it now. The number itself, where PDS no longer names another."""

    superseded: NhsNumber
    current: NhsNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPermissions:
    """Ends every standing yes for these numbers, and for those linked with them, in one organisation (P-03)."""

    patients: tuple[NhsNumber, ...]
    organisation: OdsCode
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRelationships:
    """Ends relationships that a feed fed earlier, for one patient under whichever number, and where named one user or team."""

    patient: NhsNumber
    system: SystemId
    user: UserId | None
    team: TeamId | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One caller's unit. Order inside: spends and consumption are checked first, then everything is written."""

    entries: tuple[AuditEntry, ...] = ()
    spend: tuple[Spend, ...] = ()
    consume_permission: str | None = None
    """Id of a permission for one view; must still be open."""
    alerts: tuple[Alert, ...] = ()
    permissions: tuple[RecordedPermission, ...] = ()
    end_permissions: tuple[EndPermissions, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    end_relationships: tuple[EndRelationships, ...] = ()
    successors: tuple[Successor, ...] = ()
    """Written before anything is ended, so that an ending reaches the numbers just linked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What the commit did, beyond being durable."""

    ended_relationships: int = 0
    ended_permissions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """What the store holds that a decision needs, read in one round trip."""

    permissions: tuple[RecordedPermission, ...]
    """The newest of each answer and every yes that stands, under any of the patient's numbers known to be linked."""
    relationships: tuple[Relationship, ...]
    recent_notes: tuple[str, ...]
    override_count_24h: int
    trained: bool
    privacy_officers_trained: int
    successors: tuple[Successor, ...] = ()
    """What is known of which numbers are one patient's."""
