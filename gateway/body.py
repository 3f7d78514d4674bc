"""The body of an HTTP request, bounded: media type first, then size, then time. Doors and forms read through here alone."""

import asyncio
import zlib
from collections.abc import Collection

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.xml.faults import Fault
from gateway.xml.findings import finding

UNREADABLE = (web.RequestPayloadError, HttpProcessingError)
"""What aiohttp raises for a body that is not what its headers say."""

GZIP, DEFLATE = "gzip", "deflate"
_ENCODINGS = {"gzip": GZIP, "x-gzip": GZIP, "deflate": DEFLATE}
_WINDOW = {GZIP: 31, DEFLATE: 15}
_RAW_DEFLATE = -15
"""What some senders call deflate: the data without the zlib header (RFC 9110 section 8.4.1.2)."""


async def read_body(request: web.Request, *, media_types: Collection[str], most: int, seconds: float) -> bytes:
    """The body, whole: at most `most` bytes within `seconds`, of one of `media_types` where the method carries one.

    What comes compressed is told here, not in aiohttp's parser, which knows no door to refuse it in. Raises MessageInvalid
    (MESSAGE_MEDIA_TYPE, MESSAGE_TOO_LARGE; MESSAGE_HEADERS where the body its headers announced was not whole in time, or
    before the caller went away).
    """
    if request.method in {"POST", "PUT"} and request.content_type not in media_types:
        expected = " or ".join(sorted(media_types))
        raise MessageInvalid(
            Code.MESSAGE_MEDIA_TYPE, (finding(Fault.MEDIA_TYPE, http="Content-Type", expected=expected),)
        )
    encoding = content_encoding(request)
    if (request.content_length or 0) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large(most) from error
    except TimeoutError as error:
        late = finding(Fault.BODY_INCOMPLETE, http="Content-Length", expected=f"all of the body within {seconds:g} s")
        raise MessageInvalid(Code.MESSAGE_HEADERS, (late,)) from error
    except UNREADABLE as error:
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE) from error
    except OSError as error:  # how asyncio says that the connection is lost: the caller's doing, and no fault of ours
        raise MessageInvalid(Code.MESSAGE_HEADERS) from error
    if len(body) > most:
        raise _too_large(most)
    return decoded(body, encoding, most)


def content_encoding(request: web.Request) -> str | None:
    """GZIP or DEFLATE; None for a body that comes as it is. Raises MessageInvalid (MESSAGE_MEDIA_TYPE) for any other."""
    stated = ",".join(request.headers.getall("Content-Encoding", ()))
    names = [name for one in stated.split(",") if (name := one.strip().lower()) not in {"", "identity"}]
    if not names:
        return None
    if len(names) > 1 or names[0] not in _ENCODINGS:
        raise _refused("Content-Encoding: gzip or deflate, once, or no Content-Encoding")
    return _ENCODINGS[names[0]]


def decoded(body: bytes, encoding: str | None, most: int) -> bytes:
    """The body as it was before it was compressed. Raises MessageInvalid: MESSAGE_MEDIA_TYPE where it is not of this encoding
    or cut short, MESSAGE_TOO_LARGE where more than `most` bytes would come out.
    """
    if encoding is None or not body:
        return body
    try:
        return _inflated(body, _WINDOW[encoding], most)
    except zlib.error as error:
        if encoding == DEFLATE and body[0] & 0xF != zlib.DEFLATED:
            try:
                return _inflated(body, _RAW_DEFLATE, most)
            except zlib.error:
                pass
        raise _refused(f"a whole body in {encoding}, as Content-Encoding says") from error


def _inflated(body: bytes, window: int, most: int) -> bytes:
    """Every member of the body, one after the other (RFC 1952 section 2.2); each must end with its checksum."""
    told = bytearray()
    while body:
        member = zlib.decompressobj(window)
        told += member.decompress(body, most + 1 - len(told))
        if len(told) > most:
            raise _too_large(most)
        if not member.eof:
            raise zlib.error("cut short")
        body = member.unused_data
        if body and window != _WINDOW[GZIP]:
            raise zlib.error("bytes after the end")
    return bytes(told)


def _too_large(most: int) -> MessageInvalid:
    return MessageInvalid(Code.MESSAGE_TOO_LARGE, (finding(Fault.TOO_LARGE, expected=f"at most {most} bytes"),))


def _refused(expected: str) -> MessageInvalid:
    """The same code as for a media type: HTTP answers both with 415 (RFC 9110 section 15.5.16)."""
    return MessageInvalid(
        Code.MESSAGE_MEDIA_TYPE, (finding(Fault.CONTENT_ENCODING, http="Content-Encoding", expected=expected),)
    )
