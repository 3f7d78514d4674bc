"""Permission to view and legitimate relationship: what a message claims, and what is on record (P-01..P-06, P-20..P-25)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.access import PermissionKind, PermissionPolicy, Scope
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber, OdsCode, RoleProfileId, SystemId, TeamId, UserId
from gateway.domain.instants import aware


class PermissionClaim(StrEnum):
    """What a request says about the patient's permission."""

    YES = "yes"  # asked now, for this view
    EXTENDED = "extended"  # asked now, to be kept
    PROXY = "proxy"  # a representative answered
    NO = "no"
    NOT_ASKED = "not-asked"  # rely on what is on record
    EMERGENCY = "emergency"
    BEST_INTERESTS = "best-interests"
    LEGAL = "legal"

    @property
    def overrides(self) -> bool:
        """Whether it opens a record without the patient's permission; needs a note and raises an alert."""
        return self in {PermissionClaim.EMERGENCY, PermissionClaim.BEST_INTERESTS, PermissionClaim.LEGAL}


class LegalBasis(StrEnum):
    """Ground of a legal override (B0082)."""

    COURT_ORDER = "court-order"
    STATUTE = "statute"
    PUBLIC_INTEREST = "public-interest"


class EmergencyReason(StrEnum):
    """Why the patient cannot be asked (P-05)."""

    UNCONSCIOUS = "unconscious"
    CANNOT_ANSWER = "cannot-answer"
    NO_CAPACITY = "no-capacity"


class RelationshipKind(StrEnum):
    """Kinds of legitimate relationship. Only a self-claimed one raises an alert."""

    REGISTRATION = "registration"
    REFERRAL = "referral"
    SELF_REFERRAL = "self-referral"
    ADMISSION = "admission"
    COLLEAGUE_GRANTED = "colleague-granted"
    SELF_CLAIMED = "self-claimed"


class PermissionAnswer(StrEnum):
    """What the patient, or a representative, answered."""

    YES = "yes"
    NO = "no"
    WITHDRAWN = "withdrawn"


class RecordedKind(StrEnum):
    """How a recorded yes may be used."""

    SINGLE = "single"  # one view, at most 12 hours old
    EXTENDED = "extended"  # until its end
    PROXY = "proxy"  # one view, answered by a representative


class HowAsked(StrEnum):
    """How the question was put (P-23)."""

    FACE_TO_FACE = "face-to-face"
    PHONE = "phone"
    VIDEO = "video"
    PROXY = "proxy"
    OTHER = "other"


_WIDTH = {Scope.INDIVIDUAL: 0, Scope.TEAM: 1, Scope.ORGANISATION: 2}


def kept_by(policy: PermissionPolicy, kind: RecordedKind, scope: Scope) -> bool:
    """Whether a yes of this kind and scope can open a view where permission is asked by this policy (P-20).

    One for a single view is its user's own; one kept for later reaches no further than the organisation's policy says.
    """
    if kind is not RecordedKind.EXTENDED:
        return scope is Scope.INDIVIDUAL
    return policy.kind is PermissionKind.EXTENDED and _WIDTH[scope] <= _WIDTH[policy.scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPermission:
    """An answer on record."""

    id: str
    patient: NhsNumber
    organisation: OdsCode
    answer: PermissionAnswer
    kind: RecordedKind
    scope: Scope
    user: UserId | None
    """The user it is for, where scope is individual."""
    role: RoleProfileId | None
    """The role profile it is for, where scope is individual: another role of the same person asks again."""
    team: TeamId | None
    start: datetime
    end: datetime
    how_asked: HowAsked
    question_version: str
    recorded_by: UserId | None
    """The proved user of the recording call; None where a vouched system recorded it."""
    recorded_role: RoleProfileId | None
    system: SystemId
    consumed: bool = False
    ended: datetime | None = None

    def __post_init__(self) -> None:
        if aware(self.end) < aware(self.start):
            raise InvalidValue("a permission ends after it starts")
        if (self.scope is Scope.INDIVIDUAL) is (self.user is None):
            raise InvalidValue("an individual permission names its user, others do not")
        if (self.scope is Scope.TEAM) is (self.team is None):
            raise InvalidValue("a team permission names its team, others do not")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A legitimate relationship on record."""

    id: str
    patient: NhsNumber
    organisation: OdsCode
    kind: RelationshipKind
    scope: Scope
    user: UserId | None
    team: TeamId | None
    start: datetime
    end: datetime
    system: SystemId
    """The feed, or for a self-claim the system through which it was claimed."""
    ended: datetime | None = None

    def __post_init__(self) -> None:
        if aware(self.end) < aware(self.start):
            raise InvalidValue("a relationship ends after it starts")
        if self.scope is Scope.ORGANISATION and self.kind is not RelationshipKind.REGISTRATION:
            raise InvalidValue("only a registration reaches a whole organisation")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """The access facts a request carries, whatever its wire form (the AccessFacts block and its equals). All optional; empty means not said."""

    purpose: str | None = None
    """As written; `Purpose(...)` decides whether it is on the closed list."""
    setting: str | None = None
    role: RoleProfileId | None = None
    relationship: RelationshipKind | None = None
    """A claim. Only `self-claimed` can be claimed; every other kind must be on record."""
    no_relationship: bool = False
    """Whether the caller says that there is none, which is more than not saying any."""
    permission: PermissionClaim = PermissionClaim.NOT_ASKED
    legal_basis: LegalBasis | None = None
    emergency_reason: EmergencyReason | None = None
    note: str | None = field(default=None, repr=False)
    condition_changed: bool = False
    condition_changed_note: str | None = field(default=None, repr=False)
    confirm_deceased: bool = False
    birth_date: str | None = field(default=None, repr=False)
    """YYYY-MM-DD; must match PDS where given."""
    scope: Scope | None = None
    """To whom an answer to be recorded extends. None: not said, so the organisation's own for one kept, else the user alone."""
    until: str | None = None
    """Last day YYYY-MM-DD (London), or last instant in ISO 8601 with a zone, of an extended permission."""
