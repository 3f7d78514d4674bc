"""The gate: so many at a time, the rest in a queue or told at once; and nobody holds a place while its caller dawdles."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.body import read_body
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid, NotPossibleNow
from gateway.gate import Gate
from gateway.metrics import Metrics
from gateway.service.calls import Context
from gateway.service.doors import WireRequest, WireResponse
from gateway.web import Proved, Web
from tests.doors.emis_web.emis_door import SYSTEM

PLACES, WAITING, BODY_SECONDS = 2, 3, 1.5
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server with two places that reads a body of four bytes and says what became of it, and of the gate."""
    gate = Gate(places=PLACES, waiting=WAITING, metrics=Metrics())

    async def handle(request: web.Request) -> web.Response:
        try:
            async with gate.place():
                async with gate.reading(request):
                    body = await read_body(request, media_types=("text/plain",), most=4, seconds=BODY_SECONDS)
                return web.Response(body=body)
        except NotPossibleNow as full:
            return web.Response(status=503, text=full.code.slug)
        except MessageInvalid as slow:
            return web.Response(status=400, text=" ".join((slow.code.slug, *(one.expected for one in slow.findings))))

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def asked(port: int, first: bytes, rest: bytes = b"", after: float = 0.0) -> tuple[int, bytes]:
    """One request in two pieces: status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            writer.write(first)
            if rest:
                await asyncio.sleep(after)
                writer.write(rest)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            return int(head[9:12]), await reader.readexactly(length)
    finally:
        writer.close()


async def test_slow_bodies_hold_no_place(port: int) -> None:
    slow = [asyncio.create_task(asked(port, HEAD + b"s", b"low", 1.0)) for _ in range(WAITING)]
    await asyncio.sleep(0.3)
    quick = [await asked(port, HEAD + b"fast") for _ in range(PLACES * 2)]
    assert quick == [(200, b"fast")] * (PLACES * 2)
    assert not any(task.done() for task in slow)
    assert await asyncio.gather(*slow) == [(200, b"slow")] * WAITING


async def test_more_slow_bodies_than_may_be_read_are_told_at_once(port: int) -> None:
    slow = [asyncio.create_task(asked(port, HEAD + b"s", b"low", 1.0)) for _ in range(WAITING + 2)]
    answers = await asyncio.gather(*slow)
    assert answers.count((200, b"slow")) == WAITING
    assert answers.count((503, Code.OVERLOADED.slug.encode())) == 2


async def test_places_come_back_whatever_becomes_of_a_body(port: int) -> None:
    for _ in range(PLACES * 2):
        late = [asyncio.create_task(asked(port, HEAD + b"s")) for _ in range(2)]
        gone = await asyncio.open_connection("127.0.0.1", port)
        gone[1].write(HEAD + b"s")
        await asyncio.sleep(0.05)
        gone[1].transport.abort()
        told = (400, f"message-headers all of the body within {BODY_SECONDS} s".encode())
        assert await asyncio.gather(*late) == [told, told]
    fine = await asyncio.gather(*(asked(port, HEAD + b"fine") for _ in range(PLACES + WAITING)))
    assert fine == [(200, b"fine")] * (PLACES + WAITING)


async def test_who_waits_too_long_for_a_place_is_told_and_leaves_the_queue() -> None:
    gate = Gate(places=1, waiting=1, metrics=Metrics(), seconds=0.2)
    loop = asyncio.get_running_loop()
    async with gate.place():
        for _ in range(3):  # each finds the queue empty again
            began = loop.time()
            with pytest.raises(NotPossibleNow) as told:
                async with gate.place():
                    raise AssertionError
            assert told.value.code is Code.OVERLOADED
            assert 0.15 < loop.time() - began < 2
    async with asyncio.timeout(1), gate.place():
        pass


async def test_the_time_in_line_counts_towards_the_deadline_of_a_request() -> None:
    gate, left = Gate(places=1, waiting=1, metrics=Metrics()), []

    class Answers:
        async def answer(self, _door: object, _wire: WireRequest, context: Context) -> tuple[WireResponse, None]:
            left.append(context.deadline - asyncio.get_running_loop().time())
            return WireResponse(status=200, media_type="text/plain", body=b""), None

    class Plain:
        name, media_types, max_bytes = "plain", ("text/plain",), 4

    proved = Proved(system=SYSTEM, system_proved=True, network="", network_allowed=True)
    service: Any = Answers()
    door: Any = Plain()
    parts = Web(
        service=service,
        prove=lambda _: proved,
        metrics=Metrics(),
        gate=gate,
        rates=None,
        clock=lambda: datetime.now(UTC),
        answer_seconds=5.0,
        body_seconds=1.0,
    )
    app = web.Application()
    app.router.add_post("/", parts.door(door))
    async with TestClient(TestServer(app)) as client:
        async with gate.place():
            waits = asyncio.create_task(client.post("/", data=b"fast", headers={"Content-Type": "text/plain"}))
            await asyncio.sleep(0.6)
        assert (await waits).status == 200
    assert 0 < left[0] < 4.5
