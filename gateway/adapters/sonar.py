"""Sonar's wire form: the browser posts a form with one field, the signed launch. A simulated profile of this project.

Anything beside the token is refused, a patient's number above all: only what is signed counts.
"""

from collections.abc import Mapping

from gateway.adapters.launch_parts import fields

PRODUCT = "sonar"
FIELD = "launch_token"


def token_of(form: Mapping[str, str]) -> str:
    """The compact token of the posted form. Raises MessageInvalid, AccessDenied (LAUNCH_INVALID)."""
    return fields(form.items(), frozenset({FIELD}))[FIELD]
