"""The host side of one-click launches in the sandbox: keys, launch tokens, and what the registry must know of them.

SANDBOX KEYS: each is derived from its system's name, so anybody can make them. Their ids begin with stub-, and production
refuses to start with any of them. Never use one outside a sandbox.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe, jws
from joserfc.jwk import ECKey

from vendor_stubs import cast
from vendor_stubs.calling import preparation
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.cast import System

TYPE = "scr-launch+jwt"
ONE_CLICK = "one_click"
LIFE = 60
_SEED = "SANDBOX ONLY: not a secret. SCR gateway launch key of "
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A host's sandbox key (P-256, ES256)."""

    kid: str
    key: ECKey = field(repr=False)

    def public(self) -> dict[str, Any]:
        """The public JWK."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": "ES256", "use": "sig"}

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """Compact JWS over the claims; `header` replaces single members of the usual header."""
        protected = {"alg": "ES256", "kid": self.kid, "typ": TYPE, **(header or {})}
        return jws.serialize_compact(protected, json.dumps(claims).encode(), self.key, algorithms=["ES256"])


def sign_text(key: HostKey, text: str) -> str:
    """Compact JWS over a payload as it is."""
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid, "typ": TYPE}, text, key.key, algorithms=["ES256"])


def unsigned(claims: Mapping[str, Any], kind: str = TYPE) -> str:
    """A token that says it needs no signature (alg none)."""
    parts = (json.dumps({"alg": "none", "typ": kind}), json.dumps(claims))
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts) + "."


@cache
def host_key(system_id: str) -> HostKey:
    """The sandbox key of a system: the same in every process, and no secret at all."""
    number = int.from_bytes(hashlib.sha256((_SEED + system_id).encode()).digest()) % (_ORDER - 1) + 1
    private = ec.derive_private_key(number, ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return HostKey(kid=f"stub-launch-{system_id}", key=ECKey.import_key(pem))


def smart_issuer(desk: str, system: System) -> str:
    """The FHIR base address a SMART host launches from; the desk plays it."""
    return f"{desk}/fhir/{system.id}"


def registry_toml(desk: str) -> str:
    """[launch.<system>] tables for every one-click system of the cast."""
    lines = [
        "# Sandbox launch keys: derived from names, no secrets. Production refuses them (their ids begin with stub-)."
    ]
    for system in cast.systems():
        if system.kind != ONE_CLICK:
            continue
        key = ", ".join(f"{name} = {json.dumps(value)}" for name, value in host_key(system.id).public().items())
        lines += ["", f"[launch.{system.id}]", f"jwks = {{ keys = [{{ {key} }}] }}"]
        if system.product == "lorenzo":
            lines.append(f"smart_issuer = {json.dumps(smart_issuer(desk, system))}")
    return "\n".join(lines) + "\n"


def launch_claims(
    request: ViewRequest, system: System, *, audience: str, now: datetime, token_id: str
) -> dict[str, Any]:
    """What a host says when its user asks for a record."""
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": system.id,
        "aud": audience,
        "sub": request.uid,
        "org": system.organisation,
        "nhs_number": request.nhs_number,
        "iat": issued,
        "nbf": issued,
        "exp": issued + LIFE,
        "jti": token_id,
    }
    role = preparation.role_of(request.uid, request.role)
    if role is not None:
        claims["role"] = role
    if request.purpose is not None:
        claims["purpose"] = request.purpose
    if request.date_of_birth is not None:
        claims["birthdate"] = request.date_of_birth.isoformat()
    return claims


def launch_token(request: ViewRequest, calls: Calls) -> str:
    """A good launch token of the calling system."""
    system = calls.system
    audience = f"{calls.gateway}/launch/{system.product}"
    claims = launch_claims(request, system, audience=audience, now=calls.now(), token_id=calls.new_id())
    return host_key(system.id).sign(claims)


async def gateway_key(calls: Calls) -> dict[str, Any]:
    """The public key the gateway wants encrypted launches sealed to. Raises NoAnswer."""
    answer = await calls.wire.send("GET", f"{calls.gateway}/launch/jwks", headers={"Accept": "application/json"})
    keys = preparation.json_object(answer).get("keys")
    if not isinstance(keys, list) or not keys or not isinstance(keys[0], dict):
        raise NoAnswer("the gateway publishes no key for encrypted launches")
    return keys[0]


def sealed(token: str, key: Mapping[str, Any]) -> str:
    """A signed token within an encrypted one (ECDH-ES, A256GCM)."""
    public = ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": TYPE, "kid": key["kid"]}
    return jwe.encrypt_compact(header, token.encode(), public, algorithms=["ECDH-ES", "A256GCM"])
