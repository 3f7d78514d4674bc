"""Certificates and private keys in PEM files, judged before anything uses them: what is wrong, in an operator's words.

Must never quote what stands in a file, nor ask anybody for a passphrase.
"""

import ssl
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from gateway.identity.certificates import DEVELOPMENT
from gateway.text_files import TextUnreadable, read_bytes


class PemUnusable(ValueError):
    """The file is not what it should be; the text says why, and names the file."""


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM file, in its order, at least one. Raises PemUnusable."""
    try:
        return tuple(x509.load_pem_x509_certificates(_data(path)))
    except ValueError as error:
        if isinstance(error, PemUnusable):
            raise
        raise PemUnusable(f"{path.name} holds no certificate that can be read (PEM)") from error


def _data(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except TextUnreadable as error:
        raise PemUnusable(f"{path.name}: {error}") from error


def _public(data: bytes, path: Path) -> bytes:
    """The public half of a private key, to be compared. Raises PemUnusable."""
    try:
        key = load_pem_private_key(data, password=None).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError as error:
        raise PemUnusable(f"{path.name} is locked by a passphrase, which nobody types at a start") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PemUnusable(f"{path.name} holds no private key that can be read (PEM)") from error


def _life(path: Path, certificate: x509.Certificate, now: datetime) -> str | None:
    """What is wrong with a certificate's days."""
    if now > certificate.not_valid_after_utc:
        return f"{path.name} has expired: its last day was {certificate.not_valid_after_utc:%d %B %Y}"
    if now < certificate.not_valid_before_utc:
        return f"{path.name} is not valid yet: its first day is {certificate.not_valid_before_utc:%d %B %Y}"
    return None


def pair_faults(
    certificate_setting: str, certificate: Path, key_setting: str, key: Path, now: datetime
) -> Iterator[tuple[str, str]]:
    """(setting, what is wrong) of a certificate with its chain and its private key; nothing where TLS can show it."""
    leaf = public = None
    try:
        leaf = read_certificates(certificate)[0]
    except PemUnusable as error:
        yield certificate_setting, str(error)
    try:
        public = _public(_data(key), key)
    except PemUnusable as error:
        yield key_setting, str(error)
    if leaf is not None and (wrong := _life(certificate, leaf, now)) is not None:
        yield certificate_setting, wrong
    if leaf is None or public is None:
        return
    if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public:
        yield key_setting, f"{key.name} is not the key of the certificate in {certificate.name}"
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        yield certificate_setting, f"{certificate.name} with {key.name} is not taken for TLS ({_reason(error)})"


def authority_faults(setting: str, path: Path, now: datetime) -> Iterator[tuple[str, str]]:
    """(setting, what is wrong) of a file of authorities; nothing where it can be trusted by."""
    try:
        found = read_certificates(path)
    except PemUnusable as error:
        yield setting, str(error)
        return
    lives = [_life(path, certificate, now) for certificate in found]
    if all(lives):
        yield setting, str(lives[0])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError) as error:
        yield setting, f"{path.name} is not taken for TLS ({_reason(error)})"


def _reason(error: Exception) -> str:
    """OpenSSL's own word for it: of its fixed list, never of the file."""
    word = getattr(error, "reason", None)
    return word.replace("_", " ").lower() if isinstance(word, str) else type(error).__name__


def of_development(certificates: Iterable[x509.Certificate]) -> bool:
    """Whether one of them is of `dev-certs`, or was issued by its authority."""
    names = (name for one in certificates for name in (one.subject, one.issuer))
    return any(
        attribute.value == DEVELOPMENT
        for name in names
        for attribute in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    )


def unfit(certificate: Path, key: Path, authority: Path | None, now: datetime, *, live: bool) -> tuple[str, ...]:
    """What keeps files from taking the place of those in force, as at a start. `live`: those of `dev-certs` do not either."""
    wrong = [what for _, what in pair_faults("", certificate, "", key, now)]
    if authority is not None:
        wrong += [what for _, what in authority_faults("", authority, now)]
    if live and not wrong:
        files = (certificate,) if authority is None else (certificate, authority)
        wrong += [f"{one.name} was made by `dev-certs`" for one in files if of_development(read_certificates(one))]
    return tuple(wrong)


def open_to_others(path: Path) -> bool:
    """Whether others than its owner and group may read a file. False where it cannot be told."""
    try:
        return bool(path.stat().st_mode & 0o007)
    except OSError:
        return False
