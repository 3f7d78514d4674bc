"""The client against a real HTTP server: what it sends, when it asks again, and how each failure ends."""

import asyncio
import contextlib
import itertools
import socket
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, NotPossibleNow, WrongPatient
from gateway.domain.identifiers import Asid, CorrelationId, RoleProfileId, UserId
from gateway.domain.spine import Consent, SpineCall, Traits
from gateway.spine.breaker import BreakerSettings, BreakerState
from gateway.spine.client import SpineClient
from gateway.spine.interactions import SpineAddressing
from gateway.spine.outcomes import SpineFailure
from gateway.spine.transport import SpineLimits, open_transport
from gateway.xml.parser import parse
from tests.spine.wires import EVENT_ID, HL7, NOON, NUMBERS, OTHER, PATIENT, SENDER, issues, replaced, wire

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
CORRELATION = CorrelationId("22222222-2222-4222-8222-222222222222")


@dataclass
class Counts:
    """A meter that remembers."""

    observed: list[tuple[str, str]] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    states: list[tuple[str, BreakerState]] = field(default_factory=list)

    def observe(self, interaction: str, seconds: float, outcome: str) -> None:
        assert seconds >= 0
        self.observed.append((interaction, outcome))

    def retried(self, interaction: str) -> None:
        self.retries.append(interaction)

    def uncorrelated(self, interaction: str) -> None:
        self.strangers.append(interaction)

    def breaker(self, endpoint: str, state: BreakerState) -> None:
        self.states.append((endpoint, state))


@dataclass
class Spine:
    """A scripted server: one answer after another, the last one for ever."""

    client: SpineClient
    counts: Counts
    received: list[tuple[web.Request, bytes]]

    def call(self, seconds: float = 5.0) -> SpineCall:
        return SpineCall(asid=SENDER, correlation_id=CORRELATION, deadline=asyncio.get_running_loop().time() + seconds)


def says(body: bytes, status: int = 200, content_type: str = "text/xml") -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, content_type=content_type)

    return answer


@asynccontextmanager
async def spine(*answers: Answer, **limits: Any) -> AsyncIterator[Spine]:
    script = itertools.chain(answers, itertools.repeat(answers[-1]))
    received: list[tuple[web.Request, bytes]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        received.append((request, await request.read()))
        return await next(script)(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0)
    chosen = SpineLimits(**{"first_pause_seconds": 0.001, **limits})
    counts = Counts()
    ids = itertools.count(1)
    try:
        async with open_transport(chosen, counts) as transport:
            client = SpineClient(
                transport,
                SpineAddressing.under(str(server.make_url("/")), Asid("230811201324")),
                NUMBERS,
                new_id=lambda: uuid.UUID(int=next(ids)),
                now=lambda: NOON,
                jitter=lambda: 0.5,
                limits=chosen,
                meter=counts,
            )
            yield Spine(client, counts, received)
    finally:
        await server.close()


async def refused(work: Awaitable[object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await work
    return caught.value


async def test_the_two_step_read_on_the_wire() -> None:
    async with spine(says(wire("event-list")), says(wire("event"))) as server:
        call = server.call()
        listed = await server.client.event_list(PATIENT, call)
        assert (listed.consent, listed.events[0].id) == (Consent.ASK, EVENT_ID)
        document = await server.client.event(PATIENT, listed.events[0].id, call)
        assert document is not None
        assert document.event_id == EVENT_ID
        actions = ["urn:nhs:names:services:psisquery/" + name for name in ("QUPC_IN180000SM04", "QUPC_IN190000UK04")]
        for (request, body), action, message_id in zip(server.received, actions, call.message_ids, strict=True):
            assert (request.method, request.path) == ("POST", "/sync-service")
            assert request.headers["SOAPAction"] == action
            assert request.headers["Content-Type"] == "text/xml"
            assert request.headers["nhsd-asid"] == SENDER.value
            assert request.headers["Correlation-Id"] == CORRELATION.value
            assert f"uuid:{message_id}" in body.decode()
            assert next(parse(body).iter(f"{HL7}id")).get("extension") == "230811201324"
        assert len(set(call.message_ids)) == 2
        assert [outcome for _, outcome in server.counts.observed] == ["answered", "answered"]
        # the samples name a request of their own: counted, not refused
        assert server.counts.strangers == ["QUPC_IN180000SM04", "QUPC_IN190000UK04"]


async def test_demographics_and_search() -> None:
    traced = wire("pds").replace(b"QUPA_IN000009UK03", b"QUPA_IN000007UK01")
    async with spine(says(wire("pds")), says(traced), says(issues(("1", "ER")))) as server:
        assert (await server.client.demographics(PATIENT, server.call())).family == "Bannister"
        found = await server.client.search(Traits(family="Bannister", birth="19380203"), server.call())
        assert found.nhs_number == PATIENT
        assert [request.path for request, _ in server.received] == ["/pds", "/pds"]
        assert (await refused(server.client.demographics(PATIENT, server.call()))).code is Code.PATIENT_NOT_FOUND
        assert [outcome for _, outcome in server.counts.observed] == ["answered", "answered", "patient-not-found"]


async def test_a_transient_fault_is_asked_again_with_a_new_id() -> None:
    async with spine(says(wire("fault"), 500), says(wire("fault")), says(wire("event"))) as server:
        call = server.call()
        assert await server.client.event(PATIENT, EVENT_ID, call) is not None
        assert len(server.received) == len(set(call.message_ids)) == 3
        sent = [
            next(parse(body).iter(f"{HL7}QUPC_IN190000UK04")).find(f"{HL7}id").get("root")
            for _, body in server.received
        ]
        assert sent == call.message_ids
        assert server.counts.retries == ["QUPC_IN190000UK04"] * 2
        assert server.counts.observed == [("QUPC_IN190000UK04", "answered")]


async def test_not_more_often_than_allowed() -> None:
    async with spine(says(issues(("502", "ER"))), attempts=3) as server:
        error = await refused(server.client.event_list(PATIENT, server.call()))
        assert error.code is Code.SPINE_FAULT
        assert len(server.received) == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (says(replaced("fault", ">200<", ">300<"), 500), Code.SPINE_FAULT),
        (says(replaced("fault", ">200<", ">300<")), Code.SPINE_FAULT),
        (says(replaced("fault", "<n:errorCode>200</n:errorCode>", ""), 500), Code.SPINE_FAULT),
        (says(b"<html>error</html>", 500, "text/html"), Code.SPINE_FAULT),
        (says(b"<html>portal</html>", 200, "text/html"), Code.SPINE_FAULT),
        (says(wire("event"), 503), Code.SPINE_FAULT),
        (says(wire("event"), 202), Code.SPINE_FAULT),
        (says(wire("fault"), 400), Code.SPINE_FAULT),
        (says(wire("ebxml-error")), Code.SPINE_FAULT),
        (says(wire("event")[:9000]), Code.SPINE_UNUSABLE),
        (says(wire("event").replace(b"</recordTarget>", b"</recordTarge>")), Code.SPINE_UNUSABLE),
        (says(wire("event").replace(PATIENT.value.encode(), OTHER.value.encode())), Code.SPINE_WRONG_PATIENT),
        (says(wire("not-fulfilled")), Code.SCR_NOT_AVAILABLE),
    ],
)
async def test_what_is_never_asked_again(answer: Answer, code: Code) -> None:
    async with spine(answer) as server:
        error = await refused(server.client.event(PATIENT, EVENT_ID, server.call()))
        assert error.code is code
        assert len(server.received) == 1
        assert server.counts.observed == [("QUPC_IN190000UK04", code.slug)]
        assert server.counts.states == []
        if code is Code.SPINE_WRONG_PATIENT:
            assert isinstance(error, WrongPatient)


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/other"})

    async with spine(elsewhere) as server:
        assert (await refused(server.client.event_list(PATIENT, server.call()))).code is Code.SPINE_FAULT
        assert len(server.received) == 1


async def _hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


async def _drips(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)
    return response


@pytest.mark.parametrize("answer", [_hangs, _drips])
async def test_the_callers_deadline_holds(answer: Answer) -> None:
    async with spine(answer) as server:
        start = time.monotonic()
        error = await refused(server.client.event_list(PATIENT, server.call(0.2)))
        assert error.code is Code.SPINE_UNREACHABLE
        assert time.monotonic() - start < 2
        assert len(server.received) == 1


async def test_silence_is_bounded_by_itself() -> None:
    async with spine(_hangs, read_seconds=0.1) as server:
        assert (await refused(server.client.event_list(PATIENT, server.call(60)))).code is Code.SPINE_UNREACHABLE


async def test_no_pause_reaches_beyond_the_deadline() -> None:
    async with spine(says(wire("fault")), first_pause_seconds=30) as server:
        start = time.monotonic()
        assert (await refused(server.client.event_list(PATIENT, server.call(5)))).code is Code.SPINE_FAULT
        assert time.monotonic() - start < 2
        assert len(server.received) == 1


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with spine(says(wire("event-list"))) as server:
        for _ in range(100):  # nor does it count against Spine: no breaker opens
            assert (await refused(server.client.event_list(PATIENT, server.call(-1)))).code is Code.SPINE_UNREACHABLE
        assert server.received == []
        await server.client.event_list(PATIENT, server.call(30))
        assert len(server.received) == 1


def _reset_after(half: bytes) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if half:
            response = web.StreamResponse()
            response.content_length = 2 * len(half)
            await response.prepare(request)
            await response.write(half)
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response()

    return answer


@pytest.mark.parametrize("half", [b"", wire("event")[:6000]])
async def test_a_reset_is_tried_again_and_then_unreachable(half: bytes) -> None:
    async with spine(_reset_after(half), attempts=2) as server:
        assert (await refused(server.client.event(PATIENT, EVENT_ID, server.call()))).code is Code.SPINE_UNREACHABLE
        assert len(server.received) == 2
    async with spine(_reset_after(half), says(wire("event"))) as server:
        assert await server.client.event(PATIENT, EVENT_ID, server.call()) is not None


async def test_nobody_listens() -> None:
    async with spine(says(b"")) as server:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        client = server.client
        client._addressing = SpineAddressing.under(f"http://127.0.0.1:{port}", Asid("230811201324"))
        call = server.call()
        assert (await refused(client.event_list(PATIENT, call))).code is Code.SPINE_UNREACHABLE
        assert len(call.message_ids) == 3


@pytest.mark.parametrize("told", [True, False])
async def test_an_answer_beyond_the_bound_is_not_read(told: bool) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if told:
            response.content_length = 1_000_000
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(b" " * 1000)
        return response

    async with spine(large, max_answer_bytes=20_000) as server:
        assert (await refused(server.client.event_list(PATIENT, server.call()))).code is Code.SPINE_UNUSABLE
        assert len(server.received) == 1


async def test_too_many_at_once_are_turned_away_at_once() -> None:
    async with spine(_hangs, connections=1, queue=1) as server:
        work = [asyncio.create_task(server.client.event_list(PATIENT, server.call(0.5))) for _ in range(4)]
        results = await asyncio.gather(*work, return_exceptions=True)
        codes = [error.code for error in results if isinstance(error, GatewayError)]
        assert sorted(code.slug for code in codes) == ["overloaded"] * 3 + ["spine-unreachable"]
        assert len(server.received) == 1
        assert all(isinstance(error, (NotPossibleNow, SpineFailure)) for error in results)


async def test_the_breaker_opens_for_one_endpoint_and_a_probe_closes_it() -> None:
    settings = BreakerSettings(calls=4, share=0.5, window=60, pause=0.2)
    answers = [_reset_after(b"")] * 4
    async with spine(*answers, says(wire("event-list")), attempts=1, breaker=settings) as server:
        for _ in range(4):
            assert (await refused(server.client.event_list(PATIENT, server.call()))).code is Code.SPINE_UNREACHABLE
        error = await refused(server.client.event_list(PATIENT, server.call()))
        assert (error.code, error.retry_after) == (Code.SPINE_UNREACHABLE, 1)
        assert len(server.received) == 4
        # another endpoint is not held back: this answer is of the wrong kind for it, but it was asked
        assert (await refused(server.client.demographics(PATIENT, server.call()))).code is Code.SPINE_UNUSABLE
        await asyncio.sleep(0.25)
        assert (await server.client.event_list(PATIENT, server.call())).events
        assert [(name, state.value) for name, state in server.counts.states] == [
            ("psis", "open"),
            ("psis", "half-open"),
            ("psis", "closed"),
        ]


async def test_faults_and_bad_answers_never_open_the_breaker() -> None:
    settings = BreakerSettings(calls=2, share=0.5, window=60, pause=60)
    async with spine(
        says(b"<html>", 500), says(b"<x"), says(wire("fault"), 500), attempts=1, breaker=settings
    ) as server:
        for _ in range(8):
            await refused(server.client.event_list(PATIENT, server.call()))
        assert len(server.received) == 8
        assert server.counts.states == []


# Alerts


async def _send(server: Spine) -> None:
    await server.client.send_alert(
        {"resourceType": "AuditEvent", "id": "1"},
        asid=SENDER,
        user=UserId("910000000281"),
        role=RoleProfileId("555000000175"),
        correlation_id=CORRELATION,
    )


async def test_an_alert_is_sent_once_with_its_headers() -> None:
    async with spine(says(b"", 201)) as server:
        await _send(server)
        ((request, body),) = server.received
        assert (request.method, request.path) == ("POST", "/clinical/alert")
        assert orjson.loads(body) == {"resourceType": "AuditEvent", "id": "1"}
        assert request.headers["Content-Type"] == "application/fhir+json"
        assert request.headers["nhsd-asid"] == SENDER.value
        assert request.headers["NHSD-Identity-UUID"] == "910000000281"
        assert request.headers["NHSD-Session-URID"] == "555000000175"
        assert request.headers["NHSD-Correlation-ID"] == CORRELATION.value
        assert request.headers["NHSD-Request-ID"] == str(uuid.UUID(int=1)).upper()


@pytest.mark.parametrize(
    ("status", "body", "transient", "codes"),
    [
        (
            400,
            b'{"issue":[{"details":{"coding":[{"code":"INVALID_VALUE","display":"about 9992000481"}]}}]}',
            False,
            ("INVALID_VALUE",),
        ),
        (500, b"oops", True, ()),
        (429, b"{}", True, ()),
        (503, b'{"issue":7}', True, ()),
    ],
)
async def test_a_refused_alert_says_whether_repeating_helps(
    status: int, body: bytes, transient: bool, codes: tuple[str, ...]
) -> None:
    async with spine(says(body, status, "application/fhir+json")) as server:
        error = await refused(_send(server))
        assert isinstance(error, SpineFailure)
        assert (error.code, error.transient, error.fault_codes) == (Code.SPINE_FAULT, transient, codes)
        assert len(server.received) == 1
