"""Certificates exchanged while the gateway listens: what a start would refuse does not take the place of what is in force."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
import trustme
from structlog.testing import LogCapture

from gateway.config import TlsListener
from gateway.identity.certificates import DEVELOPMENT
from gateway.listeners import Renewed
from gateway.pem_files import unfit

NOW = datetime.now(UTC)
HOST = "scr.site.example"


def put(folder: Path, authority: trustme.CA, expires: datetime | None = None) -> None:
    """A server's certificate and key."""
    issued = authority.issue_cert(HOST, not_after=expires)
    (folder / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "server.key").write_bytes(issued.private_key_pem.bytes())


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """Who issued everything; its certificate is ca.pem, and `client.pem` a caller's certificate with its key."""
    made = trustme.CA(organization_name="An authority")
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    made.issue_cert("caller.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    put(tmp_path, made)
    return made


def renewed(folder: Path, *, live: bool = True) -> Renewed:
    """A server context over the files of a folder."""
    listener = TlsListener(
        host="127.0.0.1",
        port=0,
        certificate=folder / "server.pem",
        key=folder / "server.key",
        client_ca=folder / "ca.pem",
    )
    return Renewed(
        listener, lambda: unfit(listener.certificate, listener.key, listener.client_ca, datetime.now(UTC), live=live)
    )


async def serial(context: ssl.SSLContext, folder: Path) -> str:
    """The number of the certificate that a caller is shown."""
    client = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    client.load_cert_chain(folder / "client.pem")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=HOST)
        shown = writer.get_extra_info("peercert")
        writer.close()
    return str(shown["serialNumber"])


def _expired(folder: Path, authority: trustme.CA) -> None:
    put(folder, authority, NOW - timedelta(days=1))


def _other_key(folder: Path, authority: trustme.CA) -> None:
    (folder / "server.key").write_bytes(authority.issue_cert(HOST).private_key_pem.bytes())


def _half(folder: Path, _: trustme.CA) -> None:
    (folder / "server.pem").write_bytes((folder / "server.pem").read_bytes()[:300])


def _gone(folder: Path, _: trustme.CA) -> None:
    (folder / "server.pem").unlink()


def _development(folder: Path, _: trustme.CA) -> None:
    put(folder, trustme.CA(organization_name=DEVELOPMENT))


def _no_authority(folder: Path, _: trustme.CA) -> None:
    (folder / "ca.pem").write_text("nobody", encoding="utf-8")


FAULTS: dict[str, tuple[Callable[[Path, trustme.CA], None], str]] = {
    "expired": (_expired, "server.pem has expired: its last day was"),
    "another's key": (_other_key, "server.key is not the key of the certificate in server.pem"),
    "half a file": (_half, "server.pem holds no certificate that can be read"),
    "no file": (_gone, "server.pem"),
    "made by dev-certs": (_development, "server.pem was made by `dev-certs`"),
    "no authority": (_no_authority, "ca.pem holds no certificate that can be read"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_faulty_files_leave_the_certificate_in_force(
    tmp_path: Path, authority: trustme.CA, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, said = FAULTS[fault]
    logged = LogCapture()
    monkeypatch.setattr("gateway.listeners.LOG", structlog.wrap_logger(None, processors=[logged]))
    trusted = (tmp_path / "ca.pem").read_bytes()
    server = renewed(tmp_path)
    before = await serial(server.context, tmp_path)
    spoil(tmp_path, authority)
    assert not server.renew()
    [told] = logged.entries
    assert (told["event"], told["alarm"], told["listener"]) == ("alarm", "certificate-not-reloaded", "mutual-tls")
    assert said in told["reason"]
    (tmp_path / "ca.pem").write_bytes(trusted)
    assert await serial(server.context, tmp_path) == before


async def test_sound_files_are_shown_from_the_next_handshake_on(tmp_path: Path, authority: trustme.CA) -> None:
    server = renewed(tmp_path)
    before = await serial(server.context, tmp_path)
    put(tmp_path, authority)
    assert server.renew()
    assert await serial(server.context, tmp_path) != before


def test_certificates_of_development_are_taken_where_it_is_not_live(tmp_path: Path, authority: trustme.CA) -> None:
    server = renewed(tmp_path, live=False)
    _development(tmp_path, authority)
    assert server.renew()
