"""Access facts as texts, whatever wire form they came in, to the claims of a request. Says what is wrong by member name only."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import RoleProfileId
from gateway.domain.instants import from_iso
from gateway.domain.permission import AccessClaims, EmergencyReason, LegalBasis, PermissionClaim, RelationshipKind

E = TypeVar("E", bound=StrEnum)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

NAMES = frozenset(
    {
        "user_token",
        "role_profile",
        "purpose",
        "setting",
        "relationship",
        "permission",
        "legal_basis",
        "emergency_reason",
        "note",
        "condition_changed",
        "condition_changed_note",
        "confirm_deceased",
        "date_of_birth",
        "until",
    }
)
"""The members every wire form of the access facts has, as this gateway spells them inside."""


def wrong(name: str, expected: str) -> MessageInvalid:
    """A member that is not what is expected; its value is not repeated."""
    finding = Finding(code="access-fact", sentence=f"{name} is not {expected}.", path=name, expected=expected)
    return MessageInvalid(Code.MESSAGE_VALUE, (finding,))


def _word(texts: Mapping[str, object], name: str, words: type[E]) -> E | None:
    value = texts.get(name)
    if value is None:
        return None
    try:
        return words(str(value))
    except ValueError as error:
        raise wrong(name, "one of " + ", ".join(words)) from error


def _text(texts: Mapping[str, object], name: str) -> str | None:
    value = texts.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str) or len(value) > 4096 or not writable(value):
        raise wrong(name, "a text without control characters")
    return value.strip()


def writable(text: str) -> bool:
    """Whether a text can be kept and sent anywhere: no control characters (NUL above all) and no half of a character."""
    return all(unicodedata.category(character) not in {"Cc", "Cs"} or character in "\t\n\r" for character in text)


def _day(texts: Mapping[str, object], name: str) -> str | None:
    """A calendar date YYYY-MM-DD."""
    text = _text(texts, name)
    if text is None:
        return None
    if not _DAY.fullmatch(text):
        raise wrong(name, "a date YYYY-MM-DD")
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise wrong(name, "a date YYYY-MM-DD") from error
    return text


def _until(texts: Mapping[str, object]) -> str | None:
    """A date YYYY-MM-DD, or an instant in ISO 8601 with a zone."""
    text = _text(texts, "until")
    if text is None or len(text) <= len("YYYY-MM-DD"):
        return _day(texts, "until")
    try:
        from_iso(text)
    except InvalidValue as error:
        raise wrong("until", "a date YYYY-MM-DD") from error
    return text


def _flag(texts: Mapping[str, object], name: str) -> bool:
    value = texts.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise wrong(name, "true or false")


def claims_from(texts: Mapping[str, object]) -> AccessClaims:
    """Member name -> text (flags: bool; absent: None or missing) to claims. Raises MessageInvalid (MESSAGE_VALUE)."""
    role = _text(texts, "role_profile")
    try:
        profile = RoleProfileId(role) if role else None
    except InvalidValue as error:
        raise wrong("role_profile", "a role profile id of twelve digits") from error
    stated = _text(texts, "relationship")
    relationship = None if stated in {None, "none"} else _word(texts, "relationship", RelationshipKind)
    return AccessClaims(
        purpose=_text(texts, "purpose"),
        setting=_text(texts, "setting"),
        role=profile,
        relationship=relationship,
        no_relationship=stated == "none",
        permission=_word(texts, "permission", PermissionClaim) or PermissionClaim.NOT_ASKED,
        legal_basis=_word(texts, "legal_basis", LegalBasis),
        emergency_reason=_word(texts, "emergency_reason", EmergencyReason),
        note=_text(texts, "note"),
        condition_changed=_flag(texts, "condition_changed"),
        condition_changed_note=_text(texts, "condition_changed_note"),
        confirm_deceased=_flag(texts, "confirm_deceased"),
        birth_date=_day(texts, "date_of_birth"),
        until=_until(texts),
    )
