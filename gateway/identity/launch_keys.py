"""The key that encrypted launches are sealed to: read from a PEM file, its public half published. Never leaves this process."""

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import ECKey

from gateway.domain.errors import InvalidValue


class LaunchKey:
    """A P-256 key with its id."""

    def __init__(self, key: ECKey) -> None:
        self.key = key
        self.kid = f"launch-{key.thumbprint()[:16]}"

    def __repr__(self) -> str:
        return f"LaunchKey({self.kid})"

    def public(self) -> dict[str, Any]:
        """The key set hosts encrypt to (RFC 7517)."""
        row = {**self.key.as_dict(private=False), "kid": self.kid, "use": "enc", "alg": "ECDH-ES"}
        return {"keys": [row]}


def load_launch_key(path: Path) -> LaunchKey:
    """From a PEM file. Raises InvalidValue: not there, not for its owner alone, not a P-256 private key."""
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
        found = load_pem_private_key(pem, password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidValue(f"{path.name} is not a readable PEM private key") from error
    if mode & 0o077:
        raise InvalidValue(f"{path.name} may be read by others: its mode must be 0600")
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
        raise InvalidValue(f"{path.name} is not a P-256 key")
    return LaunchKey(ECKey.import_key(pem))


def write_launch_key(path: Path) -> None:
    """Makes a new key file, for its owner alone; one that is already there stays."""
    if path.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
