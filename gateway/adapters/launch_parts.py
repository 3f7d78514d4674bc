"""What browser-borne launches carry, read from their form or query: each field once, known, bounded. Values are not repeated."""

from collections.abc import Iterable, Mapping

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, MessageInvalid

LONGEST = 6 * 1024


def fields(pairs: Iterable[tuple[str, str]], names: frozenset[str]) -> Mapping[str, str]:
    """Exactly these fields. Raises MessageInvalid: one twice or unknown beside them; AccessDenied (LAUNCH_INVALID): missing."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given or name not in names:
            raise MessageInvalid(Code.MESSAGE_COMBINATION)
        given[name] = value
    if any(not given.get(name) or len(given[name]) > LONGEST for name in names):
        raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
    return given
