"""What a door hands to the service: one frozen value a request, already valid, saying nothing of its wire form."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.domain.access import Operation, ProvedUser, Scope, System
from gateway.domain.decision import AlertReason, AlertType
from gateway.domain.identifiers import CorrelationId, MessageId, NhsNumber, OdsCode, RoleProfileId, TeamId, UserId
from gateway.domain.permission import AccessClaims, HowAsked, PermissionAnswer, RelationshipKind
from gateway.domain.spine import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a request came from, as the transport proved it, and by when it must be answered."""

    door: str
    system: System
    system_proved: bool = False
    """Whether a client certificate proved the system; on the sandbox's plain listener it is merely named."""
    network: str
    """Label of the network zone, for the audit."""
    network_allowed: bool
    correlation_id: CorrelationId
    now: datetime
    deadline: float
    """Loop time by which the caller must have its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Ids of the caller's message. Spent in the audit once its sender is proved, so that a replay is refused."""

    id: MessageId
    tracking_id: str | None = None
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a message offers as proof of its user, and whom it names. Names prove nothing."""

    token: str | None = field(default=None, repr=False)
    assertion: Any | None = field(default=None, repr=False)
    """A SAML assertion element (lxml). Any: the service does not know lxml."""
    session: ProvedUser | None = field(default=None, repr=False)
    """Who signed in to this browser session, proved by the gateway itself at sign-in. Only pages set it; no message can."""
    named_user: UserId | None = None
    also_named: frozenset[UserId] = frozenset()
    """Users the message names beside `named_user`: one that is another person makes it nobody's."""
    named_role: RoleProfileId | None = None
    named_organisation: OdsCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Common to every request."""

    action: str
    """The door's own name of the operation, such as querySCR."""
    credentials: Credentials = field(default_factory=Credentials)
    claims: AccessClaims = field(default_factory=AccessClaims)
    message: MessageRef | None = None
    reading: Any | None = field(default=None, repr=False)
    """What the door itself needs to remember of the message to answer it; nobody else looks at it."""

    @property
    def operation(self) -> Operation:
        """The operation as policy sees it."""
        raise NotImplementedError

    @property
    def told(self) -> tuple[tuple[str, object], ...]:
        """What the entry of this call keeps as facts where it is rejected before any decision. No clinical content."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCall(Call):
    """Show this patient's record."""

    patient: NhsNumber
    rendered: bool
    """True: the door shows a SummaryRecord. False: it passes the GPSummary element through untouched."""
    event_id: str | None = None
    """A document the caller names; it must be on the patient's current list."""
    renews: datetime | None = None
    """When a view with these very claims was shown in this browsing context, where the page of it was loaded again."""

    @property
    def operation(self) -> Operation:
        return Operation.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintCall(ViewCall):
    """Print a record that was just viewed: the same claims for the same document, recorded as a print and raising no second alert."""

    viewed_at: datetime

    @property
    def operation(self) -> Operation:
        return Operation.PRINT


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCall(Call):
    """Does the patient have a viewable SCR? Also the first step of doors that list events."""

    patient: NhsNumber
    first_step: bool = False
    """True: a view follows, so a record closed to everybody is refused and none is no record, as a view would end."""

    @property
    def operation(self) -> Operation:
        return Operation.SCR_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class RbacCall(Call):
    """Which ways to view are open to this user's role?"""

    @property
    def operation(self) -> Operation:
        return Operation.RBAC_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPermissionCall(Call):
    """Is a permission of this patient on record for this user?"""

    patient: NhsNumber

    @property
    def operation(self) -> Operation:
        return Operation.QUERY_PERMISSION


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPermissionCall(Call):
    """Record the patient's answer, for the caller or for colleagues of the same organisation."""

    patient: NhsNumber
    answer: PermissionAnswer
    kind: str
    """single | extended | proxy, as asked for; extended is capped by the organisation's policy."""
    scope: Scope | None = None
    """None: the organisation's own scope for a kept permission, individual for a single one."""
    until: datetime | None = None
    how_asked: HowAsked = HowAsked.FACE_TO_FACE
    question_version: str | None = None
    beneficiaries: tuple[tuple[UserId, RoleProfileId], ...] = ()
    """Users in their roles it is for; empty: the caller alone."""

    @property
    def operation(self) -> Operation:
        return Operation.RECORD_PERMISSION


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRelationshipCall(Call):
    """A patient administration system feeds a relationship."""

    patient: NhsNumber
    kind: RelationshipKind
    scope: Scope
    user: UserId | None
    team: TeamId | None
    start: datetime | None
    end: datetime

    @property
    def operation(self) -> Operation:
        return Operation.RECORD_RELATIONSHIP


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRelationshipsCall(Call):
    """A feed ends what it fed earlier."""

    patient: NhsNumber
    user: UserId | None
    team: TeamId | None = None

    @property
    def operation(self) -> Operation:
        return Operation.RECORD_RELATIONSHIP


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCall(Call):
    """Who opened records of this organisation's patients in a period?"""

    start: datetime
    end: datetime
    """Exclusive."""
    patient: NhsNumber | None
    user: UserId | None
    limit: int

    @property
    def operation(self) -> Operation:
        return Operation.ACTIVITY_REPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedAlert:
    """A privacy alert as a calling system wrote it. Whom it names is checked against who is proved."""

    id: str
    """The sender's own id."""
    digest: str
    """Of all that is kept of it: the same id with other content is another alert, never a repeat."""
    type: AlertType
    reason: AlertReason
    patient: NhsNumber
    organisation: OdsCode
    user: UserId
    subject: str
    """Id of what was accessed."""
    recorded: datetime
    """When the access was."""
    message: str = field(repr=False)
    action: str | None = None
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAlertCall(Call):
    """Put a system's own privacy alert on record, beside those that views raise themselves."""

    patient: NhsNumber
    alert: PostedAlert

    @property
    def operation(self) -> Operation:
        return Operation.RAISE_ALERT


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """Details that must be those of the patient whose number is asked for. None: not said, not checked."""

    birth: str = field(repr=False)
    """YYYYMMDD."""
    family: str | None = field(default=None, repr=False)
    given: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceCall(Call):
    """Find one patient's demographics, by number or by details."""

    patient: NhsNumber | None
    traits: Traits | None
    check: CrossCheck | None = None
    """With a number: what must agree before anything about the patient is told."""

    to_view: bool = False
    """A page's look-up by number that goes on to a view: a wholly protected patient, who could not be
    confirmed, is refused here in the words of any record that is not available."""

    @property
    def operation(self) -> Operation:
        return Operation.TRACE
