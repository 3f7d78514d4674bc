"""What browser-borne launches carry, read from their form or query: each field once, known, bounded. Values are not repeated.

And whether a link was followed by a person, or only looked at.
"""

from collections.abc import Iterable, Mapping

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, MessageInvalid

LONGEST = 6 * 1024
PREFETCH = ("prefetch", "prerender", "preview")


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


def only_looking(method: str, headers: Mapping[str, str]) -> bool:
    """Whether nobody has followed the link yet: HEAD, or a browser that fetches ahead."""
    purposes = " ".join(headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")).lower()
    return method != "GET" or any(word in purposes for word in PREFETCH)


def followed(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that this is a page being opened (Fetch Metadata); scanners of links do not."""
    return headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest", "document") == "document"
