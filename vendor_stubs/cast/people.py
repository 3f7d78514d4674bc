"""What the sandbox's organisations, systems, users and patients are, as frozen values.

Values only: nothing here reads a file or decides anything. Everybody is invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place of an organisation, by ODS code, and the care settings it works in."""

    ods: str
    settings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PermissionPolicy:
    """How an organisation asks patients for permission to view (P-20..P-29).

    kind is single or extended, scope individual, team or organisation; days is how long an extended one may be kept.
    """

    kind: str
    scope: str
    days: int
    question: str
    question_version: str


@dataclass(frozen=True, kw_only=True)
class ProofOfConcept:
    """A setting that may be tried at one organisation between two dates (YYYY-MM-DD)."""

    setting: str
    start: str
    until: str


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """An organisation as the registry knows it; onboarding maps a set-up step to the date it was done (P-70)."""

    ods: str
    name: str
    settings: tuple[str, ...]
    sites: tuple[Site, ...]
    privacy_officers: tuple[str, ...]
    training: str
    ptv: PermissionPolicy
    onboarding: Mapping[str, str]
    proof_of_concept: ProofOfConcept | None = None


@dataclass(frozen=True, kw_only=True)
class System:
    """A calling system as the registry knows it. organisation, site and setting are None where it has no fixed one."""

    id: str
    product: str
    supplier: str
    kind: str
    organisation: str | None
    site: str | None
    setting: str | None
    purpose: str
    asid: str
    client_id: str
    username: str
    networks: tuple[str, ...]
    operations: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    user_proof: str | None = None
    state: str | None = None
    successor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role profile of a smartcard holder. activities None: the directory lists none at all."""

    roleid: str
    ods: str
    code: str
    activities: tuple[str, ...] | None
    teams: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class User:
    """A smartcard holder; name as on the card (SURNAME Given Title), assurance AAL1, AAL2 or AAL3."""

    uid: str
    name: str
    assurance: str
    trained: bool
    roles: tuple[Role, ...]

    @property
    def family_name(self) -> str:
        """First word of the card's name, as a word: ADAMS gives Adams."""
        return self.name.split()[0].title()

    @property
    def given_name(self) -> str:
        """Second word of the card's name, empty when there is none."""
        words = self.name.split()
        return words[1] if len(words) > 1 else ""


@dataclass(frozen=True, kw_only=True)
class PatientName:
    """A patient's name in parts."""

    family: str
    given: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Patient:
    """An invented patient; case is the part it plays (`generated` for the nameless millions).

    The repr keeps the person out, so that a stub's log or a failing test never looks like a patient list.
    Dates are YYYY-MM-DD, gender is male, female or other; gp is the ODS code of the registered practice.
    """

    case: str
    nhs: str = field(repr=False)
    name: PatientName = field(repr=False)
    dob: str = field(repr=False)
    gender: str = field(repr=False)
    address: tuple[str, ...] = field(repr=False)
    postcode: str = field(repr=False)
    phone: str = field(repr=False)
    gp: str = field(repr=False)
    died: str | None = field(default=None, repr=False)
    superseded_by: str | None = field(default=None, repr=False)
