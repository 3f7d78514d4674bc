"""The body of an HTTP request, bounded: media type first, then size, then time. Doors and forms read through here alone."""

import asyncio
from collections.abc import Collection

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid

UNREADABLE = (web.RequestPayloadError, HttpProcessingError)
"""What aiohttp raises for a body that is not what its Content-Encoding says."""


async def read_body(request: web.Request, *, media_types: Collection[str], most: int, seconds: float) -> bytes:
    """The body, whole: at most `most` bytes within `seconds`, of one of `media_types` where the method carries one.

    Raises MessageInvalid (MESSAGE_MEDIA_TYPE, MESSAGE_TOO_LARGE; MESSAGE_HEADERS where the caller went away before the body
    its headers announced was whole).
    """
    if request.method in {"POST", "PUT"} and request.content_type not in media_types:
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE)
    if (request.content_length or 0) > most:
        raise MessageInvalid(Code.MESSAGE_TOO_LARGE)
    try:
        async with asyncio.timeout(seconds):
            body = await request.read()
    except (TimeoutError, web.HTTPRequestEntityTooLarge) as error:
        raise MessageInvalid(Code.MESSAGE_TOO_LARGE) from error
    except UNREADABLE as error:
        raise MessageInvalid(Code.MESSAGE_MEDIA_TYPE) from error
    except OSError as error:  # how asyncio says that the connection is lost: the caller's doing, and no fault of ours
        raise MessageInvalid(Code.MESSAGE_HEADERS) from error
    if len(body) > most:
        raise MessageInvalid(Code.MESSAGE_TOO_LARGE)
    return body
