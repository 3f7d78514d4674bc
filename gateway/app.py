"""The composition root: builds everything from the settings and is the only file that knows concrete classes."""

import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from gateway import logs
from gateway.asking import renew_spine_certificate, spine_client, spine_limits, spine_tls
from gateway.background import beside
from gateway.browsing import browsing
from gateway.config import Settings
from gateway.domain.errors import GatewayError
from gateway.domain.identifiers import Asid, NhsNumbers
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import EventDocument
from gateway.doors import House, routes
from gateway.gate import Gate
from gateway.identity.registry import CurrentRegistry
from gateway.identity.userinfo import read_user
from gateway.launches import launches
from gateway.listeners import Socket, sockets
from gateway.listening import Inside, Place, listen
from gateway.memory import given_back, trimmer
from gateway.metrics import Metrics
from gateway.officers import officers
from gateway.pages.public import Ready, elsewhere
from gateway.policy.answer import decide, held
from gateway.policy.settings import current
from gateway.production import Mode
from gateway.proving import Proving, load_registry, proving, reload_registry
from gateway.rates import Rates
from gateway.service.identify import Identify
from gateway.service.parts import Parts
from gateway.service.rejections import Rejections
from gateway.service.service import Service
from gateway.spine.active import has_active_content
from gateway.spine.directory import Directory
from gateway.spine.summary import read_summary
from gateway.spine.transport import UNTRACED, SpineTransport, open_transport
from gateway.store import browsers
from gateway.store.journal import Journal
from gateway.store.people import People
from gateway.store.state import State
from gateway.store.upkeep import Probing
from gateway.storing import deliver, storing
from gateway.teaching import teacher
from gateway.xml.catalogue import Catalogue
from gateway.xml.explain_process import ExplainProcess

if TYPE_CHECKING:
    from gateway.traces import Traces

ALONE = Place()
ENDPOINTS = ("psis", "pds", "directory", "alert")
"""Spine's, each with a breaker of its own."""


class NewIds:
    """UUIDs in upper case."""

    def new(self) -> str:
        """A new one."""
        return str(uuid.uuid4()).upper()


LOG = logs.get("app")


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
    """Reads the registry and the certificates again (SIGHUP); what is faulty is reported and the old one stays in force.

    Tokens verified before are checked anew, under the identity service's keys as they are then published.
    """


def _summary(document: EventDocument) -> SummaryRecord:
    return read_summary(document.summary, document.event_id)


def _active(document: EventDocument) -> bool:
    return has_active_content(document.summary)


@asynccontextmanager
async def running(settings: Settings, mode: Mode, place: Place = ALONE) -> AsyncIterator[Gateway]:
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
        tls = spine_tls(settings)
        traces = await _traces(settings, stack)
        spans = UNTRACED if traces is None else traces
        transport = await stack.enter_async_context(
            open_transport(spine_limits(settings), metrics, tls=tls, spans=spans)
        )
        metrics.watch(lambda: journal.waiting, ENDPOINTS)
        spine = spine_client(settings, transport, metrics, numbers, clock)
        directory = Directory(transport, settings.spine.directory_url, read_user, asid=Asid(settings.spine.own_asid))
        rejections = Rejections(journal=journal, ids=ids)
        stack.push_async_callback(_flush, rejections)
        await stack.enter_async_context(beside("rejections", partial(rejections.run, clock), metrics))
        if (trim := trimmer()) is not None:
            await stack.enter_async_context(beside("memory", partial(given_back, trim), metrics))
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
            gate=Gate(
                places=settings.limits.concurrent,
                waiting=settings.limits.waiting,
                metrics=metrics,
                seconds=settings.spine.total_seconds / 2,
            ),
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
        around, live = () if traces is None else (traces.middleware,), mode is Mode.SERVE
        found = sockets(
            settings, registry, clock, partial(routes, house), elsewhere(house.browsing.layout), *around, live=live
        )
        await listen(found, settings, Inside(metrics=metrics, ready=house.ready), stack, place)
        yield Gateway(
            sockets=found,
            metrics=metrics,
            registry=registry,
            journal=journal,
            reload=partial(_reload, settings, known, found, tls, metrics, live=live),
        )


async def _traces(settings: Settings, stack: AsyncExitStack) -> "Traces | None":
    """Traces where a collector is named; else nothing of OpenTelemetry is even loaded."""
    if settings.traces.otlp_url is None:
        return None
    from gateway.traces import collected  # noqa: PLC0415 - OpenTelemetry is not loaded where nobody wants it

    return await stack.enter_async_context(collected(settings.traces))


def _reload(
    settings: Settings,
    known: Proving,
    found: tuple[Socket, ...],
    spine: ssl.SSLContext | None,
    metrics: Metrics,
    *,
    live: bool,
) -> None:
    if not reload_registry(settings, known):
        metrics.alarms.labels("registry-not-reloaded").inc()
    if not all([*(one.renew() for one in found), renew_spine_certificate(settings, spine, clock(), live=live)]):
        metrics.alarms.labels("certificate-not-reloaded").inc()


def _readiness(journal: Journal, spine: SpineTransport) -> Ready:
    """The database decides; Spine's breakers are told, not judged: without Spine this process still answers rightly."""
    probing = Probing(journal)

    async def facts() -> dict[str, object]:
        writable = await probing.writable()
        breakers = {endpoint: spine.state(endpoint).value for endpoint in ENDPOINTS}
        return {"ready": writable, "audit": "writable" if writable else "not writable", "spine_breakers": breakers}

    return facts


async def _flush(rejections: Rejections) -> None:
    try:
        await rejections.flush(clock(), everything=True)
    except GatewayError:
        LOG.error("repeated rejections not recorded", reason="the audit takes no entry")  # noqa: TRY400 - the journal has said why
