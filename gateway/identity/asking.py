"""One bounded JSON answer of another party's HTTP service: no redirect followed, no byte more than asked for."""

import json
from typing import Any

import aiohttp

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, NotPossibleNow


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    most: int,
    seconds: float,
    refusal: AccessDenied,
    **request: Any,
) -> dict[str, Any]:
    """A JSON object of at most `most` bytes within `seconds`.

    Raises `refusal` where the service answers 4xx, NotPossibleNow (IDENTITY_UNAVAILABLE) where there is no such object.
    """
    limit = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.request(method, url, timeout=limit, allow_redirects=False, **request) as answer:
            body, status = await answer.content.read(most + 1), answer.status
            while len(body) <= most and not answer.content.at_eof():
                body += await answer.content.read(most + 1 - len(body))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=5) from error
    if 400 <= status < 500:
        raise refusal
    try:
        document = json.loads(body) if status == 200 and len(body) <= most else None
    except (ValueError, RecursionError) as error:
        raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=5) from error
    if not isinstance(document, dict):
        raise NotPossibleNow(Code.IDENTITY_UNAVAILABLE, retry_after=5)
    return document
