"""OpenTelemetry traces: one span a request, one for each try of a call to Spine, W3C trace context in and out.

Loaded only where the settings name a collector. A span holds attributes from a list and never an exception's text, so that
nothing about a patient can be in one (I5). A collector that is slow or gone costs spans and never a request: what does not fit
the queue is dropped.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from aiohttp import web
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.config import Tracing
from gateway.web import CORRELATION, Handler, method_of, route_of

ATTRIBUTES = frozenset(
    {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "error.type",
        "scr.correlation_id",
        "scr.code",
        "scr.rules",
        "scr.spine",
    }
)
"""All that a span may hold. `http.route` is an address's pattern, `scr.spine` the name of one of Spine's four endpoints."""

QUEUE, BATCH = 2048, 256
"""Spans that wait for the collector, and how many one request carries."""
EXPORT_SECONDS, LEAVE_SECONDS = 5.0, 3.0
"""Longest that one request to the collector takes, and that a process which stops waits for its last spans to go."""
UNSEEN = ("/health/",)
"""Addresses that a balancer asks every few seconds."""

_W3C = TraceContextTextMapPropagator()


class Traces:
    """Makes spans: of requests as a middleware, of calls to Spine as `gateway.spine.transport.Spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("gateway")

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A span from the request read to the answer made, below the caller's own where it names one (`traceparent`)."""
        method, route = method_of(request), route_of(request)
        if route.startswith(UNSEEN):
            return await handler(request)
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            context=_parent(request),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                response = await handler(request)
            except web.HTTPException as answer:
                _answered(span, answer)
                raise
            except BaseException as error:  # a caller that has gone, most often
                _failed(span, type(error).__name__)
                raise
            _answered(span, response)
            return response

    @contextmanager
    def call(self, endpoint: str, method: str) -> Iterator["SpineCall"]:
        """A span of one try; Spine is told that it is its parent. `endpoint`: one of Spine's, by name."""
        with self._tracer.start_as_current_span(
            f"spine {endpoint}",
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "scr.spine": endpoint},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            carried: dict[str, str] = {}
            _W3C.inject(carried)
            carried.pop("tracestate", None)  # a caller's own words: Spine is not told them
            yield SpineCall(carried, span)


@dataclass(frozen=True, slots=True)
class SpineCall:
    """One try of a call to Spine. See `gateway.spine.transport.Call`."""

    headers: Mapping[str, str]
    span: Span

    def answered(self, status: int) -> None:
        """Spine's status."""
        self.span.set_attribute("http.response.status_code", status)

    def failed(self, code: str) -> None:
        """A code's slug."""
        _failed(self.span, code)


def _parent(request: web.Request) -> Context:
    """The caller's trace where exactly one well-formed `traceparent` names it (W3C Trace Context 3.2); else a new one."""
    given = request.headers.getall("traceparent", [])
    return _W3C.extract({"traceparent": given[0]} if len(given) == 1 else {}, context=Context())


def _answered(span: Span, response: web.StreamResponse) -> None:
    span.set_attribute("http.response.status_code", response.status)
    for name, header in (("scr.correlation_id", CORRELATION), ("scr.code", "X-SCR-Code")):
        if value := response.headers.get(header):
            span.set_attribute(name, value)
    if rules := response.headers.get("X-SCR-Rules"):
        span.set_attribute("scr.rules", rules.split())
    if response.status >= 500:
        span.set_status(StatusCode.ERROR)


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def provider_of(exporter: SpanExporter, share: float) -> TracerProvider:
    """A provider with a bounded queue before the exporter.

    `share`: of all traces. A caller may say that its trace is not recorded, and never that more are than this share.
    """
    sampler = ParentBased(
        root=TraceIdRatioBased(share),
        remote_parent_sampled=TraceIdRatioBased(share),
        remote_parent_not_sampled=ALWAYS_OFF,
    )
    resource = Resource({"service.name": "scr-gateway", "service.version": version("scr-gateway")})
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE,
            max_export_batch_size=BATCH,
            export_timeout_millis=EXPORT_SECONDS * 1000,
        )
    )
    return provider


@asynccontextmanager
async def collected(settings: Tracing) -> AsyncIterator[Traces]:
    """Traces that go to the collector until the block ends; then the last have a little time to go."""
    exporter = OTLPSpanExporter(
        endpoint=settings.otlp_url,
        certificate_file=str(settings.ca) if settings.ca else None,
        timeout=EXPORT_SECONDS,
    )
    provider = provider_of(exporter, settings.share)
    try:
        yield Traces(provider)
    finally:
        leaving = threading.Thread(target=provider.shutdown, daemon=True)
        leaving.start()
        await asyncio.to_thread(leaving.join, LEAVE_SECONDS)
