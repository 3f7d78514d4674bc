"""Listeners: which socket a request came in by decides how its system is proved. One application a listener."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from gateway.config import Settings, TlsListener
from gateway.identity.registry import CurrentRegistry
from gateway.identity.systems import Listener, ProxyRules, Transport, prove_system
from gateway.web import Proved

Routes = Callable[[Callable[[web.Request], Proved]], Iterable[web.RouteDef]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """One address and the application that answers there."""

    app: web.Application
    host: str
    port: int
    tls: ssl.SSLContext | None
    listener: Listener


def prover(
    listener: Listener, registry: CurrentRegistry, clock: Callable[[], datetime], proxy: ProxyRules | None
) -> Callable[[web.Request], Proved]:
    """How requests of one listener prove their system. The returned function raises AccessDenied."""

    def prove(request: web.Request) -> Proved:
        tls = request.transport.get_extra_info("ssl_object") if request.transport else None
        transport = Transport(
            listener=listener,
            peer=request.remote or "",
            peer_certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
            headers=request.headers,
        )
        proved = prove_system(transport, registry.registry, clock(), proxy)
        return Proved(system=proved.system, network=proved.network, network_allowed=proved.network_allowed)

    return prove


def mutual_tls(listener: TlsListener) -> ssl.SSLContext:
    """A server context that asks every caller for a certificate of the configured authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(listener.certificate, listener.key)
    context.load_verify_locations(listener.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def sockets(
    settings: Settings, registry: CurrentRegistry, clock: Callable[[], datetime], routes: Routes
) -> tuple[Socket, ...]:
    """The configured listeners, each with its own application."""
    found = []
    listen = settings.listen

    def app(listener: Listener, proxy: ProxyRules | None = None) -> web.Application:
        application = web.Application(client_max_size=settings.limits.body_bytes)
        application.add_routes(routes(prover(listener, registry, clock, proxy)))
        return application

    if listen.plain is not None:
        plain = listen.plain
        found.append(
            Socket(app=app(Listener.SANDBOX), host=plain.host, port=plain.port, tls=None, listener=Listener.SANDBOX)
        )
    if listen.mutual_tls is not None:
        secure = listen.mutual_tls
        found.append(
            Socket(
                app=app(Listener.MUTUAL_TLS),
                host=secure.host,
                port=secure.port,
                tls=mutual_tls(secure),
                listener=Listener.MUTUAL_TLS,
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
