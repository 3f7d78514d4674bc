"""What can be told of a request that aiohttp could not read: from the first bytes of its head, and from the fault. Pure.

Nothing of the caller's stands in it but ids that are UUIDs, and the path, which is for choosing a door and never answered.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp.http_exceptions import BadHttpMessage, BadHttpMethod, LineTooLong

from gateway.domain.codes import Code

LONGEST_LINE = 8190
"""Bytes of a request's first line, or of one header, that aiohttp reads."""
MOST_KEPT = LONGEST_LINE + 64
"""Bytes of a head that are kept: enough to see that its first line is too long."""
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} (\S+) HTTP/1\.[01]\r?", re.ASCII)
_UUID = rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_TRACED = {
    name: re.compile(rb"\n" + name.lower().encode() + rb":[ \t]*(" + _UUID + rb")[ \t]*\r?\n", re.IGNORECASE)
    for name in ("X-Correlation-ID", "X-Request-ID")
}
_DOUBLED = re.compile(r"Duplicate '([A-Za-z-]{1,40})' header found\.", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A refused request."""

    code: Code
    status: int
    path: str = field(repr=False)
    """The address without its query string."""
    correlation_id: str
    """The caller's where it is a UUID, else a new one."""
    request_id: str | None
    doubled: str | None
    """The header that stands twice and may not, by the library's name of it."""


def unread_of(head: bytes, status: int, fault: BaseException | None) -> Unread:
    """From the first bytes of the head (what follows it is not looked at), aiohttp's status and its fault."""
    head = head.partition(b"\r\n\r\n")[0] + b"\r\n"
    first = head.partition(b"\n")[0]
    target = re.sub(rb"^https?://[^/?\s]*", b"", first.partition(b" ")[2])
    ids = {name: found[1].decode() for name, pattern in _TRACED.items() if (found := pattern.search(head))}
    doubled = _DOUBLED.fullmatch(fault.message) if isinstance(fault, BadHttpMessage) else None
    code = Code.MESSAGE_HEADERS if status < 500 else Code.INTERNAL
    if isinstance(fault, LineTooLong):
        code, status = Code.MESSAGE_TOO_LARGE, 414 if len(first) > LONGEST_LINE else 431
    elif isinstance(fault, BadHttpMethod) and _REQUEST_LINE.fullmatch(first):
        code, status = Code.METHOD_NOT_ALLOWED, 405
    return Unread(
        code=code,
        status=status,
        path=re.split(rb"[?\s]", target, maxsplit=1)[0].decode("latin-1"),
        correlation_id=ids.get("X-Correlation-ID", str(uuid.uuid4())).upper(),
        request_id=ids.get("X-Request-ID"),
        doubled=doubled[1] if doubled else None,
    )


def at(prefix: str, path: str) -> bool:
    """Whether an address is this one or lies under it."""
    return path == prefix or path.startswith(f"{prefix}/")


Refusal = tuple[bytes, str, Mapping[str, str]]
"""Body, media type and further headers of an answer."""
