"""HTTP to Spine: one session, deadlines, limits and breakers. The one file of the Spine side that calls aiohttp.

It must never log or raise with a body, a URL's query or a header's value, follow a redirect, or read without a bound.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import aiohttp

from gateway.spine.breaker import Breaker, BreakerSettings, BreakerState, Places, still_open
from gateway.spine.outcomes import SpineFailure, unreachable, unusable

_CHUNK = 64 * 1024
_RESET = ("ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineLimits:
    """Bounds of all calls to Spine. Times in seconds, each inside the caller's own deadline."""

    connect_seconds: float = 2.0
    read_seconds: float = 6.0
    """Longest silence while an answer is awaited or read."""
    total_seconds: float = 8.0
    connections: int = 64
    """Concurrent calls, and size of the connection pool."""
    queue: int = 256
    """Calls that may wait for a place; more are refused at once."""
    max_answer_bytes: int = 4 * 1024 * 1024
    attempts: int = 3
    """Tries of one read, the first included."""
    first_pause_seconds: float = 0.1
    """Pause before the second try; doubled for each further one, and jittered."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)

    def __post_init__(self) -> None:
        if min(self.connect_seconds, self.read_seconds, self.total_seconds) <= 0 or self.first_pause_seconds < 0:
            raise ValueError("Spine's time limits are more than 0 seconds")
        if min(self.connections, self.attempts, self.max_answer_bytes) < 1 or self.queue < 0:
            raise ValueError("Spine's bounds are at least 1, its queue 0 or more")


class Meter(Protocol):
    """Where counts and timings go. Labels are interactions, codes and states: never anything about a patient."""

    def observe(self, interaction: str, seconds: float, outcome: str) -> None:
        """One call, all its tries together; `outcome` is "answered" or a code's slug."""

    def retried(self, interaction: str) -> None:
        """A read was repeated."""

    def uncorrelated(self, interaction: str) -> None:
        """An answer names another request than the one it came for."""

    def breaker(self, endpoint: str, state: BreakerState) -> None:
        """A breaker changed its state."""


class NoMeter:
    """Counts nothing."""

    def observe(self, interaction: str, seconds: float, outcome: str) -> None:
        """See Meter."""

    def retried(self, interaction: str) -> None:
        """See Meter."""

    def uncorrelated(self, interaction: str) -> None:
        """See Meter."""

    def breaker(self, endpoint: str, state: BreakerState) -> None:
        """See Meter."""


class Call(Protocol):
    """One try of a call, while it lasts."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What is sent along."""

    def answered(self, status: int) -> None:
        """There is an answer."""

    def failed(self, code: str) -> None:
        """There is none, or no usable one; a code's slug."""


class Spans(Protocol):
    """Where traces go. Nothing about a patient is said to them."""

    def call(self, endpoint: str, method: str) -> AbstractContextManager[Call]:
        """Around one try."""


class NoSpans:
    """Traces nothing, sends nothing along."""

    headers: Mapping[str, str] = MappingProxyType({})

    def call(self, _endpoint: str, _method: str) -> AbstractContextManager[Call]:
        """See Spans."""
        return nullcontext(self)

    def answered(self, status: int) -> None:
        """See Call."""

    def failed(self, code: str) -> None:
        """See Call."""


UNTRACED = NoSpans()


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and whole body of an answer of any status."""

    status: int
    body: bytes = field(repr=False)


@asynccontextmanager
async def open_transport(
    limits: SpineLimits, meter: Meter, *, tls: ssl.SSLContext | None = None, spans: Spans = UNTRACED
) -> AsyncIterator["SpineTransport"]:
    """A transport with its session, closed at the end of the block. `tls`: client certificate and trust for https URLs."""
    connector = aiohttp.TCPConnector(
        limit=limits.connections, ssl=True if tls is None else tls, keepalive_timeout=15, enable_cleanup_closed=False
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept"),
        headers={"Accept-Encoding": "identity"},
    )
    async with session:
        yield SpineTransport(session, limits, meter, spans)


class SpineTransport:
    """Sends one request and reads its whole answer, or says in domain errors why there is none."""

    def __init__(
        self, session: aiohttp.ClientSession, limits: SpineLimits, meter: Meter, spans: Spans = UNTRACED
    ) -> None:
        self._session = session
        self._limits = limits
        self._meter = meter
        self._spans = spans
        self._places = Places(limits.connections, limits.queue)
        self._breakers: dict[str, Breaker] = {}

    async def post(self, endpoint: str, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float) -> Reply:
        """POST. `endpoint` is the breaker's name; `deadline` loop time. See `_call` for errors."""
        return await self._call(endpoint, "POST", url, body, headers, deadline)

    async def get(self, endpoint: str, url: str, headers: Mapping[str, str], *, deadline: float) -> Reply:
        """GET. See `post`."""
        return await self._call(endpoint, "GET", url, None, headers, deadline)

    def state(self, endpoint: str) -> BreakerState:
        """The breaker's state, for readiness."""
        return self._breaker(endpoint).state

    def _breaker(self, endpoint: str) -> Breaker:
        breaker = self._breakers.get(endpoint)
        if breaker is None:
            breaker = Breaker(self._limits.breaker, lambda state: self._meter.breaker(endpoint, state))
            self._breakers[endpoint] = breaker
        return breaker

    async def _call(
        self, endpoint: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str], deadline: float
    ) -> Reply:
        """Raises NotPossibleNow OVERLOADED; SpineFailure SPINE_UNREACHABLE (breaker open, no connection, timeout, reset;
        transient where the same request may be sent again), SPINE_UNUSABLE (larger than the bound).
        """
        loop = asyncio.get_running_loop()
        async with self._places.one(deadline):
            breaker = self._breaker(endpoint)
            if deadline <= loop.time():
                raise unreachable()  # nothing was sent: no word on the endpoint, whose breaker counts what it failed
            if not breaker.admit(loop.time()):
                raise still_open(breaker, loop.time())
            told = False
            try:
                reply = await self._traced(endpoint, method, url, body, headers, deadline - loop.time())
            except _Unreached as failure:
                breaker.failed(loop.time())
                told = True
                raise failure.error from failure
            else:
                breaker.succeeded(loop.time())
                told = True
            finally:
                if not told:
                    breaker.abandoned()
        if reply is None:
            raise unusable()
        return reply

    async def _traced(
        self, endpoint: str, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Reply | None:
        """See `_exchange`."""
        with self._spans.call(endpoint, method) as call:
            try:
                reply = await self._exchange(method, url, body, {**headers, **call.headers}, seconds)
            except _Unreached as failure:
                call.failed(failure.error.code.slug)
                raise
            if reply is None:
                call.failed(unusable().code.slug)
            else:
                call.answered(reply.status)
            return reply

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Reply | None:
        """None where the answer is larger than the bound. Raises _Unreached for all else that aiohttp may say."""
        if seconds <= 0:
            raise _Unreached(unreachable())
        timeout = aiohttp.ClientTimeout(
            total=min(seconds, self._limits.total_seconds),
            sock_connect=self._limits.connect_seconds,
            sock_read=self._limits.read_seconds,
        )
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                data = await self._bounded(response)
                return None if data is None else Reply(response.status, data)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
            raise _Unreached(unreachable(transient=True)) from error
        except aiohttp.ClientPayloadError as error:
            raise _Unreached(unreachable(transient=any(name in str(error) for name in _RESET))) from error
        except TimeoutError as error:
            raise _Unreached(unreachable()) from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise _Unreached(unreachable(transient=True)) from error
        except aiohttp.ClientError as error:
            raise _Unreached(unreachable()) from error

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The whole body, or None (and a closed connection) once it passes the bound."""
        most = self._limits.max_answer_bytes
        if response.content_length is not None and response.content_length > most:
            response.close()
            return None
        parts: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > most:
                response.close()
                return None
            parts.append(chunk)
        return b"".join(parts)


class _Unreached(Exception):
    """Carries the domain error past the breaker, which counts it."""

    def __init__(self, error: SpineFailure) -> None:
        super().__init__()
        self.error = error
