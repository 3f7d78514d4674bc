"""Clients that are slow, silent, gone or deaf: each crowd checks that the gateway lets go of it in time."""

import asyncio
import random
import re
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.house import NUMBER, SYSTEM, fill
from tests.soak.house import BODY_SECONDS, DRAIN_SECONDS, HEAD_SECONDS
from tests.soak.ledger import Asked, Ledger

GRACE = 12.0
"""Seconds after its limit within which a connection must be closed: the machine may be busy."""
_HEAD = re.compile(rb"HTTP/1\.1 200 [^\r\n]*\r\n(?:[^\r\n]+\r\n)+\r\n")
_CORRELATION = re.compile(rb"x-correlation-id: ([0-9a-f-]{36})", re.IGNORECASE)


@dataclass
class Crowd:
    """What a crowd needs: where to knock, requests that show a record (with permission, in an emergency), the ledger."""

    port: int
    requests: tuple[bytes, bytes]
    ledger: Ledger
    chance: random.Random
    size: int


def request(body: bytes, correlation: str) -> bytes:
    """A view as bytes on the wire."""
    return (
        f"POST /itk HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml\r\nX-SCR-System: {SYSTEM}\r\n"
        f"X-Correlation-ID: {correlation}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        return await asyncio.open_connection("127.0.0.1", port)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Away without a goodbye."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _let_go(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Whether the other end closes within a time; what it says before is read and forgotten."""
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(65536):
                pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


async def silent(crowd: Crowd) -> None:
    """Connects and says nothing."""
    reader, writer = await _connected(crowd.port)
    if not await _let_go(reader, HEAD_SECONDS + GRACE):
        crowd.ledger.wrong(f"a silent connection was not closed within {HEAD_SECONDS + GRACE:.0f} s")
    _reset(writer)


async def _dripping(crowd: Crowd, first: bytes, rest: bytes, limit: float, what: str) -> None:
    reader, writer = await _connected(crowd.port)
    writer.write(first)

    async def drip() -> None:
        with suppress(OSError):
            for byte in rest:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.2)

    dripping = asyncio.create_task(drip())
    if not await _let_go(reader, limit + GRACE):
        crowd.ledger.wrong(f"a connection with a dripping {what} was not closed within {limit + GRACE:.0f} s")
    dripping.cancel()
    _reset(writer)


async def dripping_head(crowd: Crowd) -> None:
    """A head that never ends (slowloris)."""
    await _dripping(crowd, b"POST /itk HTTP/1.1\r\nX-Long: ", b"a" * 500, HEAD_SECONDS, "head")


async def dripping_body(crowd: Crowd) -> None:
    """A body that never ends."""
    whole = request(fill(crowd.requests[0]), str(uuid.uuid4()).upper()).replace(
        b"POST /itk HTTP/1.1\r\n", b"POST /itk HTTP/1.1\r\nConnection: close\r\n"
    )
    head, _, body = whole.partition(b"\r\n\r\n")
    await _dripping(crowd, head + b"\r\n\r\n", body, BODY_SECONDS, "body")


async def half_open(crowd: Crowd) -> None:
    """Half a request, then nothing more, the socket left open; or torn down at any moment."""
    whole = request(fill(crowd.requests[0]), str(uuid.uuid4()).upper())
    reader, writer = await _connected(crowd.port)
    writer.write(whole[: crowd.chance.randrange(1, len(whole))])
    if crowd.chance.random() < 0.5:
        await asyncio.sleep(crowd.chance.random() * 2)
    else:
        await _let_go(reader, HEAD_SECONDS + BODY_SECONDS + GRACE)
    _reset(writer)


async def leaving(crowd: Crowd) -> None:
    """Asks for a record, reads its beginning and is gone."""
    emergency = crowd.chance.random() < 0.5
    correlation = str(uuid.uuid4()).upper()
    reader, writer = await _connected(crowd.port)
    try:
        writer.write(request(fill(crowd.requests[emergency]), correlation))
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            crowd.ledger.requests += 1
            got = await reader.read(1 + crowd.chance.randrange(2000))
        if got and head.startswith(b"http/1.1 200") and b"x-scr-code" not in head:
            asked = Asked("mini-service", NUMBER, overrides=emergency, view=True)
            crowd.ledger.received(asked, correlation, got, whole=False)
    finally:
        _reset(writer)


async def deaf(crowd: Crowd) -> None:
    """Asks for one record after the other and reads none: the gateway must not hold them for it for ever."""
    sent: dict[str, bool] = {}
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(10):
            await loop.sock_connect(connection, ("127.0.0.1", crowd.port))
        got = b""
        with suppress(OSError):
            async with asyncio.timeout(DRAIN_SECONDS + GRACE):
                for turn in range(400):
                    correlation = str(uuid.uuid4()).upper()
                    sent[correlation] = turn % 2 == 1
                    await loop.sock_sendall(connection, request(fill(crowd.requests[turn % 2]), correlation))
        await asyncio.sleep(DRAIN_SECONDS + 2)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(GRACE):
                while block := await loop.sock_recv(connection, 65536):
                    got += block
        _note(crowd.ledger, got, sent)
    finally:
        connection.close()


def _note(ledger: Ledger, got: bytes, sent: dict[str, bool]) -> None:
    """Every record in what had reached this end after all."""
    for head in _HEAD.finditer(got):
        correlation = _CORRELATION.search(head[0])
        if correlation is None or b"x-scr-code" in head[0].lower() or len(got) == head.end():
            continue
        known = correlation[1].decode().upper()
        asked = Asked("mini-service", NUMBER, overrides=sent[known], view=True)
        ledger.received(asked, known, got[head.end() : head.end() + 1], whole=False)


CROWDS: dict[str, tuple[Callable[[Crowd], Awaitable[None]], int]] = {
    "silent clients": (silent, 40),
    "dripping heads": (dripping_head, 40),
    "dripping bodies": (dripping_body, 30),
    "half-open sockets": (half_open, 40),
    "leaving clients": (leaving, 12),
    "deaf clients": (deaf, 4),
}
"""What there is, and how many at a time."""


async def gather(name: str, crowd: Crowd) -> int:
    """One crowd at the door, all at once; how many had no connection or no answer."""
    act, _ = CROWDS[name]
    ended = await asyncio.gather(*(act(crowd) for _ in range(crowd.size)), return_exceptions=True)
    for fault in ended:
        if isinstance(fault, BaseException) and not isinstance(fault, (OSError, EOFError, TimeoutError)):
            raise fault
    return sum(isinstance(fault, BaseException) for fault in ended)
