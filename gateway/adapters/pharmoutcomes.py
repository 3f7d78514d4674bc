"""PharmOutcomes' wire form: a link whose one parameter is an encrypted, signed, single-use token. A simulated profile of this project.

The token is the only thing about a patient that ever stands in an address here, and nobody but this gateway can read it.
"""

from collections.abc import Iterable, Mapping

from gateway.adapters.launch_parts import fields

PRODUCT = "pharmoutcomes"
FIELD = "t"
PREFETCH = ("prefetch", "prerender", "preview")


def token_of(query: Iterable[tuple[str, str]]) -> str:
    """The compact JWE of the link. Raises MessageInvalid, AccessDenied (LAUNCH_INVALID)."""
    return fields(query, frozenset({FIELD}))[FIELD]


def only_looking(method: str, headers: Mapping[str, str]) -> bool:
    """Whether nobody has followed the link yet: HEAD, or a browser that fetches ahead."""
    purposes = " ".join(headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")).lower()
    return method != "GET" or any(word in purposes for word in PREFETCH)


def followed(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that this is a page being opened (Fetch Metadata); scanners of links do not."""
    return headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest", "document") == "document"
