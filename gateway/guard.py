"""Connections that send a request's head too slowly, or nothing at all, or do not take their answer, are closed: aiohttp
itself waits for ever.

It relies on names that aiohttp does not promise; the minor version is pinned and tests/test_guard.py watches it.
"""

import asyncio
import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web, web_protocol, web_server

from gateway import logs
from gateway.unread import MOST_KEPT, Refusal, Unread, at, unread_of

LOG = logs.get("guard")
LEAST_TAKEN = 16 * 1024
"""Bytes of a waiting answer that a caller must take in each `drain_seconds`."""

SERVER = "scr-gateway"
ANSWERED = "GET, HEAD, POST"
"""The methods that any address here answers: what Allow says where no door's form tells it more exactly."""
Refuse = Callable[[Unread], Refusal]
"""How a door refuses what could not be read as a request."""


class GuardedHandler(web_protocol.RequestHandler):
    """A request handler that closes a connection whose next head is not complete within `head_seconds`.

    The clock runs from the connection's opening, and for a later request from its first byte; never while one is handled.
    A caller that takes less than LEAST_TAKEN of a waiting answer in `drain_seconds` is cut off: else it would hold a task
    and the record it asked for as long as it liked.
    """

    __slots__ = (
        "_answer", "_connection", "_drain_seconds", "_drain_timer", "_head", "_head_seconds", "_head_timer", "_heading", "_unread",
        "_untaken"
    )  # fmt: skip

    def __init__(
        self, *arguments: Any, head_seconds: float, drain_seconds: float, unread: Mapping[str, Refuse], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._answer, self._request_handler = self._request_handler, self._as_expected
        self._unread = unread
        self._head = b""
        self._heading = False
        """Whether `_head` is of the request that is still being read, not of the one before."""
        self._head_seconds = head_seconds
        self._drain_seconds = drain_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._connection: asyncio.Transport | None = None
        self._untaken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The clock starts with the connection: a silent caller is one too."""
        super().connection_made(transport)
        self._connection = self.transport
        self._arm()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing left to watch."""
        self._disarm()
        self._taken()
        self._connection = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, whose clock runs from its first byte, or of a body, which has a limit of its own."""
        if self._between_requests() and self._head_timer is None:
            self._arm()
        if self._at_a_head():
            if not self._heading:
                self._head, self._heading = b"", True
            if b"\r\n\r\n" not in self._head and len(self._head) < MOST_KEPT:
                self._head += data[:MOST_KEPT]
        super().data_received(data)
        self._heading = self._heading and not self._messages
        if not self._between_requests():
            self._disarm()

    async def _as_expected(self, request: web.BaseRequest) -> web.StreamResponse:
        """An answer where nothing but `100-continue` is expected (RFC 9110 section 10.1.1): the library's own refusal of anything
        else repeats it.
        """
        if any(one.strip().lower() != "100-continue" for one in request.headers.getall("Expect", ())):
            return self.handle_error(request, HTTPStatus.EXPECTATION_FAILED)
        assert self._answer is not None
        return await self._answer(request)

    def pause_writing(self) -> None:
        """The socket takes no more: the clock of the answer begins."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """The caller reads on."""
        self._taken()
        super().resume_writing()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the library's words quote the caller's bytes
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, or to a bug outside every door: fixed words, a code, nothing of the caller's."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        found = unread_of(self._head, status, exc)
        correlation, code = found.correlation_id, found.code
        LOG.warning(
            "not answered by a door", correlation_id=correlation, status=found.status, code=code.slug, exc_info=exc
        )
        body, media_type, more = self._writer(found.path)(found)
        answer = web.Response(
            status=found.status,
            body=body,
            headers={
                "Content-Type": media_type,
                "X-Correlation-ID": correlation,
                "X-SCR-Code": code.slug,
                "Cache-Control": "no-store",
                "Server": SERVER,
                **({"Allow": ANSWERED} if found.status == HTTPStatus.METHOD_NOT_ALLOWED else {}),
                **more,
            },
        )
        answer.force_close()
        return answer

    def _writer(self, path: str) -> Refuse:
        """The form of the door at this address: it is all that is known of whom the request was for."""
        return next((refuse for prefix, refuse in self._unread.items() if at(prefix, path)), _problem)

    def _between_requests(self) -> bool:
        return not self._messages and self._current_request is None

    def _at_a_head(self) -> bool:
        """Whether the next byte is of a head: also while the request before it, read whole, is being answered."""
        return not self._messages and (self._current_request is None or self._current_request.content.is_eof())

    def _arm(self) -> None:
        self._head_timer = self._loop.call_later(self._head_seconds, self._late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        if self._between_requests():
            self.force_close()

    def _taken(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None

    def _await_taking(self) -> None:
        self._untaken = _untaken(self._connection)
        self._drain_timer = self._loop.call_later(self._drain_seconds, self._late_taking)

    def _late_taking(self) -> None:
        self._drain_timer = None
        if self._connection is None:
            return
        if self._untaken - _untaken(self._connection) >= LEAST_TAKEN:
            self._await_taking()
            return
        LOG.warning("answer not taken, connection cut off", seconds=self._drain_seconds)
        self._connection.abort()  # a close would first wait until what is written has been read


def _problem(found: Unread) -> Refusal:
    """A problem (RFC 9457), the form of every door that named none."""
    code = found.code
    document = {"type": f"/errors/{code.slug}", "title": code.sentence, "status": found.status, "code": code.slug}
    if found.doubled is not None:
        document["detail"] = f"Header {found.doubled} is sent more than once."
    body = orjson.dumps({**document, "correlation_id": found.correlation_id})
    return body, "application/problem+json", {}


def _untaken(connection: asyncio.Transport | None) -> int:
    """Bytes written that the other end has not acknowledged: ours, and those the kernel holds, which may be megabytes."""
    if connection is None:
        return 0
    held = bytearray(4)
    with suppress(OSError, AttributeError):  # not a socket, or closed already
        fcntl.ioctl(connection.get_extra_info("socket").fileno(), termios.TIOCOUTQ, held)
    return connection.get_write_buffer_size() + int.from_bytes(held, sys.byteorder)


class GuardedSite(web.SockSite):
    """A listening socket whose callers must end their TLS handshake within `handshake_seconds`.

    Else the loop keeps a silent one for a minute, before there is any handler to watch it.
    """

    def __init__(
        self,
        runner: web.BaseRunner,
        sock: socket.socket,
        *,
        handshake_seconds: float,
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(runner, sock, ssl_context=ssl_context)
        self._handshake_seconds = handshake_seconds if ssl_context is not None else None

    async def start(self) -> None:
        """Listens. Raises OSError."""
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None
        self._server = await asyncio.get_running_loop().create_server(
            server,
            sock=self._sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=self._handshake_seconds,
        )


class _GuardedServer(web_server.Server):
    """Hands out guarded handlers in place of a plain server's."""

    def __init__(
        self, plain: web_server.Server, head_seconds: float, drain_seconds: float, unread: Mapping[str, Refuse]
    ) -> None:
        self.__dict__.update(plain.__dict__)
        self._own: dict[str, Any] = {"head_seconds": head_seconds, "drain_seconds": drain_seconds, "unread": unread}

    def __call__(self) -> web_protocol.RequestHandler:
        return GuardedHandler(self, loop=self._loop, **self._own, **self._kwargs)


class GuardedRunner(web.AppRunner):
    """An AppRunner whose connections are guarded. `unread`: by the path of a door, how it refuses what could not be read."""

    def __init__(
        self,
        app: web.Application,
        *,
        head_seconds: float,
        drain_seconds: float,
        leave_seconds: float = 0.0,
        unread: Mapping[str, Refuse] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        app.on_response_prepare.append(self._prepared)
        self._leaving = False
        self._unread = unread or {}
        self._leave_seconds = leave_seconds
        self._head_seconds = head_seconds
        self._drain_seconds = drain_seconds

    async def cleanup(self) -> None:
        """Takes no more connections, answers what comes by those it has, each for the last time, then closes.

        A connection at rest is kept for `leave_seconds`, since its caller may just be sending.
        """
        self._leaving = True
        for site in list(self.sites):
            await site.stop()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._leave_seconds
        while self._server is not None and self._server.connections and loop.time() < end:  # noqa: ASYNC110 - aiohttp tells nobody
            await asyncio.sleep(0.02)
        await super().cleanup()

    async def _prepared(self, _: web.Request, response: web.StreamResponse) -> None:
        """Names no library and no version; says where it is the last of its connection."""
        response.headers["Server"] = SERVER
        if self._leaving:
            response.force_close()
            response.headers["Connection"] = "close"

    async def _make_server(self) -> web_server.Server:
        return _GuardedServer(await super()._make_server(), self._head_seconds, self._drain_seconds, self._unread)
