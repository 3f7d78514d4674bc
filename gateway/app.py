"""The composition root: builds everything from the settings and is the only file that knows concrete classes."""

import asyncio
import os
import random
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import logs, production
from gateway.background import beside
from gateway.browsing import browsing
from gateway.config import ConfigInvalid, Settings
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import Asid, NhsNumbers
from gateway.domain.journal import Write
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import EventDocument
from gateway.doors import House, routes
from gateway.guard import GuardedRunner
from gateway.identity import registry_check
from gateway.identity.jwks import JwksCache, JwksRules
from gateway.identity.oidc import OidcAddresses, SignIn
from gateway.identity.proofs import Proofs
from gateway.identity.registry import CurrentRegistry
from gateway.identity.saml import AssertionRules, read_metadata
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from gateway.identity.userinfo import read_user
from gateway.launches import launches
from gateway.listeners import Socket, sockets
from gateway.metrics import Metrics
from gateway.notices import officer_sender, spine_sender
from gateway.officers import officers
from gateway.pages import public
from gateway.pages.public import Ready
from gateway.policy.answer import decide, held
from gateway.policy.settings import current
from gateway.rates import Rates
from gateway.service.identify import Identify
from gateway.service.parts import Parts
from gateway.service.rejections import Rejections
from gateway.service.service import Service
from gateway.spine.active import has_active_content
from gateway.spine.client import SpineClient
from gateway.spine.directory import Directory
from gateway.spine.interactions import SpineAddressing
from gateway.spine.summary import read_summary
from gateway.spine.transport import SpineLimits, SpineTransport, open_transport
from gateway.store import browsers
from gateway.store.checkpoints import AnchorFile
from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal, JournalSettings
from gateway.store.keys import load_keys, load_or_create_keys
from gateway.store.outbox import Outbox
from gateway.store.people import People, TrainingRecord, record_training
from gateway.store.state import State
from gateway.store.training import read_export
from gateway.store.upkeep import Probing, forgetting
from gateway.teaching import teacher
from gateway.web import Gate
from gateway.xml.catalogue import Catalogue
from gateway.xml.explain_process import ExplainProcess

LOG = logs.get("app")


class Mode(StrEnum):
    """Which composition this is. Nothing but the command line chooses it."""

    SANDBOX = "sandbox"
    SERVE = "serve"
    REHEARSAL = "rehearsal"
    """`serve` against stubs: everything proved as in production, invented patients only."""


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


async def _assertion_rules(settings: Settings, session: aiohttp.ClientSession) -> AssertionRules | None:
    """The pinned signing certificate of assertions: a file, or in the sandbox what the stub publishes."""
    identity = settings.identity
    if identity.saml_certificate is not None:
        certificates: tuple[x509.Certificate, ...] = (
            x509.load_pem_x509_certificate(identity.saml_certificate.read_bytes()),
        )
    elif identity.saml_metadata_url is not None:
        async with session.get(identity.saml_metadata_url) as answer:
            certificates = read_metadata(await answer.read(), identity.issuer)
    else:
        return None
    recipient = identity.saml_recipient or f"{settings.public_url}/viewers/adastra"
    return AssertionRules(
        issuer=identity.issuer,
        audience=identity.saml_audience,
        recipients=frozenset({recipient}),
        certificates=certificates,
    )


def load_registry(path: Path) -> CurrentRegistry:
    """The registry in force. Raises ConfigInvalid with every fault and its line."""
    registry, faults = registry_check.read(path.read_text(encoding="utf-8"))
    if registry is None:
        raise ConfigInvalid(tuple(str(fault) for fault in faults if not fault.warning))
    return CurrentRegistry(registry)


def reload_registry(settings: Settings, registry: CurrentRegistry, proofs: Proofs, jwks: JwksCache) -> None:
    """Puts the registry file's present content in force; where it has faults the registry stays as it is.

    Either way the identity service's keys are asked for again, and every token is checked anew.
    """
    proofs.clear()
    jwks.expire()
    try:
        registry.replace(load_registry(settings.registry).registry)
    except (ConfigInvalid, OSError) as error:
        LOG.exception("alarm", alarm="registry-not-reloaded", count=len(getattr(error, "faults", ())))
        return
    LOG.warning("registry reloaded", count=len(registry.registry.systems))


async def _refuse_unsafe(settings: Settings, mode: Mode, registry: CurrentRegistry, jwks: JwksCache) -> None:
    """Production starts with nothing of the sandbox in it. Raises ConfigInvalid."""
    if mode is Mode.SANDBOX:
        return
    keys = await jwks.keys(clock())
    faults = production.faults(settings, registry.registry, keys, rehearsal=mode is Mode.REHEARSAL)
    if faults:
        raise ConfigInvalid(faults)


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
        sandbox = mode is Mode.SANDBOX
        jwks = JwksCache(session, JwksRules(url=settings.identity.jwks_url, allow_stub_keys=mode is not Mode.SERVE))
        await _refuse_unsafe(settings, mode, registry, jwks)
        engine = make_engine(settings.store.address())
        stack.push_async_callback(engine.dispose)
        await upgrade(engine)
        keys = (load_or_create_keys if sandbox else load_keys)(settings.store.keys)
        journal = Journal(
            engine=engine,
            keys=keys,
            host=f"{socket.gethostname()}:{os.getpid()}",
            ids=ids.new,
            clock=clock,
            settings=JournalSettings(linger=settings.store.linger_ms / 1000, most_waiting=settings.store.queue),
            meter=metrics,
            anchor=AnchorFile(settings.store.anchor) if settings.store.anchor is not None else None,
        )
        await journal.start()
        stack.push_async_callback(journal.stop)
        await stack.enter_async_context(beside("forgetting", partial(forgetting, engine, clock), metrics))
        if settings.training is not None:
            step = record_training(_training(settings.training), at=clock(), source=settings.training.name)
            await journal.commit(Write(), step)
        limits = spine_limits(settings)
        transport = await stack.enter_async_context(open_transport(limits, metrics, tls=_spine_tls(settings)))
        spine = _spine(settings, transport, limits, metrics, numbers)
        tokens = IdTokenVerifier(TokenRules(issuer=settings.identity.issuer), jwks)
        proofs = Proofs(tokens, await _assertion_rules(settings, session))
        directory = Directory(transport, settings.spine.directory_url, read_user, asid=Asid(settings.spine.own_asid))
        rejections = Rejections(journal=journal, ids=ids)
        stack.push_async_callback(_flush, rejections)
        await stack.enter_async_context(beside("rejections", partial(rejections.run, clock), metrics))
        explaining = ExplainProcess()
        stack.push_async_callback(explaining.close)
        parts = Parts(
            identify=Identify(registry=registry, proofs=proofs, directory=directory),
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
        await _deliver(settings, engine, spine, session, metrics, stack)
        identity = settings.identity
        signing_in = SignIn(
            session,
            OidcAddresses(
                authorize_url=identity.authorize_url or f"{identity.issuer}/authorize",
                token_url=identity.token_url or f"{identity.issuer}/token",
                userinfo_url=identity.userinfo_url or f"{identity.issuer}/userinfo",
            ),
            tokens,
        )
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
                signing_in=signing_in,
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
            reload=lambda: reload_registry(settings, registry, proofs, jwks),
        )


def _training(file: Path) -> tuple[TrainingRecord, ...]:
    """The training service's export. Raises ConfigInvalid."""
    try:
        return read_export(file.read_text(encoding="utf-8"))
    except (InvalidValue, OSError) as error:
        raise ConfigInvalid((f"training: {error}",)) from error


async def _deliver(
    settings: Settings,
    engine: AsyncEngine,
    spine: SpineClient,
    session: aiohttp.ClientSession,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> None:
    """Starts what delivers alerts and notices until the gateway stops."""
    senders = {
        "spine": spine_sender(spine),
        "notify": officer_sender(settings.notices, settings.public_url, session),
    }
    outbox = Outbox(
        engine=engine, senders=senders, name=f"{socket.gethostname()}:{os.getpid()}", clock=clock, meter=metrics.outbox
    )
    await stack.enter_async_context(beside("outbox", outbox.run, metrics))


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


def spine_limits(settings: Settings) -> SpineLimits:
    """Bounds of calls to Spine."""
    spine = settings.spine
    return SpineLimits(
        connect_seconds=spine.connect_seconds,
        read_seconds=spine.read_seconds,
        total_seconds=spine.total_seconds,
        connections=spine.connections,
        queue=spine.waiting,
    )


def _spine(
    settings: Settings, transport: SpineTransport, limits: SpineLimits, metrics: Metrics, numbers: NhsNumbers
) -> SpineClient:
    spine = settings.spine
    addressing = SpineAddressing(
        psis_url=spine.sync_url,
        pds_url=spine.pds_url,
        alert_url=spine.alert_url,
        spine_asid=Asid(spine.asid),
        from_address=spine.from_address,
    )
    return SpineClient(
        transport,
        addressing,
        numbers,
        new_id=uuid.uuid4,
        now=clock,
        jitter=random.random,
        limits=limits,
        meter=metrics,
    )


def _spine_tls(settings: Settings) -> ssl.SSLContext | None:
    """Trust and client certificate for Spine, where it is reached over TLS."""
    spine = settings.spine
    if spine.ca is None:
        return None
    context = ssl.create_default_context(cafile=str(spine.ca))
    if spine.client_certificate is not None:
        context.load_cert_chain(spine.client_certificate, spine.client_key)
    return context


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
