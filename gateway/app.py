"""The composition root: builds everything from the settings and is the only file that knows concrete classes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import aiohttp
from aiohttp import web

from gateway import logs
from gateway.asking import spine_client, spine_limits, spine_tls
from gateway.background import beside
from gateway.browsing import browsing
from gateway.config import Settings
from gateway.domain.identifiers import Asid, NhsNumbers
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import EventDocument
from gateway.doors import House, routes
from gateway.gate import Gate
from gateway.guard import GuardedRunner
from gateway.identity.registry import CurrentRegistry
from gateway.identity.userinfo import read_user
from gateway.launches import launches
from gateway.listeners import Socket, sockets
from gateway.metrics import Metrics
from gateway.officers import officers
from gateway.pages import public
from gateway.pages.public import Ready
from gateway.policy.answer import decide, held
from gateway.policy.settings import current
from gateway.production import Mode
from gateway.proving import load_registry, proving, reload_registry
from gateway.rates import Rates
from gateway.service.identify import Identify
from gateway.service.parts import Parts
from gateway.service.rejections import Rejections
from gateway.service.service import Service
from gateway.spine.active import has_active_content
from gateway.spine.directory import Directory
from gateway.spine.summary import read_summary
from gateway.spine.transport import SpineTransport, open_transport
from gateway.store import browsers
from gateway.store.journal import Journal
from gateway.store.people import People
from gateway.store.state import State
from gateway.store.upkeep import Probing
from gateway.storing import deliver, storing
from gateway.teaching import teacher
from gateway.xml.catalogue import Catalogue
from gateway.xml.explain_process import ExplainProcess

LOG = logs.get("app")


class NewIds:
    """UUIDs in upper case."""

    def new(self) -> str:
        """A new one."""
        return str(uuid.uuid4()).upper()


def clock() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is running."""

    sockets: tuple[Socket, ...]
    metrics: Metrics
    registry: CurrentRegistry
    journal: Journal
    reload: Callable[[], None]
    """Reads the registry again (SIGHUP); a faulty one is reported and the old one stays in force.

    Tokens verified before are checked anew, under the identity service's keys as they are then published.
    """


def _summary(document: EventDocument) -> SummaryRecord:
    return read_summary(document.summary, document.event_id)


def _active(document: EventDocument) -> bool:
    return has_active_content(document.summary)


@asynccontextmanager
async def running(settings: Settings, mode: Mode, *, reuse_port: bool = False) -> AsyncIterator[Gateway]:
    """A gateway that answers on its listeners until the block ends; then it drains and seals its audit chain.

    Raises ConfigInvalid, NotDurable, KeysUnusable, NotPossibleNow: it never starts half.
    """
    metrics, ids = Metrics(), NewIds()
    registry = load_registry(settings.registry)
    catalogue = Catalogue.load(settings.schemas)
    numbers = NhsNumbers(settings.nhs_number_range)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        known = await proving(settings, mode, registry, session, clock)
        journal = await storing(settings, mode, metrics, ids, clock, stack)
        engine = journal.engine
        transport = await stack.enter_async_context(
            open_transport(spine_limits(settings), metrics, tls=spine_tls(settings))
        )
        spine = spine_client(settings, transport, metrics, numbers, clock)
        directory = Directory(transport, settings.spine.directory_url, read_user, asid=Asid(settings.spine.own_asid))
        rejections = Rejections(journal=journal, ids=ids)
        stack.push_async_callback(_flush, rejections)
        await stack.enter_async_context(beside("rejections", partial(rejections.run, clock), metrics))
        explaining = ExplainProcess()
        stack.push_async_callback(explaining.close)
        parts = Parts(
            identify=Identify(registry=registry, proofs=known.proofs, directory=directory),
            directory=directory,
            spine=spine,
            journal=journal,
            rejections=rejections,
            state=State(engine),
            decide=lambda facts: decide(facts, current(facts.now)),
            held=lambda facts: held(facts, current(facts.now)),
            read_summary=_summary,
            active_content=_active,
            ids=ids,
            clock=clock,
            teach=teacher(explaining, str(settings.schemas) if settings.schemas else None, settings.nhs_number_range),
        )
        await deliver(settings, engine, spine, session, metrics, clock, stack)
        launching = launches(settings, parts, shelf=browsers.launches(engine), registry=registry, session=session)
        service = Service(parts, launching.launching)
        house = House(
            settings=settings,
            service=service,
            metrics=metrics,
            catalogue=catalogue,
            numbers=numbers,
            ids=ids,
            clock=clock,
            ready=_readiness(journal, transport),
            rates=Rates() if settings.limits.rate else None,
            gate=Gate(places=settings.limits.concurrent, waiting=settings.limits.waiting, metrics=metrics),
            browsing=browsing(
                settings,
                shelf=browsers.sessions(engine),
                people=People(engine),
                journal=journal,
                ids=ids,
                signing_in=known.signing_in,
                registry=registry,
            ),
            launches=launching,
            officers=officers(parts, service, journal, engine),
            sandbox=mode is Mode.SANDBOX,
        )
        found = sockets(settings, registry, clock, partial(routes, house))
        await _listen(found, settings, metrics, stack, reuse_port=reuse_port)
        yield Gateway(
            sockets=found,
            metrics=metrics,
            registry=registry,
            journal=journal,
            reload=lambda: reload_registry(settings, known),
        )


def _readiness(journal: Journal, spine: SpineTransport) -> Ready:
    """The database decides; Spine's breakers are told, not judged: without Spine this process still answers rightly."""
    probing = Probing(journal)

    async def facts() -> dict[str, object]:
        writable = await probing.writable()
        breakers = {endpoint: spine.state(endpoint).value for endpoint in ("psis", "pds", "directory", "alert")}
        return {"ready": writable, "audit": "writable" if writable else "not writable", "spine": breakers}

    return facts


async def _flush(rejections: Rejections) -> None:
    await rejections.flush(clock(), everything=True)


async def _listen(
    found: tuple[Socket, ...], settings: Settings, metrics: Metrics, stack: AsyncExitStack, *, reuse_port: bool
) -> None:
    """Opens every listener; the metrics one apart from the others."""

    async def exposition(_: web.Request) -> web.Response:
        metrics.tasks.set(len(asyncio.all_tasks()))
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    internal = web.Application()
    internal.add_routes([web.get("/metrics", exposition), web.get("/health/live", public.live)])
    listening = [(one.app, one.host, one.port, one.tls) for one in found]
    if settings.listen.internal is not None:
        listening.append((internal, settings.listen.internal.host, settings.listen.internal.port, None))
    for app, host, port, tls in listening:
        runner = GuardedRunner(
            app,
            head_seconds=settings.limits.head_seconds,
            drain_seconds=settings.limits.drain_seconds,
            access_log=None,
            keepalive_timeout=15,
            shutdown_timeout=settings.limits.stop_seconds,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, host, port, ssl_context=tls, reuse_port=reuse_port or None).start()
        LOG.info("listening", address=host, port=port, listener="tls" if tls else "plain")
