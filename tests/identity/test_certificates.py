"""Development certificates in real handshakes, and a certificate's life and revocation at every request."""

import ssl
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue
from gateway.domain.identifiers import SystemId
from gateway.identity.certificates import (
    DEVELOPMENT,
    check_certificate,
    read_certificate,
    write_development_certificates,
)
from gateway.identity.registry_check import load
from gateway.identity.systems import Listener, Transport, prove_system
from tests.identity.proving import refusal
from vendor_stubs import cast

SYSTEMS = tuple(SystemId(system.id) for system in cast.systems()[:3])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    write_development_certificates(directory, SYSTEMS)
    return directory


def der_of(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_every_system_gets_a_pair_and_keys_are_private(made: Path) -> None:
    for name in (*(f"clients/{system.value}" for system in SYSTEMS), "server"):
        assert stat.S_IMODE((made / f"{name}.key").stat().st_mode) == 0o600
        certificate = x509.load_pem_x509_certificate((made / f"{name}.pem").read_bytes())
        assert DEVELOPMENT in certificate.subject.rfc4514_string().replace("\\", "")
    assert not list(made.glob("ca*.key")), "the authority's key is not kept"


def test_nothing_is_overwritten(made: Path) -> None:
    before = (made / "ca.pem").read_bytes()
    with pytest.raises(InvalidValue):
        write_development_certificates(made, SYSTEMS)
    assert (made / "ca.pem").read_bytes() == before


def test_the_registry_takes_the_fingerprints_as_written(made: Path) -> None:
    registry = load(cast.registry_toml() + (made / "certificates.toml").read_text())
    for system in SYSTEMS:
        fingerprint = read_certificate(der_of(made / "clients" / f"{system.value}.pem")).fingerprint
        assert registry.system_by_certificate(fingerprint) is registry.system(system)


@pytest.fixture
async def gateway(made: Path) -> AsyncIterator[str]:
    """A mutual TLS listener that answers with the system it proved, or the code it refused with."""
    registry = load(cast.registry_toml() + (made / "certificates.toml").read_text())

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        secured = request.transport.get_extra_info("ssl_object")
        peer = request.transport.get_extra_info("peername")[0]
        transport = Transport(
            listener=Listener.MUTUAL_TLS, peer=peer, peer_certificate=secured.getpeercert(True), headers=request.headers
        )
        try:
            proved = prove_system(transport, registry, datetime.now(UTC))
        except AccessDenied as error:
            return web.Response(status=403, text=error.code.slug)
        return web.Response(text=proved.system.id.value)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(made / "ca.pem"))
    context.load_cert_chain(made / "server.pem", made / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def ask(url: str, trust: Path, certificate: Path | None = None, key: Path | None = None, **headers: str) -> str:
    context = ssl.create_default_context(cafile=str(trust))
    if certificate:
        context.load_cert_chain(certificate, key)
    async with aiohttp.ClientSession() as session, session.get(url, ssl=context, headers=headers) as answer:
        return await answer.text()


async def test_a_handshake_with_a_registered_certificate_proves_the_system(made: Path, gateway: str) -> None:
    for system in SYSTEMS:
        pair = [made / "clients" / f"{system.value}.{kind}" for kind in ("pem", "key")]
        assert await ask(gateway, made / "ca.pem", *pair) == system.value
    headers = {"X-SCR-System": SYSTEMS[0].value}
    assert await ask(gateway, made / "ca.pem", *pair, **headers) == "system-unknown", (
        "another's name beside one's own certificate"
    )


async def test_a_certificate_of_the_authority_that_nobody_registered_is_refused(made: Path, gateway: str) -> None:
    assert await ask(gateway, made / "ca.pem", made / "server.pem", made / "server.key") == "system-unknown"


async def test_no_certificate_or_a_strangers_gets_no_handshake(made: Path, gateway: str, tmp_path: Path) -> None:
    write_development_certificates(tmp_path, SYSTEMS)
    pair = [tmp_path / "clients" / f"{SYSTEMS[0].value}.{kind}" for kind in ("pem", "key")]
    for given in ([], pair):
        with pytest.raises(aiohttp.ClientError):
            await ask(gateway, made / "ca.pem", *given)


def issued(not_before: datetime, not_after: datetime) -> bytes:
    leaf = trustme.CA().issue_cert(common_name="x", not_before=not_before, not_after=not_after)
    return x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)


def test_life_is_checked_to_the_second_and_revocation_at_once() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    der = issued(start, end)
    fingerprint = check_certificate(der, (), start)
    assert check_certificate(der, (), end) == fingerprint
    for moment in (start - timedelta(seconds=1), end + timedelta(seconds=1)):
        assert refusal(lambda moment=moment: check_certificate(der, (), moment))[0] is Code.SYSTEM_CERTIFICATE
    assert refusal(lambda: check_certificate(der, {fingerprint}, start)) == (
        Code.SYSTEM_CERTIFICATE,
        "the certificate is revoked",
    )


@pytest.mark.parametrize("der", [b"", b"0", b"-----BEGIN CERTIFICATE-----", b"\x30\x82" + b"x" * 20_000])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    with pytest.raises(InvalidValue):
        read_certificate(der)
    assert refusal(lambda: check_certificate(der, (), datetime(2026, 1, 1, tzinfo=UTC)))[0] is Code.SYSTEM_CERTIFICATE
