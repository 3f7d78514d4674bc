"""POST /policy/explain: why a decision is what it is, for engineers at the sandbox. Never routed by `serve`.

What it says helps to get round a refusal, and facts hold patient data: it keeps nothing, logs nothing and decides nothing.
"""

import json

import orjson
from aiohttp import web

from gateway.body import read_body
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.json_members import once
from gateway.policy.explain import explain, trace_to_json
from gateway.policy.facts_json import facts_from_json
from gateway.policy.settings import current

LARGEST = 256 * 1024
"""Bytes of the facts of one decision."""
SECONDS = 30.0
"""Within which they are here."""


async def explained(request: web.Request) -> web.Response:
    """Facts as JSON (the form of `scr-gateway policy explain`) -> the trace as JSON; else 400, 413 or 415 with a code."""
    try:
        facts = facts_from_json(await _read(request))
        trace = explain(facts, current(facts.now))
    except MessageInvalid as error:
        return _refused(error.code)
    except InvalidValue as error:
        return _refused(Code.MESSAGE_VALUE, str(error))
    return _json(trace_to_json(trace))


async def _read(request: web.Request) -> object:
    """The JSON value of the body. Raises MessageInvalid (media type, size), InvalidValue (not JSON, or a member given twice)."""
    body = await read_body(request, media_types=("application/json",), most=LARGEST, seconds=SECONDS)
    try:
        return json.loads(body, object_pairs_hook=once)
    except InvalidValue:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidValue("the body is not JSON") from error


def _json(document: dict[str, object], status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=orjson.dumps(document),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers},
    )


def _refused(code: Code, fault: str = "") -> web.Response:
    """`fault` names a path in the facts and what is wrong there, no value."""
    document: dict[str, object] = {"code": code.slug, "sentence": code.sentence, "fault": fault}
    return _json(document, code.entry.http, **{"X-SCR-Code": code.slug})
