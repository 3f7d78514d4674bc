"""What Spine says about a patient: demographics (PDS), the event list with its consent, and one event."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.domain.identifiers import Asid, CorrelationId, NhsNumber, OdsCode
from gateway.domain.instants import WireTime


class Confidentiality(StrEnum):
    """PDS confidentiality and flags, the strictest that applies (access-policy: S-flag, V, redacted, business, invalid)."""

    UNRESTRICTED = "U"
    SENSITIVE = "S"  # S-flag, R in FHIR: no location, no SCR
    VERY_RESTRICTED = "V"
    REDACTED = "REDACTED"
    UNDER_REVIEW = "B"
    UNKNOWN = "?"  # a code not known here: denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address, lines in order."""

    use: str | None
    lines: tuple[str, ...] = field(repr=False)
    postcode: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demographics:
    """A PDS record. Sensitive ones come without address, telecoms and practice, whatever the wire said."""

    nhs_number: NhsNumber
    requested: NhsNumber | None
    """The number asked for, where PDS answered with its successor; None otherwise."""
    family: str | None = field(repr=False)
    given: tuple[str, ...] = field(repr=False)
    prefix: str | None = field(repr=False)
    birth: WireTime | None = field(repr=False)
    gender: str | None
    """PDS code: 0 not known, 1 male, 2 female, 9 not specified."""
    deceased: WireTime | None
    practice: OdsCode | None
    confidentiality: Confidentiality
    addresses: tuple[Address, ...] = field(default=(), repr=False)
    telecoms: tuple[tuple[str | None, str], ...] = field(default=(), repr=False)
    serial_change_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a demographic search asks (verifyNHSNumber, getNHSNumber, the viewer's second path)."""

    family: str = field(repr=False)
    birth: str = field(repr=False)
    """YYYYMMDD, or a prefix of it where the operation allows."""
    gender: str | None = None
    given: str | None = field(default=None, repr=False)
    postcode: str | None = field(default=None, repr=False)


class Consent(StrEnum):
    """Consent to view from Spine's access control. Yes is legacy and means Ask; unknown text denies."""

    ASK = "Ask"
    YES = "Yes"
    NO = "No"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One listed event."""

    id: str
    persisted: WireTime | None
    status: str | None
    """1 = Normal."""
    type: str | None
    """SNOMED code of the document type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """The answer of the event list query. Refused access is an error, nothing found an empty list."""

    nhs_number: NhsNumber
    consent: Consent
    events: tuple[Event, ...]
    """Newest first, General Practice Summaries in state Normal only."""
    answer: Any = field(default=None, repr=False, compare=False)
    """The Spine answer element in its message, for doors that speak Spine's own messages. Any: the domain does not know lxml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDocument:
    """A fetched event, its ids checked against the patient asked for (I3)."""

    nhs_number: NhsNumber
    event_id: str
    document_id: str
    summary: Any = field(repr=False)
    """The GPSummary element (lxml), untouched, where it stands in `answer`. Any: the domain does not know lxml.
    The door's answer may take it out to pass it on: it is written once, after everything that reads it."""
    answer: Any = field(default=None, repr=False)
    """The whole Spine answer element, for doors that speak Spine's own messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineCall:
    """What travels with every call to Spine on behalf of one request."""

    asid: Asid
    """The HL7 sender: the calling system's own ASID."""
    correlation_id: CorrelationId
    deadline: float
    """Loop time by which the caller must have its answer."""
    message_ids: list[str] = field(default_factory=list)
    """Spine message ids used, appended by the client, for the audit."""
