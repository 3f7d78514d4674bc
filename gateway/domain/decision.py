"""What a decision is made of and what it says: facts in, verdict and reasons out. The rules themselves are in gateway.policy."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.access import Operation, Organisation, ProvedUser, Purpose, Role, Setting, System, User
from gateway.domain.codes import Code
from gateway.domain.identifiers import NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.instants import aware
from gateway.domain.permission import AccessClaims, RecordedPermission, Relationship
from gateway.domain.spine import Confidentiality, Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """Stage 2: what PDS says, reduced to what rules use."""

    nhs_number: NhsNumber
    requested: NhsNumber | None
    confidentiality: Confidentiality
    deceased: bool
    practice: OdsCode | None
    birth_date: str | None = field(repr=False)
    """YYYY-MM-DD, or as much of it as PDS holds."""
    former: tuple[NhsNumber, ...] = ()
    """Other numbers that this one has superseded, as far as PDS has told before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFacts:
    """Stage 3: what the event list says."""

    consent: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a decision may rest on; None means not known yet (stages) or not proved (user, role). Pure data: no rule reads anything else."""

    now: datetime
    operation: Operation
    action: str = ""
    """The door's own name of the operation, such as querySCR; checked against the system's registered operations."""
    system: System
    system_proved: bool = False
    """Whether a client certificate proved the system, rather than a mere name on the sandbox's plain listener."""
    network_allowed: bool
    organisation: Organisation | None
    """The organisation the request is made in: the system's, or the session's for the standalone viewer."""
    site: OdsCode | None
    setting: Setting | None
    """The setting in force: the system's registered one, narrowed by the message."""
    purpose: Purpose
    user: User | None = None
    proof: ProvedUser | None = None
    role: Role | None = None
    trained: bool | None = None
    privacy_officers_trained: int = 0
    """How many of the organisation's named privacy officers have their training recorded (P-75)."""
    claims: AccessClaims = field(default_factory=AccessClaims)
    answer_for: tuple[Role, ...] | None = None
    """The roles of those whom an answer to be recorded is for; None: of somebody named who is not looked up yet."""
    permissions: tuple[RecordedPermission, ...] = ()
    """Recorded answers for this patient in this organisation, open or refused within the last 24 hours."""
    relationships: tuple[Relationship, ...] = ()
    """Open relationships of this patient in this organisation."""
    recent_notes: tuple[str, ...] = field(default=(), repr=False)
    """The user's last five override notes; one kept together with a condition-changed note also by its parts."""
    override_count_24h: int = 0
    """The user's emergency and legal views in the last 24 hours, pages loaded again not counted."""
    reloaded: bool = False
    """Whether this is a view already shown, whose page was loaded again."""
    patient: PatientFacts | None = None
    consent: ConsentFacts | None = None

    def __post_init__(self) -> None:
        aware(self.now)


class Verdict(StrEnum):
    """What a decision says."""

    ALLOW = "allow"
    DENY = "deny"
    NEEDS_PATIENT = "needs-patient"
    NEEDS_CONSENT = "needs-consent"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not: the rule that failed and the code it answers with."""

    rule: str
    code: Code
    detail: str = ""
    """For engineers and the audit, such as the activity code that is missing; never patient data."""


class AlertType(StrEnum):
    """National alert types (SCR-AlertType)."""

    SELF_CLAIM = "1"
    ACCESS = "2"


class AlertReason(StrEnum):
    """National alert reasons (SCR-AlertReason)."""

    PUBLIC_INTEREST = "1"
    STATUTE = "2"
    COURT_ORDER = "3"
    SELF_CLAIM_EMERGENCY = "4"
    EMERGENCY = "5"
    OTHER = "6"


ILLEGAL_ALERTS = frozenset({("1", "5"), ("2", "4"), ("2", "6")})
"""Pairs that are never sent (MSCA-SCR-103..105)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentWith:
    """What a calling system said in an alert of its own that no member of `Alert` holds: kept as it was said."""

    id: str
    """The system's own id of it."""
    recorded: datetime
    """When the access was, as the system says: `Alert.at` is when this gateway took it."""
    message: str = field(repr=False)
    action: str | None = None
    """C, R, U, D or E, where it was said."""


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """The alert an allowed view must raise, in the same transaction as its outcome (I4)."""

    type: AlertType
    reason: AlertReason
    marks: tuple[str, ...] = ()
    """`after-refusal`, `threshold`, `reloaded`, `s-flag-attempt`."""
    sent: SentWith | None = None
    """What a calling system said, of an alert that it posted."""


class PermissionBasis(StrEnum):
    """What a view rests on, as stored (P-02, P-04)."""

    YES_THIS_TIME = "yes_this_time"
    YES_EXTENDED = "yes_extended"
    YES_BY_PROXY = "yes_by_proxy"
    NOT_APPLICABLE_REGISTERED = "not_applicable_registered"
    EMERGENCY = "emergency_unable_to_ask"
    BEST_INTERESTS = "no_capacity_best_interests"
    LEGAL_COURT_ORDER = "legal_court_order"
    LEGAL_STATUTE = "legal_statute"
    LEGAL_PUBLIC_INTEREST = "legal_public_interest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of `decide` on the facts given."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    """Of a deny: every rule that failed, in the policy's order; the first one names the code answered."""
    policy_version: str
    basis: PermissionBasis | None = None
    """Of an allow or needs: what the view would rest on."""
    permission_id: str | None = None
    """The recorded permission it rests on; consumed with the view where it is for one view."""
    relationship_id: str | None = None
    self_claim: bool = False
    """Whether the view rests on a relationship claimed with this request."""
    alert: AlertPlan | None = None
    """Of an allow; of a deny only where the attempt itself is an alert (S-flag)."""
    warnings: tuple[str, ...] = ()
    """Such as `training` where the organisation warns."""

    @property
    def code(self) -> Code:
        """The code a deny answers with."""
        return self.reasons[0].code if self.reasons else Code.INTERNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit, before it is chained. Holds identifiers, never clinical content.

    `facts` are the decision's inputs as plain JSON values, so that a changed policy can be replayed over them.
    """

    id: str
    at: datetime
    event: str
    """asked, viewed, refused, no-record, unavailable, rejected, permission, relationship, status, trace, report, alert,
    privacy, session, print, feed."""
    door: str
    correlation_id: str
    operation: str
    outcome: str
    code: str | None = None
    rules: tuple[str, ...] = ()
    policy_version: str | None = None
    system: SystemId | None = None
    organisation: OdsCode | None = None
    site: OdsCode | None = None
    network: str | None = None
    user: UserId | None = None
    user_name: str | None = field(default=None, repr=False)
    role: str | None = None
    role_code: str | None = None
    patient: NhsNumber | None = None
    requested_patient: NhsNumber | None = None
    purpose: str | None = None
    setting: str | None = None
    basis: str | None = None
    permission_id: str | None = None
    relationship: str | None = None
    relationship_id: str | None = None
    question_version: str | None = None
    note: str | None = field(default=None, repr=False)
    emergency: bool = False
    alert_id: str | None = None
    document_id: str | None = None
    message_id: str | None = None
    tracking_id: str | None = None
    spine_message_ids: tuple[str, ...] = ()
    count: int = 1
    """Repeats folded into one entry (rejected messages from one source)."""
    claimed: bool = False
    """Whether the ids are only claimed, not proved (rejected messages)."""
    facts: tuple[tuple[str, object], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A privacy alert as stored; it and the view it tells of are one transaction."""

    id: str
    at: datetime
    type: AlertType
    reason: AlertReason
    marks: tuple[str, ...]
    organisation: OdsCode
    site: OdsCode | None
    patient: NhsNumber
    user: UserId
    user_name: str = field(repr=False)
    role: str
    role_code: str
    system: SystemId
    asid: str
    basis: str
    relationship: str | None
    note: str | None = field(repr=False)
    document_id: str | None
    audit_id: str
    correlation_id: str
    sent: SentWith | None = None
    """Of an alert that a calling system posted; None of one that a view raised."""

    def __post_init__(self) -> None:
        if (self.type.value, self.reason.value) in ILLEGAL_ALERTS:
            raise ValueError("this pair of alert type and reason is never sent")
