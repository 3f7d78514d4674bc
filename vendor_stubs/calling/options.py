"""What a view is asked with: every option of the contract as one frozen value, checked when it is built.

It checks form and belonging only (is this option one for that permission?); whether a value may open a record is the
gateway's to say. So a number that fails its check digit, a short note or a past date travel: to see them refused.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from vendor_stubs.calling.errors import WrongUsage

PERMISSIONS = ("yes", "extended", "proxy", "no", "not-asked", "emergency", "best-interests", "legal")
BASES = ("court-order", "statute", "public-interest")
EMERGENCY_REASONS = ("unconscious", "cannot-answer", "no-capacity")
RELATIONSHIPS = ("registration", "referral", "self-referral", "self-claimed", "colleague-granted", "none")
NEED_NOTE = frozenset({"emergency", "best-interests", "legal"})
LAST = frozenset({"extended", "proxy"})
"""Permissions that may say until when."""

_NUMBER = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TWELVE = re.compile(r"[0-9]{1,20}", re.ASCII)

_LONGEST_NOTE = 128
"""Characters that a note may have (P-06)."""


class Part(StrEnum):
    """The optional parts of a request that a door may have no place for; the value is the option's name."""

    ROLE = "--role"
    BASIS = "--basis"
    EMERGENCY_REASON = "--emergency-reason"
    NOTE = "--note"
    UNTIL = "--until"
    CONDITION_CHANGED = "--condition-changed"
    CONDITION_NOTE = "--condition-note"
    CONFIRM_DECEASED = "--confirm-deceased"
    SELF_CLAIMED = "--relationship self-claimed"
    PURPOSE = "--purpose"
    SETTING = "--setting"
    DATE_OF_BIRTH = "--date-of-birth"


@dataclass(frozen=True, kw_only=True)
class ViewRequest:
    """One view as asked for at the prompt. None: not said, so nothing is sent and the gateway's own rule holds."""

    nhs_number: str = field(repr=False)
    uid: str
    role: str | None = None
    permission: str = "not-asked"
    basis: str | None = None
    emergency_reason: str | None = None
    note: str | None = field(default=None, repr=False)
    until: date | None = None
    condition_changed: bool = False
    condition_note: str | None = field(default=None, repr=False)
    confirm_deceased: bool = False
    relationship: str = "none"
    purpose: str | None = None
    """None stands for direct-care, which every system that may view at all is registered for."""
    setting: str | None = None
    date_of_birth: date | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises WrongUsage."""
        object.__setattr__(self, "nhs_number", re.sub(r"[ -]", "", self.nhs_number))
        if not _NUMBER.fullmatch(self.nhs_number):
            raise WrongUsage("--nhs-number is at most 32 letters or digits (3-3-4 with blanks or hyphens is fine)")
        for option, value in (("--as", self.uid), ("--role", self.role)):
            if value is not None and not _TWELVE.fullmatch(value):
                raise WrongUsage(f"{option} is a number of digits, as on the smartcard")
        for option, value, known in (
            ("--permission", self.permission, PERMISSIONS),
            ("--basis", self.basis, BASES),
            ("--emergency-reason", self.emergency_reason, EMERGENCY_REASONS),
            ("--relationship", self.relationship, RELATIONSHIPS),
        ):
            if value is not None and value not in known:
                raise WrongUsage(f"{option} is one of: {', '.join(known)}")
        for option, text in (
            ("--note", self.note),
            ("--condition-note", self.condition_note),
            ("--purpose", self.purpose),
            ("--setting", self.setting),
        ):
            if text is not None and _NOT_XML.search(text):
                raise WrongUsage(f"{option} holds control characters, which no message can carry")
        self._check_belonging()

    def _check_belonging(self) -> None:
        """Options that go with one kind of permission only. An empty note is sent, so that its refusal can be seen."""
        if self.permission in NEED_NOTE and self.note is None:
            raise WrongUsage(f"--permission {self.permission} needs a --note (an empty one is sent as it is)")
        if self.basis is not None and self.permission != "legal":
            raise WrongUsage("--basis belongs to --permission legal")
        if self.emergency_reason is not None and self.permission != "emergency":
            raise WrongUsage("--emergency-reason belongs to --permission emergency")
        if self.until is not None and self.permission not in LAST:
            raise WrongUsage("--until belongs to --permission extended or proxy")
        if self.condition_note is not None and not self.condition_changed:
            raise WrongUsage("--condition-note belongs to --condition-changed")

    @property
    def reason(self) -> str | None:
        """Why the patient cannot be asked: cannot-answer unless said otherwise; None where it is no emergency."""
        return (self.emergency_reason or "cannot-answer") if self.permission == "emergency" else None

    @property
    def changed_note(self) -> str | None:
        """The note on what has changed since a refusal: made of the note unless one of its own is given."""
        if not self.condition_changed:
            return None
        # the statement needs a note of its own: where none is given, the note says how, behind words that tell what it is
        return self.condition_note or f"changed since the no: {self.note}"[:_LONGEST_NOTE]

    @property
    def parts(self) -> frozenset[Part]:
        """The optional parts this request needs a place for."""
        said = {
            Part.ROLE: self.role,
            Part.BASIS: self.basis,
            Part.EMERGENCY_REASON: self.emergency_reason,
            Part.NOTE: self.note,
            Part.UNTIL: self.until,
            Part.CONDITION_CHANGED: self.condition_changed or None,
            Part.CONDITION_NOTE: self.condition_note,
            Part.CONFIRM_DECEASED: self.confirm_deceased or None,
            Part.SELF_CLAIMED: True if self.relationship == "self-claimed" else None,
            Part.PURPOSE: self.purpose,
            Part.SETTING: self.setting,
            Part.DATE_OF_BIRTH: self.date_of_birth,
        }
        return frozenset(part for part, value in said.items() if value is not None)


@dataclass(frozen=True, kw_only=True)
class RawRequest:
    """A file to send as it is. `uid` and `role` matter only where a token is refreshed."""

    body: bytes = field(repr=False)
    fresh: bool = False
    uid: str | None = None
    role: str | None = None
    content_type: str | None = None
    """None: the door's usual one."""

    def __post_init__(self) -> None:
        """Raises WrongUsage."""
        if self.content_type is not None and not (self.content_type.isascii() and self.content_type.isprintable()):
            raise WrongUsage("--content-type is one line of ASCII, as a header of HTTP can carry it")
