"""OpenTelemetry: traces go where the settings say, hold what the list allows, and harm nothing where their collector is gone."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.config import Tracing
from gateway.spine.outcomes import SpineFailure
from gateway.spine.transport import NoMeter, SpineLimits, SpineTransport, open_transport
from gateway.traces import ATTRIBUTES, BATCH, QUEUE, Traces, provider_of
from tests.running import ROOT, RunningSandbox, free_base, sandbox_running, vendor_stub

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"
NUMBER, USER = "9992000481", "910000000281"
NOTE = "zebra canary collapsed at home"


@contextmanager
def traced() -> Iterator[tuple[Traces, InMemorySpanExporter, TracerProvider]]:
    """Traces into memory."""
    exporter = InMemorySpanExporter()
    provider = provider_of(exporter, 1.0)
    yield Traces(provider), exporter, provider
    provider.shutdown()


def spans(exporter: InMemorySpanExporter, provider: TracerProvider) -> list[ReadableSpan]:
    provider.force_flush()
    return list(exporter.get_finished_spans())


@asynccontextmanager
async def site(traces: Traces) -> AsyncIterator[TestServer]:
    """A server with a page that answers, one that refuses, one that breaks, and one that a balancer asks for."""

    async def answers(_: web.Request) -> web.Response:
        return web.Response(
            headers={"X-Correlation-ID": "C", "X-SCR-Code": "policy-denied", "X-SCR-Rules": "P-03 P-21"}
        )

    async def breaks(_: web.Request) -> web.Response:
        raise ValueError(NUMBER)

    async def leads(_: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/answers/1")

    app = web.Application(middlewares=[traces.middleware])
    app.add_routes(
        [
            web.get("/answers/{id}", answers),
            web.get("/breaks", breaks),
            web.get("/leads", leads),
            web.get("/health/live", answers),
        ]
    )
    async with TestServer(app) as server:
        yield server


async def ask(server: TestServer, path: str, *headers: tuple[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.get(server.make_url(path), headers=cast("Any", list(headers)), allow_redirects=False) as answer,
    ):
        return answer.status


async def test_a_request_is_a_span_below_its_callers() -> None:
    with traced() as (traces, exporter, provider):
        async with site(traces) as server:
            assert await ask(server, f"/answers/{NUMBER}", ("traceparent", GIVEN)) == 200
        [span] = spans(exporter, provider)
    assert span.name == "GET /answers/{id}"
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/answers/{id}",
        "http.response.status_code": 200,
        "scr.correlation_id": "C",
        "scr.code": "policy-denied",
        "scr.rules": ("P-03", "P-21"),
    }
    assert NUMBER not in span.to_json()


@pytest.mark.parametrize(
    "given",
    [
        (),
        (GIVEN, GIVEN),
        ("",),
        (f"00-{'0' * 32}-{PARENT}-01",),
        (f"ff-{TRACE}-{PARENT}-01",),
        (f"00-{TRACE}-{PARENT}-01-more",),
        (NUMBER,),
    ],
)
async def test_what_names_no_trace_begins_a_new_one(given: tuple[str, ...]) -> None:
    with traced() as (traces, exporter, provider):
        async with site(traces) as server:
            await ask(server, "/answers/1", *(("traceparent", one) for one in given))
        [span] = spans(exporter, provider)
    assert span.parent is None
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" != TRACE
    assert NUMBER not in span.to_json()


async def test_a_caller_may_say_that_its_trace_is_not_recorded() -> None:
    with traced() as (traces, exporter, provider):
        async with site(traces) as server:
            assert await ask(server, "/answers/1", ("traceparent", f"{GIVEN[:-1]}0")) == 200
        assert spans(exporter, provider) == []


async def test_an_error_tells_its_type_and_no_text() -> None:
    with traced() as (traces, exporter, provider):
        async with site(traces) as server:
            assert await ask(server, "/breaks") == 500
            assert await ask(server, "/leads") == 303
            assert await ask(server, "/health/live") == 200
        broken, led = spans(exporter, provider)
    assert broken.attributes is not None
    assert broken.attributes["error.type"] == "ValueError"
    assert not broken.status.is_ok
    assert NUMBER not in broken.to_json()
    assert led.attributes is not None
    assert led.attributes["http.response.status_code"] == 303


async def called(transport: SpineTransport, url: str) -> int:
    return (await transport.get("directory", url, {}, deadline=asyncio.get_running_loop().time() + 5)).status


async def test_spine_is_told_the_trace_and_nothing_else() -> None:
    heard: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(dict(request.headers))
        return web.Response(status=500 if len(heard) > 1 else 200)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    with traced() as (traces, exporter, provider):
        async with open_transport(SpineLimits(), NoMeter(), spans=traces) as transport:
            async with TestServer(app) as server:
                url = str(server.make_url(f"/directory/users/{USER}"))
                with provider.get_tracer("test").start_as_current_span("request"):
                    assert await called(transport, url) == 200
                    assert await called(transport, url) == 500
            with pytest.raises(SpineFailure):
                await called(transport, url)
        first, second, request, unreached = spans(exporter, provider)
    assert first.context is not None
    assert request.context is not None
    assert heard[0]["traceparent"][:-3] == f"00-{request.context.trace_id:032x}-{first.context.span_id:016x}"
    assert "tracestate" not in heard[0]
    told = {"http.request.method": "GET", "scr.spine": "directory"}
    assert first.attributes == told | {"http.response.status_code": 200}
    assert second.attributes == told | {"http.response.status_code": 500}
    assert unreached.attributes == told | {"error.type": "spine-unreachable"}


class Collector:
    """What an OpenTelemetry collector takes, on loopback."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> list[Any]:
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


async def view(sandbox: RunningSandbox) -> int:
    """One view in an emergency, and the alert that follows it."""
    options = ("--permission", "emergency", "--note", NOTE, "--relationship", "referral")
    status, _, _ = await vendor_stub(sandbox, "mini-service", "view", "--nhs-number", NUMBER, "--as", USER, *options)
    return status


async def test_a_view_is_one_trace_at_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Collector() as collector:
        monkeypatch.setenv("SCR_GATEWAY_TRACES__OTLP_URL", collector.url)
        with sandbox_running(tmp_path / "var") as sandbox:
            assert await view(sandbox) == 0
            for _ in range(100):
                if any(span.name == "POST /itk" for span in collector.spans()):
                    break
                await asyncio.sleep(0.1)
            async with aiohttp.ClientSession() as client, client.get(f"{sandbox.spine}/control/received") as answer:
                heard = [one["traceparent"][:-3] for one in await answer.json()]
    found = collector.spans()
    [door] = [span for span in found if span.name == "POST /itk"]
    below = [span for span in found if span.parent_span_id == door.span_id]
    assert [span.name for span in below if span.name != "spine directory"] == ["spine pds", "spine psis", "spine psis"]
    for span in below:
        assert f"00-{door.trace_id.hex()}-{span.span_id.hex()}" in heard
    assert {at.key for span in found for at in span.attributes} <= ATTRIBUTES
    everything = b"".join(collector.bodies)
    for canary in (NUMBER, USER, NOTE, "zebra", "eyJ", "127.0.0.1"):
        assert canary.encode() not in everything


async def test_a_collector_that_is_gone_harms_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCR_GATEWAY_TRACES__OTLP_URL", f"http://127.0.0.1:{free_base()}/v1/traces")
    with sandbox_running(tmp_path / "var") as sandbox:
        assert await view(sandbox) == 0
        began = time.monotonic()
        sandbox.process.terminate()
        assert await asyncio.to_thread(sandbox.process.wait, 20) == 0
        assert time.monotonic() - began < 15


def test_nothing_of_it_is_loaded_where_no_collector_is_named() -> None:
    said = (
        "import sys, gateway.app, gateway.cli.running; print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    told = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "url",
    ["collector:4318", "ftp://collector/v1/traces", "http://me:word@collector/v1/traces", "http://", "https://c/?a"],
)
def test_an_address_that_is_none_is_a_fault(url: str) -> None:
    with pytest.raises(ValueError, match="write an address such as"):
        Tracing(otlp_url=url)


def test_a_share_is_a_share() -> None:
    for share in (0, 1.1, -1):
        with pytest.raises(ValueError, match="share"):
            Tracing(share=share)


async def test_a_full_queue_drops_spans_and_waits_for_nobody() -> None:
    begun, mended = threading.Event(), threading.Event()

    class Stuck(InMemorySpanExporter):
        def export(self, found: Any) -> Any:
            begun.set()
            mended.wait(60)
            return super().export(found)

    exporter = Stuck()
    provider = provider_of(exporter, 1.0)
    traces = Traces(provider)
    for _ in range(3 * QUEUE):
        with traces.call("pds", "POST") as call:
            call.answered(200)
    assert begun.wait(10)
    mended.set()
    provider.shutdown()
    assert BATCH <= len(exporter.get_finished_spans()) <= QUEUE + 2 * BATCH
