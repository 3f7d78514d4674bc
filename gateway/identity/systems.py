"""Which calling system is this? Proved by its client certificate, or on the sandbox's plain listener merely named. Pure.

Every listener reads its own proof and refuses another's: a forwarded certificate counts only on the proxy listener and only from
the proxy's addresses. What a message says of its system is never looked at here.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.domain.access import System, SystemState
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import SystemId
from gateway.domain.suspension import SystemSuspended
from gateway.identity.certificates import check_certificate
from gateway.identity.refusals import refused
from gateway.identity.registry import Registry

SYSTEM_HEADER = "x-scr-system"
"""Names the system on the sandbox's plain listener; elsewhere it may only repeat what the certificate proves."""
CERTIFICATE_HEADER = "client-cert"
"""The client certificate a TLS-terminating proxy verified (RFC 9440): a structured-field byte sequence of the DER."""
_FORWARDED_BY_PROXIES = frozenset(
    {CERTIFICATE_HEADER, "client-cert-chain", "x-forwarded-client-cert", "x-ssl-client-cert", "ssl-client-cert"}
)
_FORWARDED_FOR = "x-forwarded-for"
_LONGEST_CERTIFICATE = 24 * 1024

Address = IPv4Address | IPv6Address


class Listener(StrEnum):
    """By which listener a request came in."""

    SANDBOX = "sandbox"
    """Plain HTTP on loopback; exists only in the sandbox, where systems are not authenticated."""
    MUTUAL_TLS = "mutual-tls"
    PROXY = "proxy"
    """Plain HTTP behind the configured proxy, which ended the mutual TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What is known of a request before its body is read."""

    listener: Listener
    peer: str
    """Address of the other end of the connection."""
    peer_certificate: bytes | None = field(default=None, repr=False)
    """DER, as the TLS layer verified it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May be a multi-dictionary: doubled headers are seen through `items()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRules:
    """The proxy that may forward certificates."""

    addresses: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedSystem:
    """The calling system and where it calls from. Whether that network will do is a matter of policy (P-12)."""

    system: System
    how: Listener
    network: str
    """For the audit: the registered network the address lies in, else `outside`."""
    network_allowed: bool
    address: str | None = field(default=None, repr=False)
    """Where the caller is, as far as it is known."""


def _header(transport: Transport, name: str) -> str | None:
    """The header's one value. Raises AccessDenied where it comes twice."""
    values = [value for key, value in transport.headers.items() if key.lower() == name]
    if len(values) > 1:
        raise refused(Code.SYSTEM_UNKNOWN, f"{name} is given twice", rules=())
    return values[0] if values else None


def _address(text: str) -> Address | None:
    """The address, IPv4 written as IPv6 taken back; None for anything else."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _refuse_forwarded(transport: Transport) -> None:
    if any(key.lower() in _FORWARDED_BY_PROXIES for key in transport.headers):
        raise refused(Code.SYSTEM_FORWARDED, "a forwarded certificate outside the proxy listener", rules=())


def _named(transport: Transport, registry: Registry) -> System:
    """Sandbox: the system in X-SCR-System, which proves nothing."""
    named = _header(transport, SYSTEM_HEADER)
    if named is None:
        raise refused(Code.SYSTEM_UNKNOWN, "no X-SCR-System header", rules=())
    try:
        system = registry.system(SystemId(named.strip()))
    except InvalidValue as error:
        raise refused(Code.SYSTEM_UNKNOWN, "X-SCR-System is not a system id", rules=()) from error
    if system is None:
        raise refused(Code.SYSTEM_UNKNOWN, "X-SCR-System is not registered", rules=())
    return system


def _certified(der: bytes | None, transport: Transport, registry: Registry, now: datetime) -> System:
    """The system whose registered certificate this is; a system header beside it must agree."""
    if der is None:
        raise refused(Code.SYSTEM_CERTIFICATE, "no client certificate", rules=())
    system = registry.system_by_certificate(check_certificate(der, registry.revoked, now))
    if system is None:
        raise refused(Code.SYSTEM_UNKNOWN, "the certificate is not registered", rules=())
    named = _header(transport, SYSTEM_HEADER)
    if named is not None and named.strip() != system.id.value:
        raise refused(Code.SYSTEM_UNKNOWN, "X-SCR-System is not the certificate's system", rules=())
    return system


def _forwarded_certificate(transport: Transport, proxy: ProxyRules) -> bytes | None:
    """DER from the proxy's Client-Cert header."""
    address = _address(transport.peer)
    if address is None or not _within(address, proxy.addresses):
        raise refused(Code.SYSTEM_FORWARDED, "the proxy listener was not called by the proxy", rules=())
    value = _header(transport, CERTIFICATE_HEADER)
    if value is None:
        return None
    text = value.strip()
    if not 2 < len(text) <= _LONGEST_CERTIFICATE or text[0] != ":" or text[-1] != ":":
        raise refused(Code.SYSTEM_CERTIFICATE, "Client-Cert is not a byte sequence", rules=())
    try:
        return base64.b64decode(text[1:-1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused(Code.SYSTEM_CERTIFICATE, "Client-Cert is not base64", rules=()) from error


def _within(address: Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _caller_address(transport: Transport) -> Address | None:
    """Where the caller is; behind the proxy, the address the proxy itself added last."""
    if transport.listener is not Listener.PROXY:
        return _address(transport.peer)
    values = [value for key, value in transport.headers.items() if key.lower() == _FORWARDED_FOR]
    return _address(values[-1].rpartition(",")[2]) if values else None


def prove_system(
    transport: Transport, registry: Registry, now: datetime, proxy: ProxyRules | None = None
) -> ProvedSystem:
    """The calling system behind a request.

    Raises AccessDenied: SYSTEM_UNKNOWN, SYSTEM_CERTIFICATE (none, expired, revoked), SYSTEM_FORWARDED (a forwarded certificate
    where none is taken). SystemSuspended.
    """
    if transport.listener is Listener.PROXY:
        system = _certified(_forwarded_certificate(transport, proxy or ProxyRules()), transport, registry, now)
    else:
        _refuse_forwarded(transport)
        sandbox = transport.listener is Listener.SANDBOX
        system = (
            _named(transport, registry) if sandbox else _certified(transport.peer_certificate, transport, registry, now)
        )
    if system.state is SystemState.SUSPENDED:
        raise SystemSuspended(system)
    return located(transport, system)


def locate_browser(transport: Transport, system: System, proxy: ProxyRules | None = None) -> ProvedSystem:
    """Where a browser is that uses one of this gateway's own pages, which need no certificate: their users sign in.

    Raises AccessDenied: SYSTEM_FORWARDED (a forwarded certificate, or the proxy listener called by another than the proxy).
    """
    if transport.listener is Listener.PROXY:
        _forwarded_certificate(transport, proxy or ProxyRules())
    else:
        _refuse_forwarded(transport)
    return located(transport, system)


def located(transport: Transport, system: System) -> ProvedSystem:
    """A system that is proved, with the network its caller is in."""
    address = _caller_address(transport)
    network = next((net for net in system.networks if address is not None and _within(address, (net,))), None)
    return ProvedSystem(
        system=system,
        how=transport.listener,
        network="outside" if network is None else str(network),
        network_allowed=network is not None,
        address=None if address is None else str(address),
    )
