"""Listeners: which socket a request came in by decides how its system is proved. One application a listener."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway import logs
from gateway.config import ConfigInvalid, Settings, TlsListener
from gateway.domain.access import System
from gateway.domain.suspension import SystemSuspended
from gateway.identity.registry import CurrentRegistry
from gateway.identity.systems import (
    Listener,
    ProvedSystem,
    ProxyRules,
    Transport,
    locate_browser,
    located,
    prove_system,
)
from gateway.pem_files import unfit
from gateway.web import Proved, Shown, outside_doors, traced

LOG = logs.get("listeners")


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """One address and the application that answers there."""

    app: web.Application
    host: str
    port: int
    tls: ssl.SSLContext | None
    listener: Listener
    renew: Callable[[], bool] = lambda: True
    """Reads its certificate, key and authority again, for handshakes from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """How requests of one listener prove their calling system, and where browsers at it are."""

    listener: Listener
    registry: CurrentRegistry
    clock: Callable[[], datetime]
    proxy: ProxyRules | None = None

    def __call__(self, request: web.Request) -> Proved:
        """The system behind a request, with its refusal where it is suspended. Raises AccessDenied."""
        transport = self._transport(request)
        try:
            return _proved(prove_system(transport, self.registry.registry, self.clock(), self.proxy))
        except SystemSuspended as suspended:
            return replace(_proved(located(transport, suspended.system)), refusal=suspended)

    def browser(self, request: web.Request, system: System) -> Proved:
        """A browser at one of our own pages, which belong to `system`. Raises AccessDenied."""
        return _proved(locate_browser(self._transport(request), system, self.proxy))

    def _transport(self, request: web.Request) -> Transport:
        tls = request.transport.get_extra_info("ssl_object") if request.transport else None
        return Transport(
            listener=self.listener,
            peer=request.remote or "",
            peer_certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
            headers=request.headers,
        )


def _proved(found: ProvedSystem) -> Proved:
    return Proved(
        system=found.system,
        system_proved=found.how is not Listener.SANDBOX,
        network=found.network,
        network_allowed=found.network_allowed,
        address=found.address,
    )


Routes = Callable[[Prover], Iterable[web.RouteDef]]


def mutual_tls(listener: TlsListener) -> ssl.SSLContext:
    """A server context that asks every caller for a certificate of the configured authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(listener.certificate, listener.key)
    context.load_verify_locations(listener.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Renewed:
    """A server context whose certificates can be replaced while it listens: every handshake asks which one is in force.

    `wrong` says what keeps the files from being used. Raises ConfigInvalid where they cannot be at all.
    """

    def __init__(self, listener: TlsListener, wrong: Callable[[], tuple[str, ...]]) -> None:
        self._listener = listener
        self._wrong = wrong
        try:
            self._now, self.context = mutual_tls(listener), mutual_tls(listener)
        except OSError as error:  # ssl.SSLError is one; `serve` has looked before, a sandbox may find its files changed
            raise ConfigInvalid(wrong() or (f"{listener.certificate.name}: {type(error).__name__}",)) from error
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._now

    def renew(self) -> bool:
        """Reads the files again; returns whether they are sound.

        Faulty ones raise the alarm `certificate-not-reloaded`, and the old ones stay in force.
        """
        wrong = self._wrong()
        try:
            if not wrong:
                self._now = mutual_tls(self._listener)
        except (OSError, ssl.SSLError) as error:  # exchanged between the two looks
            wrong = (type(error).__name__,)
        if wrong:
            LOG.error("alarm", alarm="certificate-not-reloaded", listener="mutual-tls", reason="; ".join(wrong))
            return False
        LOG.warning("certificates reloaded", listener="mutual-tls")
        return True


def sockets(
    settings: Settings,
    registry: CurrentRegistry,
    clock: Callable[[], datetime],
    routes: Routes,
    shown: Shown,
    *around: Middleware,
    live: bool,
) -> tuple[Socket, ...]:
    """The configured listeners, each with its own application. `around`: what sees every request before anything else.
    `live`: certificates of development are not taken, at a reload either.

    `shown`: the page of a request that nothing of the routes answers.
    """
    found = []
    listen = settings.listen

    def app(listener: Listener, proxy: ProxyRules | None = None) -> web.Application:
        application = web.Application(
            client_max_size=settings.limits.body_bytes, middlewares=[*around, outside_doors(shown)]
        )
        application.on_response_prepare.append(traced)
        application.add_routes(routes(Prover(listener=listener, registry=registry, clock=clock, proxy=proxy)))
        return application

    if listen.plain is not None:
        plain = listen.plain
        found.append(
            Socket(app=app(Listener.SANDBOX), host=plain.host, port=plain.port, tls=None, listener=Listener.SANDBOX)
        )
    if listen.mutual_tls is not None:
        secure = listen.mutual_tls
        certificates = Renewed(
            secure, lambda: unfit(secure.certificate, secure.key, secure.client_ca, clock(), live=live)
        )
        found.append(
            Socket(
                app=app(Listener.MUTUAL_TLS),
                host=secure.host,
                port=secure.port,
                tls=certificates.context,
                listener=Listener.MUTUAL_TLS,
                renew=certificates.renew,
            )
        )
    if listen.proxy is not None:
        behind = listen.proxy
        rules = ProxyRules(addresses=tuple(behind.trusted))
        found.append(
            Socket(
                app=app(Listener.PROXY, rules), host=behind.host, port=behind.port, tls=None, listener=Listener.PROXY
            )
        )
    return tuple(found)
