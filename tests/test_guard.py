"""Slow callers: silent ones, dripping heads and those who take no answer are cut off; slow answers and slow readers are not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.guard import GuardedRunner, GuardedSite
from gateway.unread import Refusal, Unread

HEAD_SECONDS = 0.6
DRAIN_SECONDS = 0.6
LARGE = b"record " * 2_000_000


def told(found: Unread) -> Refusal:
    """A door's form: what was found of the request."""
    words = f"FHIR {found.status} {found.code.slug} {found.path} {found.request_id} {found.doubled}"
    return words.encode(), "application/fhir+json", {"X-Own": "1"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A guarded server with one slow handler."""

    async def slow(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(HEAD_SECONDS * 2)
        return web.Response(text="done")

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=LARGE)

    app = web.Application()
    app.router.add_route("*", "/", slow)
    app.router.add_get("/large", large)
    runner = GuardedRunner(
        app,
        head_seconds=HEAD_SECONDS,
        drain_seconds=DRAIN_SECONDS,
        unread={"/fhir/R4": told},
        access_log=None,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other end closes within a wide time: a reset is what a close is to somebody who goes on sending."""
    async with asyncio.timeout(15):
        try:
            return await reader.read(1) == b""
        except ConnectionResetError:
            return True


async def test_a_silent_connection_is_closed(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await closed(reader)
    writer.close()


async def test_a_silent_connection_is_closed_before_any_handshake() -> None:
    runner = GuardedRunner(web.Application(), head_seconds=HEAD_SECONDS, drain_seconds=DRAIN_SECONDS)
    await runner.setup()
    at = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await GuardedSite(runner, at, handshake_seconds=HEAD_SECONDS, ssl_context=context).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", at.getsockname()[1])
    assert await closed(reader)
    writer.close()
    await runner.cleanup()


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


async def _asked_for_large(port: int) -> socket.socket:
    """A connection whose own buffer is small, with the request for a large answer on its way."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    await loop.sock_sendall(connection, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    return connection


async def test_who_takes_no_answer_is_cut_off(port: int) -> None:
    loop, tasks = asyncio.get_running_loop(), asyncio.all_tasks()
    connection = await _asked_for_large(port)
    async with asyncio.timeout(15):
        await asyncio.sleep(DRAIN_SECONDS / 2)
        assert asyncio.all_tasks() - tasks
        while asyncio.all_tasks() - tasks:  # noqa: ASYNC110 - it ends though nobody has read a byte of the answer
            await asyncio.sleep(0.01)
        got = 0
        while block := await loop.sock_recv(connection, 65536):  # what the two sockets held, and then the end
            got += len(block)
    assert got < len(LARGE)
    connection.close()


async def test_who_reads_slowly_gets_it_all(port: int) -> None:
    loop = asyncio.get_running_loop()
    connection = await _asked_for_large(port)
    got, began = 0, loop.time()
    async with asyncio.timeout(30):
        while got < len(LARGE):
            block = await loop.sock_recv(connection, 1 << 20)
            assert block
            got += len(block)
            if loop.time() - began < DRAIN_SECONDS * 4:
                await asyncio.sleep(0.001)
    assert loop.time() - began > DRAIN_SECONDS * 3
    connection.close()


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
    assert b"message-headers" in answer or b"message-too-large" in answer
    assert b"X-Correlation-ID" in answer
    assert b"9992000481" not in answer
    writer.close()


LONG = b"9992000481" * 900
MINE = b"0C0C0C0C-1B2C-4D3E-8F40-5A6B7C8D9E0F"
OTHER = b"1c0c0c0c-1b2c-4d3e-8f40-5a6b7c8d9e0f"
TRACED = b"\r\nX-Request-ID: " + OTHER + b"\r\nx-correlation-id:" + MINE


@pytest.mark.parametrize(
    ("head", "status", "words"),
    [
        (
            b"FROB /fhir/R4/metadata?a=9992000481 HTTP/1.1" + TRACED,
            b"405",
            b"405 method-not-allowed /fhir/R4/metadata ",
        ),
        (b"FROB /x HTTP/1.1" + TRACED, b"405", b"Allow: GET, HEAD, POST"),
        (
            b"POST /fhir/R4/AuditEvent HTTP/1.1\r\nContent-Type: a/b\r\ncontent-type: a/c" + TRACED,
            b"400",
            b"message-headers /fhir/R4/AuditEvent " + OTHER + b" Content-Type",
        ),
        (
            b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/c" + TRACED,
            b"400",
            b"Header Content-Type is sent more than once.",
        ),
    ],
)
async def test_what_could_be_seen_of_an_unread_request_is_told(
    port: int, head: bytes, status: bytes, words: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\n\r\nX-Correlation-ID: 9992000481\r\n")
    async with asyncio.timeout(15):
        answer = await reader.read()
    assert answer.split(b" ", 2)[1] == status
    assert words in answer
    assert b"X-Correlation-ID: " + MINE in answer
    assert b"9992000481" not in answer
    if b"/fhir/R4" in head:
        assert b"X-Own: 1" in answer
        assert OTHER in answer
    writer.close()


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /?a=" + LONG + b" HTTP/1.1\r\nHost: a", b"414", b"message-too-large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + LONG, b"431", b"message-too-large"),
        (b"GET /fhir/R4?a=" + LONG + b" HTTP/1.1\r\nHost: a", b"414", b"FHIR 414 message-too-large"),
        (b"GET http://a/fhir/R4/Bundle?a=" + LONG + b" HTTP/1.1\r\nHost: a", b"414", b"FHIR 414 message-too-large"),
        (b"POST /fhir/R4/Bundle HTTP/1.1\r\nHost: a\r\nX-Long: " + LONG, b"431", b"FHIR 431 message-too-large"),
        (b"GET /fhir/R4 HTTP/1.1\r\nHost a", b"400", b"FHIR 400 message-headers"),
        (b"GET /fhir/R4x?a=" + LONG + b" HTTP/1.1\r\nHost: a", b"414", b"problem+json"),
    ],
)
@pytest.mark.parametrize("before", [b"", b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_what_is_too_long_is_refused_in_the_form_of_its_door(
    port: int, head: bytes, status: bytes, code: bytes, before: bytes
) -> None:
    """Also as the second request of a connection, and in small pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(15):
        if before:
            writer.write(before)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(LARGE))
        for start in range(0, len(head), 3000):
            writer.write(head[start : start + 3000])
            await asyncio.sleep(0.01)
        writer.write(b"\r\n\r\n")
        answer = await reader.read()
    assert answer.split(b" ", 2)[1] == status
    assert code in answer
    assert b"9992000481" not in answer
    writer.close()


async def test_what_comes_while_the_one_before_is_answered_is_told_by_its_own_head(port: int) -> None:
    """Never by the address and the id of the request before it, which was read whole and has its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(15):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-Correlation-ID: " + OTHER + b"\r\n\r\nbody")
        await asyncio.sleep(HEAD_SECONDS / 3)
        writer.write(b"GET /fhir/R4 HTTP/1.1\r\nX-Correlation-ID: " + MINE)
        await asyncio.sleep(HEAD_SECONDS / 3)
        writer.write(b"\r\nHost a\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(4) == b"done"
        answer = await reader.read()
    assert b"FHIR 400 message-headers /fhir/R4 " in answer
    assert b"X-Correlation-ID: " + MINE in answer
    assert OTHER not in answer
    writer.close()


@pytest.mark.parametrize("path", [b"/", b"/nowhere", b"/fhir/R4/Bundle"])
@pytest.mark.parametrize("lines", [b"Expect: GLADYS-9992000481", b"Expect: 100-continue\r\nExpect: GLADYS-9992000481"])
async def test_what_cannot_be_expected_is_refused_without_its_words(port: int, path: bytes, lines: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST " + path + b" HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\nContent-Length: 4\r\n\r\nbody")
    async with asyncio.timeout(15):
        answer = await reader.read()
    assert answer.split(b" ", 2)[1] == b"417"
    assert b"X-SCR-Code: message-headers" in answer
    assert b"Server: scr-gateway" in answer
    assert (b"FHIR 417" in answer) == (b"fhir" in path)
    assert b"GLADYS" not in answer
    writer.close()


async def test_what_may_be_expected_is_done(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n")
    async with asyncio.timeout(15):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"body")
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Server: scr-gateway" in head
    writer.close()
