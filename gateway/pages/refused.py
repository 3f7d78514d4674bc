"""A refusal at a clean address. What comes back from a sign-in carries codes in its address; they must not stay in the bar.

The browser brings along what is shown: code, rules and correlation id, nothing of the user or the patient.
"""

import re

from gateway.domain.codes import BY_SLUG, Code
from gateway.domain.errors import GatewayError, InvalidValue
from gateway.domain.identifiers import CorrelationId

_TOLD = re.compile(r"([a-z0-9-]{1,60})~((?:[A-Z0-9-]{1,20}(?:\+[A-Z0-9-]{1,20}){0,7})?)~([0-9A-Fa-f-]{36})", re.ASCII)

LAUNCH_WORDS = {
    Code.USER_MISMATCH: (
        "Another person was signed in than the launch named.",
        "Open the record again from your own system and sign in as yourself, with your own smartcard.",
    ),
    Code.SESSION_EXPIRED: (
        "This sign-in has ended, or was used before.",
        "Open the record again from your own system.",
    ),
    Code.CREDENTIALS_INVALID: (
        "The user's sign-in could not be accepted.",
        "Open the record again from your own system, and sign in with your smartcard.",
    ),
}
"""Sentence and next step of a code in a launched window, where the catalogue's speak of a message."""


CHANGED_WORDS = "This page was about another patient than the one now open, so nothing was done with it."
CLOSED_WORDS = "This page was about a patient who has been closed, so nothing was done with it. No patient is open now."


def brought(error: GatewayError, correlation_id: CorrelationId) -> str:
    """A refusal as a cookie's value; of many rules the first ones."""
    return f"{error.code.slug}~{'+'.join(error.rules[:3])}~{correlation_id.value}"


def read_brought(value: str | None) -> tuple[Code, tuple[str, ...], CorrelationId] | None:
    """The reverse: code, rules, correlation id. None for anything that `brought` did not write."""
    found = _TOLD.fullmatch(value or "")
    code = BY_SLUG.get(found[1]) if found is not None else None
    if found is None or code is None:
        return None
    try:
        return code, tuple(filter(None, found[2].split("+"))), CorrelationId(found[3])
    except InvalidValue:
        return None
