"""The store's own keys, as files only their owner reads. Never puts a key into a repr, a log or the database.

`audit-mac.key` (the chain), `audit-sign.key` (checkpoints, Ed25519) and `pseudonym.key` (patients in logs). The sandbox
makes them; production must find them. Whoever verifies needs `audit-mac.key` and `audit-sign.pub` alone. To change a
key, move the old file to `NAME.<anything>.old`: it is still used to verify, never to write.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_MAC, _SIGN, _PSEUDONYM = "audit-mac.key", "audit-sign.key", "pseudonym.key"
_PUBLIC = "audit-sign.pub"
_LENGTH = 32


class KeysUnusable(Exception):
    """A key file is missing, readable by others, or not a key. The text names the file, never its content."""


def key_id(material: bytes) -> str:
    """Short public name of a key."""
    return hashlib.sha256(b"scr-key " + material).hexdigest()[:12]


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True, kw_only=True)
class VerifyKeys:
    """What verification needs: chain keys and checkpoint keys by their id."""

    macs: dict[str, bytes] = field(repr=False)
    publics: dict[str, Ed25519PublicKey]


@dataclass(frozen=True, kw_only=True)
class AuditKeys:
    """What writing needs."""

    mac: bytes = field(repr=False)
    sign: Ed25519PrivateKey = field(repr=False)
    pseudonym: bytes = field(repr=False)
    older: VerifyKeys = field(default_factory=lambda: VerifyKeys(macs={}, publics={}))

    @property
    def mac_id(self) -> str:
        """Name of the chain key."""
        return key_id(self.mac)

    @property
    def sign_id(self) -> str:
        """Name of the checkpoint key."""
        return key_id(public_bytes(self.sign.public_key()))

    @property
    def verify(self) -> VerifyKeys:
        """The keys that verify what these and older ones wrote."""
        return VerifyKeys(
            macs={**self.older.macs, self.mac_id: self.mac},
            publics={**self.older.publics, self.sign_id: self.sign.public_key()},
        )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise KeysUnusable(f"{path.name} may be read by others: its mode must be 0600")
        return path.read_bytes()
    except OSError as error:
        raise KeysUnusable(f"{path.name} cannot be read") from error


def _secret(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(_read(path).decode("ascii").strip())
    except ValueError as error:
        raise KeysUnusable(f"{path.name} is not {2 * _LENGTH} hex digits") from error
    if len(secret) != _LENGTH:
        raise KeysUnusable(f"{path.name} is not {2 * _LENGTH} hex digits")
    return secret


def _signing(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeysUnusable(f"{path.name} is not a PEM private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysUnusable(f"{path.name} is not an Ed25519 key")
    return key


def load_keys(folder: Path) -> AuditKeys:
    """The keys in a folder. Raises KeysUnusable."""
    macs = {key_id(secret): secret for secret in map(_secret, sorted(folder.glob(f"{_MAC}.*.old")))}
    olds = [_signing(path).public_key() for path in sorted(folder.glob(f"{_SIGN}.*.old"))]
    return AuditKeys(
        mac=_secret(folder / _MAC),
        sign=_signing(folder / _SIGN),
        pseudonym=_secret(folder / _PSEUDONYM),
        older=VerifyKeys(macs=macs, publics={key_id(public_bytes(key)): key for key in olds}),
    )


def load_verify_keys(folder: Path) -> VerifyKeys:
    """What verification needs, of a folder that may lack the signing key: its public half (`audit-sign.pub`) is enough.

    Where there are both, both count. Raises KeysUnusable.
    """
    macs = [_secret(folder / _MAC), *map(_secret, sorted(folder.glob(f"{_MAC}.*.old")))]
    publics = [load_public(path) for path in sorted(folder.glob("audit-sign*.pub"))]
    publics += [_signing(path).public_key() for path in sorted([*folder.glob(_SIGN), *folder.glob(f"{_SIGN}.*.old")])]
    if not publics:
        raise KeysUnusable(f"neither {_PUBLIC} nor {_SIGN} is there")
    return VerifyKeys(
        macs={key_id(secret): secret for secret in macs},
        publics={key_id(public_bytes(key)): key for key in publics},
    )


def audit_keys_made(folder: Path) -> bool:
    """Whether the key of the audit's chain is there: somebody wrote, or was about to write, an audit with it."""
    return (folder / _MAC).exists()


def _put(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Writes a new file whole or not at all; one that is already there wins, so that two processes agree."""
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(waiting, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(waiting, path)
        except FileExistsError:
            return
    finally:
        waiting.unlink()


def load_or_create_keys(folder: Path) -> AuditKeys:
    """The keys in a folder, made first where they are missing (the sandbox). Raises KeysUnusable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (_MAC, _PSEUDONYM):
            if not (folder / name).exists():
                _put(folder / name, secrets.token_bytes(_LENGTH).hex().encode() + b"\n")
        if not (folder / _SIGN).exists():
            made = Ed25519PrivateKey.generate()
            _put(folder / _SIGN, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        keys = load_keys(folder)
        if not (folder / _PUBLIC).exists():
            pem = keys.sign.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            _put(folder / _PUBLIC, pem, 0o644)
    except OSError as error:
        raise KeysUnusable("the key folder cannot be written") from error
    return keys


def load_public(path: Path) -> Ed25519PublicKey:
    """A checkpoint key's public half from PEM. Raises KeysUnusable."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeysUnusable(f"{path.name} is not a PEM public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeysUnusable(f"{path.name} is not an Ed25519 key")
    return key
