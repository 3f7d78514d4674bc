"""Access facts as texts, whatever wire form they came in, to the claims of a request. Says what is wrong by member name only."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar

from gateway.domain.access import Purpose, Setting
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import RoleProfileId
from gateway.domain.instants import from_iso
from gateway.domain.notes import STRAIGHT, turns
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


LONGEST = 4096
TOO_LONG = f"a text of at most {LONGEST} characters"
"""What is expected where a text has more."""
SETTING_EXPECTED = "the code of a care setting, in small letters, digits and underscores, such as gp_out_of_hours"


def wrong(name: str, expected: str, rules: tuple[str, ...] = ()) -> MessageInvalid:
    """A member that is not what is expected; its value is not repeated."""
    finding = Finding(code="access-fact", sentence=f"{name} is not {expected}.", path=name, expected=expected)
    return MessageInvalid(Code.MESSAGE_VALUE, (finding,), rules=rules)


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
    if isinstance(value, str) and len(value) > LONGEST:
        raise wrong(name, TOO_LONG)
    if not isinstance(value, str) or not writable(value):
        raise wrong(name, "a text without control characters")
    return value.strip()


def _note(texts: Mapping[str, object], name: str) -> str | None:
    text = _text(texts, name)
    if text is not None and turns(text):
        raise wrong(name, f"a text without control characters, {STRAIGHT}")
    return text


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


def _purpose(texts: Mapping[str, object]) -> str | None:
    """A word of the closed list (P-15)."""
    text = _text(texts, "purpose")
    if text is not None and text not in set(Purpose):
        raise wrong("purpose", "one of " + ", ".join(Purpose), ("P-15",))
    return text


def _setting(texts: Mapping[str, object]) -> str | None:
    """What can be the code of a setting; whether the setting is known and approved is policy (P-58)."""
    text = _text(texts, "setting")
    try:
        return None if text is None else Setting(text).code
    except InvalidValue as error:
        raise wrong("setting", SETTING_EXPECTED, ("P-58",)) from error


def _role(texts: Mapping[str, object]) -> RoleProfileId | None:
    text = _text(texts, "role_profile")
    try:
        return RoleProfileId(text) if text else None
    except InvalidValue as error:
        raise wrong("role_profile", "a role profile id of twelve digits") from error


def _relationship(texts: Mapping[str, object]) -> RelationshipKind | None:
    return None if texts.get("relationship") == "none" else _word(texts, "relationship", RelationshipKind)


_READERS: Mapping[str, Callable[[Mapping[str, object]], object]] = {
    "role": _role,
    "purpose": _purpose,
    "setting": _setting,
    "relationship": _relationship,
    "permission": lambda texts: _word(texts, "permission", PermissionClaim) or PermissionClaim.NOT_ASKED,
    "legal_basis": lambda texts: _word(texts, "legal_basis", LegalBasis),
    "emergency_reason": lambda texts: _word(texts, "emergency_reason", EmergencyReason),
    "note": lambda texts: _note(texts, "note"),
    "condition_changed": lambda texts: _flag(texts, "condition_changed"),
    "condition_changed_note": lambda texts: _note(texts, "condition_changed_note"),
    "confirm_deceased": lambda texts: _flag(texts, "confirm_deceased"),
    "birth_date": lambda texts: _day(texts, "date_of_birth"),
    "until": _until,
}
"""Member of the claims -> how it is read."""


def claims_from(texts: Mapping[str, object]) -> AccessClaims:
    """Member name -> text (flags: bool; absent: None or missing) to claims.

    Raises MessageInvalid (MESSAGE_VALUE) with a finding for each member that cannot be used.
    """
    values: dict[str, object] = {}
    refused: list[MessageInvalid] = []
    for name, read in _READERS.items():
        try:
            values[name] = read(texts)
        except MessageInvalid as invalid:
            refused.append(invalid)
    if refused:
        findings = tuple(one for invalid in refused for one in invalid.findings)
        rules = tuple(rule for invalid in refused for rule in invalid.rules)
        raise MessageInvalid(Code.MESSAGE_VALUE, findings, rules=rules)
    stated_none = texts.get("relationship") == "none"
    return AccessClaims(no_relationship=stated_none, **values)  # type: ignore[arg-type]
