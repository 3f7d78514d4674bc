"""HTTP: routes to doors, limits, correlation ids, one log line a request. Knows no wire form and no policy.

Every door goes through `Web.door`: place in the queue, system, body, then `Service.answer`.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from gateway import logs
from gateway.body import UNREADABLE, read_body
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import (
    AccessDenied,
    GatewayError,
    InternalError,
    InvalidValue,
    MessageInvalid,
    NotPossibleNow,
)
from gateway.domain.identifiers import CorrelationId
from gateway.gate import Gate
from gateway.metrics import Metrics
from gateway.rates import Rates
from gateway.service.calls import Context
from gateway.service.doors import Door, WireRequest, WireResponse
from gateway.service.service import Service

LOG = logs.get("web")
CORRELATION = "X-Correlation-ID"
ALARMS = {Code.SPINE_WRONG_PATIENT: "wrong-patient", Code.SPINE_ACTIVE_CONTENT: "active-content", Code.INTERNAL: "bug"}
ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

LAST_RESORT = WireResponse(
    status=500,
    media_type="text/plain; charset=utf-8",
    body=b"Something went wrong, so nothing is shown. Report the X-Correlation-ID to the operator.\n",
)
"""What is answered where even the door's own refusal could not be written."""

LEAST_COMPRESSED = 1400
"""Bytes below which an answer fits one packet as it is."""

_WEIGHT = re.compile(r"\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", re.ASCII)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What the transport proves about a request."""

    system: System
    system_proved: bool = False
    """By a client certificate; on the sandbox's plain listener the system is merely named."""
    network: str
    network_allowed: bool
    address: str | None = field(default=None, repr=False)
    """Where the caller is, for limits: never logged."""
    refusal: AccessDenied | None = None
    """Why a system that is known may call nothing: it is suspended."""


ProveSystem = Callable[[web.Request], Proved]
"""From the request's listener, peer certificate and headers. Raises AccessDenied."""


async def traced(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer, whoever made it, carries the correlation id, and none says what it is served by."""
    if CORRELATION not in response.headers:
        response.headers[CORRELATION] = correlation_of(request).value
    response.headers["Server"] = "scr-gateway"


Shown = Callable[[web.Request, Code, CorrelationId], web.Response | None]
"""The page of a code for whoever reads pages; None for whoever does not."""


def outside_doors(shown: Shown) -> Middleware:
    """What no door answers: unknown addresses, wrong methods, bodies that are not what their headers say."""

    @web.middleware
    async def outside(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _outside(shown, request, Code.PAGE_NOT_FOUND, 404)
        except web.HTTPMethodNotAllowed as wrong:
            allowed = {"Allow": ", ".join(sorted(wrong.allowed_methods))}
            return _outside(shown, request, Code.METHOD_NOT_ALLOWED, 405, allowed)
        except (*UNREADABLE, web.HTTPUnsupportedMediaType):
            return _outside(shown, request, Code.MESSAGE_MEDIA_TYPE, 415)
        except web.HTTPRequestEntityTooLarge:
            return _outside(shown, request, Code.MESSAGE_TOO_LARGE, 413)

    return outside


def _outside(
    shown: Shown, request: web.Request, code: Code, status: int, headers: dict[str, str] | None = None
) -> web.Response:
    """The answer, and its line in the log: whoever holds a correlation id finds what became of it."""
    correlation = correlation_of(request)
    LOG.info(
        "request",
        correlation_id=correlation.value,
        door="none",
        outcome=code.kind.value,
        code=code.slug,
        status=status,
        method=method_of(request),
        route=route_of(request),
        rules=[],
    )
    answer = shown(request, code, correlation)
    if answer is None:
        document = {"type": f"/errors/{code.slug}", "title": code.sentence, "status": status, "code": code.slug}
        answer = web.Response(body=orjson.dumps(document), content_type="application/problem+json")
    answer.set_status(status)
    answer.headers.update({**ALWAYS, **(headers or {}), CORRELATION: correlation.value, "X-SCR-Code": code.slug})
    answer.headers["Vary"] = "Accept"
    return answer


def method_of(request: web.Request) -> str:
    """The method where it is one of HTTP's: any other word is the caller's own and is not logged."""
    return request.method if request.method in hdrs.METH_ALL else "other"


def route_of(request: web.Request) -> str:
    """The pattern of the address, never the address itself."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unmatched"


def correlation_of(request: web.Request) -> CorrelationId:
    """The caller's correlation id where it is a UUID, else a new one."""
    given = request.headers.get(CORRELATION, "")
    try:
        return CorrelationId(given.strip().upper())
    except InvalidValue:
        return CorrelationId(str(uuid.uuid4()).upper())


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The parts every handler needs."""

    service: Service
    prove: ProveSystem
    metrics: Metrics
    gate: Gate
    rates: Rates | None
    """None: no rate limits (the sandbox)."""
    clock: Callable[[], datetime]
    answer_seconds: float
    """From a request's arrival, waiting for a place included."""
    body_seconds: float

    def door(self, door: Door) -> Handler:
        """The handler of one door."""

        async def handle(request: web.Request) -> web.StreamResponse:
            started = time.perf_counter()
            correlation = correlation_of(request)
            try:
                response, error = await self._through(door, request, correlation)
            except Exception as bug:  # noqa: BLE001 - I6: whatever went wrong is a refusal with a code
                response, error = LAST_RESORT, InternalError()
                error.__cause__ = bug
            answer = _http(response, correlation, error)
            if len(response.body) >= LEAST_COMPRESSED and takes_gzip(request.headers.get("Accept-Encoding", "")):
                answer.enable_compression(web.ContentCoding.gzip)
                answer.headers["Vary"] = "Accept-Encoding"
            self.told(door.name, request, correlation, answer.status, error, time.perf_counter() - started)
            return answer

        return handle

    async def _through(
        self, door: Door, request: web.Request, correlation: CorrelationId
    ) -> tuple[WireResponse, GatewayError | None]:
        wire = WireRequest(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=b"",
            system=None,
            correlation_id=correlation,
            now=self.clock(),
        )
        peer, arrived = request.remote or "unknown", asyncio.get_running_loop().time()
        try:
            async with self.gate.place():
                try:
                    proved = self.prove(request)
                except AccessDenied as denied:
                    error = await self.service.reject_unproved(denied, wire, door.name, peer)
                    return door.refuse(wire, None, error), error
                context = Context(
                    door=door.name,
                    system=proved.system,
                    system_proved=proved.system_proved,
                    network=proved.network,
                    network_allowed=proved.network_allowed,
                    correlation_id=correlation,
                    now=wire.now,
                    deadline=arrived + self.answer_seconds,
                )
                if proved.refusal is not None:
                    named = _with(wire, proved.system, b"")
                    return await self.service.refuse_unread(door, named, proved.refusal, context)
                if self.rates is not None:
                    self.rates.take(proved.system, asyncio.get_running_loop().time())
                products: frozenset[str] | None = getattr(door, "products", None)
                if products is not None and proved.system.product not in products:
                    foreign = AccessDenied(Code.SYSTEM_OPERATION, rules=("P-84",))
                    return await self.service.refuse_unread(door, _with(wire, proved.system, b""), foreign, context)
                try:
                    async with self.gate.reading(request):
                        body = await read_body(
                            request, media_types=door.media_types, most=door.max_bytes, seconds=self.body_seconds
                        )
                except MessageInvalid as invalid:
                    return await self.service.refuse_unread(door, _with(wire, proved.system, b""), invalid, context)
                return await self.service.answer(door, _with(wire, proved.system, body), context)
        except NotPossibleNow as error:
            return door.refuse(wire, None, error), error

    def told(
        self,
        door: str,
        request: web.Request,
        correlation: CorrelationId,
        status: int,
        error: GatewayError | None,
        seconds: float,
    ) -> None:
        """One log line and the metrics of a request; alarms where an operator must look."""
        outcome = error.code.kind.value if error else "answered"
        code = error.code.slug if error else "ok"
        self.metrics.answered(door, outcome, code, error.rules if error else (), seconds)
        fields = {
            "correlation_id": correlation.value,
            "door": door,
            "outcome": outcome,
            "code": code,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "method": method_of(request),
            "route": route_of(request),
        }
        if request.transport is None:
            fields["state"] = "caller gone"  # whoever asks why nothing came back finds it here
        alarm = ALARMS.get(error.code) if error else None
        if alarm is not None:
            self.metrics.alarms.labels(alarm).inc()
            LOG.error("alarm", alarm=alarm, exc_info=error, **fields)
        else:
            LOG.info("request", rules=list(error.rules) if error else [], **fields)


def _with(wire: WireRequest, system: System, body: bytes) -> WireRequest:
    return replace(wire, system=system, body=body)


def _http(response: WireResponse, correlation: CorrelationId, error: GatewayError | None) -> web.Response:
    headers = {**ALWAYS, CORRELATION: correlation.value, "Content-Type": response.media_type, **response.headers}
    if error is not None:
        headers["X-SCR-Code"] = error.code.slug
        headers["X-SCR-Rules"] = " ".join(error.rules)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
    return web.Response(status=response.status, body=response.body, headers=headers)


@lru_cache(maxsize=256)
def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip (RFC 9110 section 12.5.3)."""
    weights = {}
    for part in accepted.split(","):
        name, _, parameter = part.partition(";")
        weight = _WEIGHT.fullmatch(parameter or "q=1")
        weights[name.strip().lower()] = float(weight[1]) if weight else 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
