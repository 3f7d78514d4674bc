"""The stub's signing keys: ES256 and RS256 for tokens, one RSA key with its certificate for SAML assertions.

Every key says in its name that it belongs to a stub, so that no live gateway takes it for a real one. Never publishes a private part.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ("ES256", "RS256")
STUB_KID = "stub-"
"""What every key id of this stub begins with."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its id and the one algorithm it signs with."""

    kid: str
    alg: str
    key: ECKey | RSAKey = field(repr=False)

    def public(self) -> dict[str, Any]:
        """The public JWK as published."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def public_pem(self) -> bytes:
        """The public half as PEM: what an attacker would key an HMAC with."""
        return self.key.as_pem(private=False)

    def sign(self, claims: bytes, header: dict[str, Any] | None = None) -> str:
        """Compact JWS over `claims`; `header` replaces single fields of the usual header."""
        protected = {"alg": self.alg, "kid": self.kid, "typ": "JWT", **(header or {})}
        return jws.serialize_compact(protected, claims, self.key, algorithms=[self.alg])


def new_key(alg: str) -> SigningKey:
    """A fresh key for `ES256` or `RS256`, named after its RFC 7638 thumbprint."""
    key: ECKey | RSAKey = ECKey.generate_key("P-256") if alg == "ES256" else RSAKey.generate_key(2048)
    return SigningKey(f"{STUB_KID}{alg.lower()}-{key.thumbprint()[:12]}", alg, key)


class KeyRing:
    """The keys in use and those still published. Rotation keeps the old ones published until they are withdrawn."""

    def __init__(self) -> None:
        self._current = {alg: new_key(alg) for alg in ALGORITHMS}
        self._published = list(self._current.values())

    def current(self, alg: str) -> SigningKey:
        """The key that signs new tokens. Raises KeyError for another algorithm."""
        return self._current[alg]

    def kids(self) -> list[str]:
        """Key ids published now, newest last."""
        return [key.kid for key in self._published]

    def jwks(self) -> dict[str, Any]:
        """The published key set (RFC 7517)."""
        return {"keys": [key.public() for key in self._published]}

    def rotate(self) -> None:
        """New keys sign from now on; the old ones stay published."""
        self._current = {alg: new_key(alg) for alg in ALGORITHMS}
        self._published.extend(self._current.values())

    def withdraw(self, kid: str) -> bool:
        """Stop publishing a key; one in use is replaced first. False where no such key is published."""
        found = next((key for key in self._published if key.kid == kid), None)
        if found is None:
            return False
        self._published.remove(found)
        if self._current[found.alg] is found:
            self._current[found.alg] = new_key(found.alg)
            self._published.append(self._current[found.alg])
        return True


@dataclass(frozen=True, slots=True)
class SamlKey:
    """The RSA key that signs assertions and its self-signed certificate."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    def certificate_base64(self) -> str:
        """The certificate as SAML metadata carries it: base64 without PEM lines."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def new_saml_key() -> SamlKey:
    """A fresh key; its certificate's life is fixed and long, so that nothing here ends with the calendar."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "STUB identity service, not for live use")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2999, 12, 31, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return SamlKey(key, certificate)
