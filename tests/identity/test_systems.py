"""The calling system: each listener takes its own proof and no other; networks are judged by the true address (P-12, P-84)."""

import base64
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from multidict import CIMultiDict
from trustme import CA

from gateway.domain.codes import Code
from gateway.identity.registry import Registry
from gateway.identity.registry_check import load
from gateway.identity.systems import Listener, ProvedSystem, ProxyRules, Transport, prove_system
from tests.identity.proving import NOW, refusal
from vendor_stubs import cast

CERTIFICATES = CA()
PROXY = ProxyRules(addresses=(ip_network("10.9.9.9/32"),))


def issue(name: str, **life: Any) -> bytes:
    pem = CERTIFICATES.issue_cert(common_name=name, **life).cert_chain_pems[0].bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


PORTAL, OTHER, REVOKED, EXPIRED = (
    issue("portal"),
    issue("other"),
    issue("revoked"),
    issue("old", not_after=NOW.replace(year=2025)),
)


def fingerprint(der: bytes) -> str:
    import hashlib

    return "sha256:" + hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(
        cast.registry_toml().replace(
            "\n[[organisation]]", f'\nrevoked = ["{fingerprint(REVOKED)}"]\n\n[[organisation]]', 1
        )
        + f'\n[certificates]\nportal-rzz09 = ["{fingerprint(PORTAL)}", "{fingerprint(REVOKED)}", "{fingerprint(EXPIRED)}"]\n'
        + f'portal-rzz09-suspended = ["{fingerprint(issue("suspended"))}"]\n'
    )


def prove(
    registry: Registry, listener: Listener, *, certificate: bytes | None = None, peer: str = "127.0.0.1", **headers: str
) -> ProvedSystem:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return prove_system(
        Transport(listener=listener, peer=peer, peer_certificate=certificate, headers=named), registry, NOW, PROXY
    )


def forwarded(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


def test_the_sandbox_takes_the_name(registry: Registry) -> None:
    proved = prove(registry, Listener.SANDBOX, X_SCR_System="portal-rzz09")
    assert proved.system.id.value == "portal-rzz09"
    assert (proved.network, proved.network_allowed, proved.how) == ("127.0.0.0/8", True, Listener.SANDBOX)


def test_mutual_tls_takes_the_certificate(registry: Registry) -> None:
    assert prove(registry, Listener.MUTUAL_TLS, certificate=PORTAL).system.id.value == "portal-rzz09"
    assert (
        prove(registry, Listener.MUTUAL_TLS, certificate=PORTAL, X_SCR_System="portal-rzz09").system.id.value
        == "portal-rzz09"
    )


def test_the_proxy_forwards_certificate_and_address(registry: Registry) -> None:
    proved = prove(
        registry, Listener.PROXY, peer="10.9.9.9", Client_Cert=forwarded(PORTAL), X_Forwarded_For="127.0.0.1"
    )
    assert (proved.system.id.value, proved.network_allowed) == ("portal-rzz09", True)


@pytest.mark.parametrize(
    ("listener", "given", "code"),
    [
        (Listener.SANDBOX, {}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"X_SCR_System": "nobody"}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"X_SCR_System": ""}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"X_SCR_System": "portal-rzz09, scra"}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"X_SCR_System": "PORTAL-RZZ09"}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"certificate": PORTAL}, Code.SYSTEM_UNKNOWN),
        (Listener.SANDBOX, {"X_SCR_System": "portal-rzz09-suspended"}, Code.SYSTEM_SUSPENDED),
        (Listener.SANDBOX, {"X_SCR_System": "portal-rzz09", "Client_Cert": forwarded(PORTAL)}, Code.SYSTEM_FORWARDED),
        (Listener.SANDBOX, {"X_SCR_System": "portal-rzz09", "Client_Cert": ""}, Code.SYSTEM_FORWARDED),
        (Listener.SANDBOX, {"X_SCR_System": "portal-rzz09", "X_Forwarded_Client_Cert": "x"}, Code.SYSTEM_FORWARDED),
        (Listener.MUTUAL_TLS, {}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"X_SCR_System": "portal-rzz09"}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"certificate": OTHER}, Code.SYSTEM_UNKNOWN),
        (Listener.MUTUAL_TLS, {"certificate": OTHER, "X_SCR_System": "portal-rzz09"}, Code.SYSTEM_UNKNOWN),
        (Listener.MUTUAL_TLS, {"certificate": PORTAL, "X_SCR_System": "scra"}, Code.SYSTEM_UNKNOWN),
        (Listener.MUTUAL_TLS, {"certificate": REVOKED}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"certificate": EXPIRED}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"certificate": b""}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"certificate": PORTAL[:-1]}, Code.SYSTEM_CERTIFICATE),
        (Listener.MUTUAL_TLS, {"certificate": PORTAL, "client_CERT": forwarded(PORTAL)}, Code.SYSTEM_FORWARDED),
        (Listener.PROXY, {"Client_Cert": forwarded(PORTAL)}, Code.SYSTEM_FORWARDED),
        (Listener.PROXY, {"peer": "10.9.9.8", "Client_Cert": forwarded(PORTAL)}, Code.SYSTEM_FORWARDED),
        (Listener.PROXY, {"peer": "not-an-address", "Client_Cert": forwarded(PORTAL)}, Code.SYSTEM_FORWARDED),
        (Listener.PROXY, {"peer": "10.9.9.9"}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "X_SCR_System": "portal-rzz09"}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "certificate": PORTAL}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": forwarded(PORTAL).strip(":")}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": ":%%%:"}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": "::"}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": f":{'A' * 30_000}:"}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": forwarded(REVOKED)}, Code.SYSTEM_CERTIFICATE),
        (Listener.PROXY, {"peer": "10.9.9.9", "Client_Cert": forwarded(OTHER)}, Code.SYSTEM_UNKNOWN),
    ],
)
def test_no_other_proof_is_taken(registry: Registry, listener: Listener, given: dict[str, Any], code: Code) -> None:
    assert refusal(lambda: prove(registry, listener, **given))[0] is code


def test_without_a_configured_proxy_the_proxy_listener_proves_nobody(registry: Registry) -> None:
    transport = Transport(listener=Listener.PROXY, peer="10.9.9.9", headers={"Client-Cert": forwarded(PORTAL)})
    assert refusal(lambda: prove_system(transport, registry, NOW))[0] is Code.SYSTEM_FORWARDED


@pytest.mark.parametrize("doubled", [["portal-rzz09", "scra"], ["portal-rzz09", "portal-rzz09"]])
def test_a_doubled_header_is_refused(registry: Registry, doubled: list[str]) -> None:
    headers = CIMultiDict([("X-SCR-System", name) for name in doubled])
    request: web.Request = make_mocked_request("POST", "/itk", headers=headers)
    transport = Transport(listener=Listener.SANDBOX, peer="127.0.0.1", headers=request.headers)
    assert refusal(lambda: prove_system(transport, registry, NOW)) == (
        Code.SYSTEM_UNKNOWN,
        "x-scr-system is given twice",
    )


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("::1", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_the_network_is_where_the_connection_comes_from(registry: Registry, peer: str, allowed: bool) -> None:
    """P-12: told, not refused here; policy refuses and the audit knows why."""
    proved = prove(registry, Listener.SANDBOX, peer=peer, X_SCR_System="portal-rzz09", X_Forwarded_For="127.0.0.1")
    assert proved.network_allowed is allowed
    assert proved.network == ("127.0.0.0/8" if allowed else "outside")


@pytest.mark.parametrize(
    ("forwarded_for", "allowed"),
    [
        ("127.0.0.1", True),
        ("8.8.8.8, 127.0.0.1", True),
        ("127.0.0.1, 8.8.8.8", False),
        ("", False),
        ("unknown", False),
        ("127.0.0.1,", False),
    ],
)
def test_behind_the_proxy_only_the_address_it_added_counts(
    registry: Registry, forwarded_for: str, allowed: bool
) -> None:
    given = {"Client_Cert": forwarded(PORTAL), "X_Forwarded_For": forwarded_for}
    assert prove(registry, Listener.PROXY, peer="10.9.9.9", **given).network_allowed is allowed
    del given["X_Forwarded_For"]
    assert not prove(registry, Listener.PROXY, peer="10.9.9.9", **given).network_allowed


def test_a_system_outside_its_network_is_told_so(registry: Registry) -> None:
    proved = prove(registry, Listener.SANDBOX, X_SCR_System="portal-rzz09-offnet")
    assert (proved.network, proved.network_allowed) == ("outside", False)


def test_a_system_without_networks_is_nowhere_allowed(registry: Registry) -> None:
    bare = replace(registry, systems=tuple(replace(row, networks=()) for row in registry.systems))
    assert not prove(bare, Listener.SANDBOX, X_SCR_System="portal-rzz09").network_allowed


def test_neither_certificate_nor_headers_show_in_the_repr() -> None:
    transport = Transport(
        listener=Listener.MUTUAL_TLS, peer="127.0.0.1", peer_certificate=b"CANARY", headers={"Authorization": "CANARY"}
    )
    assert "CANARY" not in repr(transport)
