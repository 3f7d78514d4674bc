"""Client certificates: what one says, whether it still counts, and the development set for trying mutual TLS on one machine.

A certificate is known by its SHA-256 fingerprint, as registered; its names prove nothing here. The chain is the listener's or the
proxy's to check; life and revocation are looked at again with every request, since connections outlive certificates.
"""

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import SystemId
from gateway.identity.refusals import refused

_LARGEST = 16 * 1024
DEVELOPMENT = "SCR gateway development certificates, not for live use"
"""Organisation name in every certificate of `write_development_certificates`."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """One certificate, reduced to what decides."""

    fingerprint: str
    """SHA-256 over the DER bytes, lower-case hex."""
    not_before: datetime
    not_after: datetime


@lru_cache(maxsize=512)
def read_certificate(der: bytes) -> ClientCertificate:
    """DER bytes -> the certificate's fingerprint and life. Raises InvalidValue."""
    if len(der) > _LARGEST:
        raise InvalidValue("the certificate is larger than 16 KiB")
    try:
        certificate = x509.load_der_x509_certificate(der)
        not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise InvalidValue("the certificate cannot be read") from error
    return ClientCertificate(hashlib.sha256(der).hexdigest(), not_before, not_after)


def check_certificate(der: bytes, revoked: Collection[str], now: datetime) -> str:
    """The fingerprint of a certificate that is in its life and not revoked. Raises AccessDenied (SYSTEM_CERTIFICATE)."""
    try:
        certificate = read_certificate(der)
    except InvalidValue as error:
        raise refused(Code.SYSTEM_CERTIFICATE, str(error), rules=()) from error
    if certificate.fingerprint in revoked:
        raise refused(Code.SYSTEM_CERTIFICATE, "the certificate is revoked", rules=())
    if not certificate.not_before <= now <= certificate.not_after:
        raise refused(Code.SYSTEM_CERTIFICATE, "the certificate has expired or is not yet valid", rules=())
    return certificate.fingerprint


def write_development_certificates(
    directory: Path, systems: Iterable[SystemId], hosts: Iterable[str] = ("127.0.0.1", "::1", "localhost")
) -> None:
    """Make a certificate authority, a server certificate and one client certificate a system, as PEM files in `directory`.

    ca.pem; server.pem and server.key; clients/<system id>.pem and .key; certificates.toml, the registry's [certificates] table,
    to be put at the end of the registry. Keys are readable by their owner only. The authority's own key is not kept.
    Raises InvalidValue where the directory already holds a set: nothing is overwritten.
    """
    if (directory / "ca.pem").exists():
        raise InvalidValue("the directory already holds certificates")
    clients = directory / "clients"
    clients.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name=DEVELOPMENT)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    server = authority.issue_cert(*hosts, organization_name=DEVELOPMENT)
    _write_pair(server, directory / "server.pem", directory / "server.key")
    lines = ["# Client certificates of a development set: append to the registry.", "[certificates]"]
    for system in systems:
        client = authority.issue_cert(common_name=system.value, organization_name=DEVELOPMENT)
        _write_pair(client, clients / f"{system.value}.pem", clients / f"{system.value}.key")
        der = x509.load_pem_x509_certificate(client.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
        lines.append(f'{system.value} = ["sha256:{hashlib.sha256(der).hexdigest()}"]')
    (directory / "certificates.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_pair(issued: trustme.LeafCert, certificate: Path, key: Path) -> None:
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(issued.private_key_pem.bytes())
