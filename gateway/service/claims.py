"""Access facts as texts, whatever wire form they came in, to the claims of a request. Says what is wrong by member name only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import RoleProfileId
from gateway.domain.permission import AccessClaims, EmergencyReason, LegalBasis, PermissionClaim, RelationshipKind

E = TypeVar("E", bound=StrEnum)

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
    if not isinstance(value, str) or len(value) > 4096:
        raise wrong(name, "a text")
    return value.strip()


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
        permission=_word(texts, "permission", PermissionClaim) or PermissionClaim.NOT_ASKED,
        legal_basis=_word(texts, "legal_basis", LegalBasis),
        emergency_reason=_word(texts, "emergency_reason", EmergencyReason),
        note=_text(texts, "note"),
        condition_changed=_flag(texts, "condition_changed"),
        condition_changed_note=_text(texts, "condition_changed_note"),
        confirm_deceased=_flag(texts, "confirm_deceased"),
        birth_date=_text(texts, "date_of_birth"),
        until=_text(texts, "until"),
    )
