"""Slow callers: silent connections and dripping heads are closed on time, slow answers and later requests are not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.guard import GuardedRunner

HEAD_SECONDS = 0.6


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A guarded server with one slow handler."""

    async def slow(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(HEAD_SECONDS * 2)
        return web.Response(text="done")

    app = web.Application()
    app.router.add_route("*", "/", slow)
    runner = GuardedRunner(app, head_seconds=HEAD_SECONDS, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other end closes within a wide time."""
    async with asyncio.timeout(15):
        return await reader.read(1) == b""


async def test_a_silent_connection_is_closed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await closed(reader)
    writer.close()


async def test_a_dripping_head_is_closed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip() -> None:
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 1000:
            writer.write(bytes([byte]))
            await asyncio.sleep(HEAD_SECONDS / 10)

    dripping = asyncio.create_task(drip())
    assert await closed(reader)
    dripping.cancel()
    writer.close()


async def test_a_slow_answer_and_a_second_request_are_left_alone(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(4) == b"done"
    writer.close()


async def test_a_slow_head_of_a_later_request_is_closed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(4)
    writer.write(b"GET / HT")
    assert await closed(reader)
    writer.close()


@pytest.mark.parametrize(
    "request_line",
    [b"GET /?patient=9992000481&a=" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a", b"SECRET-9992000481 /\r\nHost: a"],
)
async def test_what_is_no_http_is_answered_without_the_callers_bytes(port: int, request_line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_line + b"\r\n\r\n")
    async with asyncio.timeout(15):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.")
    assert b"message-headers" in answer
    assert b"X-Correlation-ID" in answer
    assert b"9992000481" not in answer
    writer.close()
