"""PharmOutcomes' wire form: a link whose one parameter is an encrypted, signed, single-use token. A simulated profile of this project.

The token is the only thing about a patient that ever stands in an address here, and nobody but this gateway can read it.
"""

from collections.abc import Iterable

from gateway.adapters.launch_parts import fields

PRODUCT = "pharmoutcomes"
FIELD = "t"


def token_of(query: Iterable[tuple[str, str]]) -> str:
    """The compact JWE of the link. Raises MessageInvalid, AccessDenied (LAUNCH_INVALID)."""
    return fields(query, frozenset({FIELD}))[FIELD]
