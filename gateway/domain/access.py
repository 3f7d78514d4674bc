"""Who asks, through what, for what: systems, organisations, users and roles, purposes and settings (P-01..P-16, P-70..P-84)."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from ipaddress import IPv4Network, IPv6Network

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import ActivityCode, Asid, OdsCode, RoleProfileId, SystemId, TeamId, UserId
from gateway.domain.instants import aware

PLAIN_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/:+()-]{0,31}", re.ASCII)
"""How the version of a question is written: it is kept with every answer and shown in reports (P-21)."""
_SETTING = re.compile(r"[a-z0-9][a-z0-9_]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Setting:
    """A care setting by its code, such as `gp_out_of_hours`. Any well-formed code can be named; whether it is approved is policy (P-30..P-58)."""

    code: str

    def __post_init__(self) -> None:
        if not _SETTING.fullmatch(self.code):
            raise InvalidValue("not a care setting code")

    def __str__(self) -> str:
        return self.code


class Purpose(StrEnum):
    """What a view is for: a closed list, unknown is invalid (P-15, P-60..P-63)."""

    DIRECT_CARE = "direct-care"
    POST_DEATH_DUTY = "post-death-duty"
    RESEARCH = "research"
    CLINICAL_TRIAL = "clinical-trial"
    POLICE = "police"
    OTHER_GOVERNMENT = "other-government"
    NON_CLINICAL_COSMETICS = "non-clinical-cosmetics"


class SystemKind(StrEnum):
    """The way a system connects; each registration names exactly one (P-80..P-84)."""

    INTEGRATED_VIEWER = "integrated_viewer"
    ONE_CLICK = "one_click"
    MINI_SERVICE = "mini_service"
    STANDALONE = "standalone"
    FEED = "feed"


class SystemState(StrEnum):
    """Whether a registered system may call."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class UserProof(StrEnum):
    """How a system proves its users: by a token, or by its own word (PDS, status and createPTV only)."""

    TOKEN = "token"  # noqa: S105 - the registry's word for it
    VOUCHED = "vouched"


class Operation(StrEnum):
    """What is asked, as policy sees it; doors map their own operations here."""

    VIEW = "view"
    SCR_STATUS = "scr-status"
    RBAC_STATUS = "rbac-status"
    QUERY_PERMISSION = "query-permission"
    RECORD_PERMISSION = "record-permission"
    RECORD_RELATIONSHIP = "record-relationship"
    ACTIVITY_REPORT = "activity-report"
    TRACE = "trace"  # PDS look-ups: by number or by details
    LAUNCH = "launch"
    PRIVACY = "privacy"  # the privacy officer's workbench
    PRINT = "print"
    RAISE_ALERT = "raise-alert"  # a privacy alert written by the calling system


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One calling system as registered."""

    id: SystemId
    product: str
    supplier: str
    kind: SystemKind
    asid: Asid
    client_id: str
    username: str
    purpose: Purpose
    organisation: OdsCode | None = None
    """None only for the standalone viewer, whose organisation is the session's."""
    site: OdsCode | None = None
    setting: Setting | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    operations: frozenset[str] = frozenset()
    """Mini-service operations it may call, by public name; empty for other kinds."""
    user_proof: UserProof = UserProof.TOKEN
    state: SystemState = SystemState.ACTIVE
    feeds: frozenset[str] = frozenset()
    successor: str | None = None
    certificates: frozenset[str] = frozenset()
    """SHA-256 fingerprints (lower-case hex) of its client certificates."""
    leniences: frozenset[str] = frozenset()
    """Names of the conformance tolerances granted to it."""
    rate_per_second: float | None = None
    burst: int | None = None
    launch_jwks: str | None = field(default=None, repr=False)
    """One-click only: the public keys (RFC 7517, JSON) that sign its launches."""
    smart_issuer: str | None = None
    """One-click by SMART App Launch only: the FHIR base address it launches from."""


class OnboardingStep(StrEnum):
    """Set-up steps of an organisation; all are needed, in any order (P-70..P-76)."""

    INTEREST = "interest"
    SITES_AGREED = "sites_agreed"
    IT_ASSESSED = "it_assessed"
    TRAINING_PLANNED = "training_planned"
    STAFF_AND_CODES = "staff_and_codes"
    PRIVACY_OFFICER = "privacy_officer"


class PermissionKind(StrEnum):
    """Whether an organisation asks at each view or may keep the answer (P-20, P-22)."""

    SINGLE = "single"
    EXTENDED = "extended"


class Scope(StrEnum):
    """To whom a permission or relationship extends (P-20)."""

    INDIVIDUAL = "individual"
    TEAM = "team"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionPolicy:
    """How one organisation asks permission to view (P-20..P-25)."""

    kind: PermissionKind
    scope: Scope
    days: int
    """Longest life of a kept permission, in days; 0 where kind is single."""
    question: str
    question_version: str
    earlier_versions: tuple[str, ...] = ()
    """Versions of the question put to patients before; an answer to one of them may still be recorded (P-21)."""

    def __post_init__(self) -> None:
        if not 0 <= self.days <= 366 or (self.kind is PermissionKind.SINGLE) is not (self.days == 0):
            raise InvalidValue("permission days are 0 for single, 1 to 366 for extended")
        if not self.question.strip() or not self.question_version.strip():
            raise InvalidValue("the permission question and its version are required (P-21)")

    def has_asked(self, version: str) -> bool:
        """Whether this version of the question is, or was, the organisation's own."""
        return version == self.question_version or version in self.earlier_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOfConcept:
    """A dated, explicit exception for one organisation in a setting not approved (P-57)."""

    setting: Setting
    start: date
    until: date


class TrainingMode(StrEnum):
    """What an organisation does about users without training (P-77)."""

    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An agreed site and the settings there (P-71)."""

    ods: OdsCode
    settings: frozenset[Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One organisation as set up."""

    ods: OdsCode
    name: str
    settings: tuple[Setting, ...]
    sites: tuple[Site, ...]
    privacy_officers: tuple[UserId, ...]
    training: TrainingMode
    permission: PermissionPolicy
    onboarding: tuple[tuple[OnboardingStep, date], ...]
    proof_of_concept: ProofOfConcept | None = None
    teams: frozenset[TeamId] = frozenset()
    """Its teams (workgroups), where the registry lists them: then a feed may name no other."""


class Assurance(Enum):
    """Authenticator assurance level of a sign-in."""

    AAL1 = 1
    AAL2 = 2
    AAL3 = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role profile of a user, as the directory has it."""

    id: RoleProfileId
    organisation: OdsCode
    code: str
    """Staff group : sub-group : job role, such as S8000:G8000:R8001. Shown and audited, decides nothing but reports."""
    name: str = ""
    activities: frozenset[ActivityCode] = frozenset()
    """Granted activity codes; a role that arrives with no list has none."""
    teams: frozenset[TeamId] = frozenset()

    @property
    def job_role(self) -> str:
        """The last part of the code, such as R8001."""
        return self.code.rsplit(":", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person as the directory or userinfo has them."""

    id: UserId
    name: str = field(repr=False)
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedUser:
    """What a verified token or assertion proves about its bearer."""

    id: UserId
    assurance: Assurance
    authenticated: datetime
    """auth_time / AuthnInstant."""
    expires: datetime
    selected_role: RoleProfileId | None
    single_use_id: str | None = None
    """Assertion id or jti that must be spent (SAML, launch tokens); None for tokens that may be used again."""

    def __post_init__(self) -> None:
        aware(self.authenticated)
        aware(self.expires)
