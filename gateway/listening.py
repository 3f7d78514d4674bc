"""Opens a gateway's listeners, and closes them so that no caller loses a request."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from gateway import logs
from gateway.adapters.symphony import PATH as FHIR
from gateway.config import Settings
from gateway.guard import GuardedRunner, GuardedSite
from gateway.listeners import Socket
from gateway.metrics import Metrics
from gateway.pages import fhir, public

LOG = logs.get("listening")
KEPT_SECONDS = 15.0
"""How long a connection may rest between two requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of several processes on the same listeners this one is."""

    number: int = 0
    """Counted from 0; its metrics are on the internal listener's port and so many more."""
    shared: bool = False
    """Whether others listen beside it (SO_REUSEPORT)."""
    given: dict[str, socket.socket] = field(default_factory=dict)
    """Sockets made by the supervisor, by listener: they outlive this process, and so do callers waiting in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What one process tells its operator, and nobody else: each process on an internal port of its own."""

    metrics: Metrics
    ready: public.Ready


async def listen(
    found: tuple[Socket, ...], settings: Settings, inside: Inside, stack: AsyncExitStack, place: Place
) -> None:
    """Opens every listener; the internal one apart from the others. All close together at the end of the stack.

    Raises OSError where an address is taken.
    """
    runners: list[GuardedRunner] = []
    stack.push_async_callback(_leave, runners)
    for one in found:
        runner = await _runner(one.app, settings, runners)
        made = place.given.get(one.listener.value) or _bound(one.host, one.port, shared=place.shared)
        await GuardedSite(runner, made, handshake_seconds=settings.limits.head_seconds, ssl_context=one.tls).start()
        LOG.info("listening", address=one.host, port=one.port, listener="tls" if one.tls else "plain")
    if settings.listen.internal is not None:
        at = settings.listen.internal
        runner = await _runner(_internal(inside), settings, runners)
        port = at.port + place.number if at.port else 0
        made = _bound(at.host, port, shared=place.shared)
        await GuardedSite(runner, made, handshake_seconds=settings.limits.head_seconds, ssl_context=None).start()
        LOG.info("listening", address=at.host, port=port, listener="internal")


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """A listening socket. Raises OSError, which names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with naming(host, port):
        return socket.create_server((host, port), family=family, reuse_port=shared)


@contextmanager
def naming(host: str, port: int) -> Iterator[None]:
    """An OSError that leaves says which address could not be listened on, and why in the system's words."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{host} port {port}: {os.strerror(error.errno or 0)}") from error


async def _leave(runners: list[GuardedRunner]) -> None:
    """All at once: one listener's callers need not wait for another's."""
    await asyncio.gather(*(runner.cleanup() for runner in runners))


async def _runner(app: web.Application, settings: Settings, runners: list[GuardedRunner]) -> GuardedRunner:
    limits = settings.limits
    runner = GuardedRunner(
        app,
        head_seconds=limits.head_seconds,
        drain_seconds=limits.drain_seconds,
        leave_seconds=limits.leave_seconds,
        unread={FHIR: fhir.unread},
        access_log=None,
        auto_decompress=False,  # gateway.body does it: a body that cannot be read is refused in its door's form
        keepalive_timeout=KEPT_SECONDS,
        shutdown_timeout=limits.stop_seconds,
    )
    await runner.setup()
    runners.append(runner)
    return runner


def _internal(inside: Inside) -> web.Application:
    async def exposition(_: web.Request) -> web.Response:
        inside.metrics.tasks.set(len(asyncio.all_tasks()))
        return web.Response(
            body=inside.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", exposition),
            web.get("/health/live", public.live),
            web.get("/health/ready", public.ready(inside.ready)),
        ]
    )
    return app
