"""ID tokens of the stub: the claims of a signed-in user, and tokens that are wrong in exactly one named way.

The wrong ones exist for tests and for the launch lab; only the sandbox shortcut hands them out, never the sign-in flow.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vendor_stubs.cast import User
from vendor_stubs.identity.keys import KeyRing, SigningKey, new_key

LIFE = timedelta(hours=1)
ACR = {"AAL1": "AAL1_USERPASS", "AAL2": "AAL2", "AAL3": "AAL3"}
AMR = {"AAL1": ["pwd"], "AAL2": ["authenticator"], "AAL3": ["smartcard"]}

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One completed sign-in: who, when, with which role, in which browser session."""

    user: User
    auth_time: datetime
    sid: str
    roleid: str | None
    """The chosen role's person_roleid; None where the user has several and chose none, or has none."""


def only_role(user: User) -> str | None:
    """The role of a user who has exactly one."""
    return user.roles[0].roleid if len(user.roles) == 1 else None


def id_token_claims(
    sign_in: SignIn,
    *,
    issuer: str,
    client_id: str,
    token_id: str,
    now: datetime,
    access_token: str,
    lifetime: timedelta = LIFE,
    nonce: str | None = None,
    acr: str | None = None,
) -> Claims:
    """Claims of an ID token (OIDC Core section 2, with the CIS2 additions). `acr` overrides the user's own."""
    user, issued = sign_in.user, int(now.timestamp())
    level = user.assurance.removeprefix("AAL")
    claims: Claims = {
        "iss": issuer,
        "sub": user.uid,
        "aud": client_id,
        "azp": client_id,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "auth_time": int(sign_in.auth_time.timestamp()),
        "acr": acr or ACR[user.assurance],
        "amr": AMR[user.assurance],
        "sid": sign_in.sid,
        "jti": token_id,
        "realm": "/oidc",
        "subname": user.uid,
        "name": user.name,
        "authentication_assurance_level": level,
        "id_assurance_level": "3",
        "at_hash": _base64url(hashlib.sha256(access_token.encode()).digest()[:16]),
    }
    if sign_in.roleid is not None:
        claims["selected_roleid"] = sign_in.roleid
    if nonce is not None:
        claims["nonce"] = nonce
    return claims


def encode(claims: Claims) -> bytes:
    """Claims as compact JSON."""
    return json.dumps(claims, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _hand_made(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    """A compact JWS no honest library would write."""
    signed = f"{_base64url(encode(header))}.{_base64url(encode(claims))}"
    return f"{signed}.{_base64url(sign(signed.encode()))}"


# Faults of the claims: each takes the good claims and an id of somebody else's role, and returns the wrong claims.
_HOUR = 3600
_CLAIM_FAULTS: dict[str, Callable[[Claims, str], Claims]] = {
    "expired": lambda c, _: {**c, **{name: c[name] - 2 * _HOUR for name in ("iat", "nbf", "exp", "auth_time")}},
    "not-yet-valid": lambda c, _: {**c, "nbf": c["nbf"] + 600},
    "wrong-audience": lambda c, _: {**c, "aud": "another-system", "azp": "another-system"},
    "wrong-issuer": lambda c, _: {**c, "iss": "https://identity.example"},
    "old-auth-time": lambda c, _: {**c, "auth_time": c["iat"] - 13 * _HOUR},
    "long-life": lambda c, _: {**c, "exp": c["iat"] + 2 * _HOUR},
    "no-acr": lambda c, _: {name: value for name, value in c.items() if name != "acr"},
    "no-exp": lambda c, _: {name: value for name, value in c.items() if name != "exp"},
    "string-exp": lambda c, _: {**c, "exp": str(c["exp"])},
    "other-role": lambda c, other: {**c, "selected_roleid": other},
    "no-role": lambda c, _: {name: value for name, value in c.items() if name != "selected_roleid"},
}


def _wrong_typ(claims: Claims, key: SigningKey) -> str:
    return key.sign(encode(claims), {"typ": "scr-launch+jwt"})


def _alg_none(claims: Claims, _key: SigningKey) -> str:
    return _hand_made({"alg": "none", "typ": "JWT"}, claims, lambda _: b"")


def _hs256_public_key(claims: Claims, key: SigningKey) -> str:
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    return _hand_made(header, claims, lambda signed: hmac.digest(key.public_pem(), signed, "sha256"))


def _unknown_kid(claims: Claims, key: SigningKey) -> str:
    return key.sign(encode(claims), {"kid": "stub-withdrawn-long-ago"})


def _wrong_key(claims: Claims, key: SigningKey) -> str:
    """A stranger's key under a published key's name."""
    return new_key(key.alg).sign(encode(claims), {"kid": key.kid})


_HEADER_FAULTS: dict[str, Callable[[Claims, SigningKey], str]] = {
    "wrong-typ": _wrong_typ,
    "alg-none": _alg_none,
    "hs256-public-key": _hs256_public_key,
    "unknown-kid": _unknown_kid,
    "wrong-key": _wrong_key,
}
TOKEN_FAULTS = (*_CLAIM_FAULTS, *_HEADER_FAULTS)


def mint(claims: Claims, ring: KeyRing, alg: str, fault: str | None = None, other_role: str = "") -> str:
    """A signed ID token; with `fault` (one of TOKEN_FAULTS) wrong in that one way. Raises KeyError for an unknown fault."""
    key = ring.current(alg)
    if fault in _HEADER_FAULTS:
        return _HEADER_FAULTS[fault](claims, key)
    said = claims if fault is None else _CLAIM_FAULTS[fault](claims, other_role)
    return key.sign(encode(said))
