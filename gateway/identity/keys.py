"""The identity service's published keys as values: which key may check which algorithm. Pure; fetching is in jwks.py.

A key checks exactly one algorithm, the one its type is pinned to, whatever a token says. A set that holds private or doubtful
keys is refused whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gateway.domain.errors import InvalidValue

STUB_KEY = "stub-"
"""What every key id of the sandbox's identity stub begins with."""
_MOST_KEYS = 32
_LEAST_RSA_BITS = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key and the only algorithm it checks."""

    kid: str
    alg: str
    thumbprint: str
    """RFC 7638, so that a key replaced under the same id counts as another key."""
    key: ECKey | RSAKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys published at one moment, by key id."""

    keys: Mapping[str, VerificationKey]
    thumbprints: frozenset[str]

    def __contains__(self, kid: object) -> bool:
        return kid in self.keys

    @property
    def has_stub_keys(self) -> bool:
        """Whether a key says that it belongs to the sandbox's stub."""
        return any(kid.startswith(STUB_KEY) for kid in self.keys)


def read_key_set(document: Any) -> KeySet:
    """JWKS JSON (RFC 7517) -> KeySet. Keys of unknown type, for encryption or without id are skipped.

    Raises InvalidValue: no usable key, two keys under one id, a private or symmetric key, an RSA key below 2048 bits, a broken key.
    """
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) > _MOST_KEYS:
        raise InvalidValue("the key set is not a list of at most 32 keys")
    keys: dict[str, VerificationKey] = {}
    for row in rows:
        key = _read_key(row)
        if key is None:
            continue
        if key.kid in keys:
            raise InvalidValue("two keys of the key set have the same id")
        keys[key.kid] = key
    if not keys:
        raise InvalidValue("the key set holds no key that can be used")
    return KeySet(keys, frozenset(key.thumbprint for key in keys.values()))


def _read_key(row: Any) -> VerificationKey | None:
    if not isinstance(row, dict):
        raise InvalidValue("a key of the key set is not an object")
    if _PRIVATE & row.keys():
        raise InvalidValue("the key set publishes a private or symmetric key")
    kid, uses = row.get("kid"), row.get("key_ops", ["verify"])
    if (
        not isinstance(kid, str)
        or not kid
        or row.get("use", "sig") != "sig"
        or not isinstance(uses, list)
        or "verify" not in uses
    ):
        return None
    try:
        found = _import(row)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise InvalidValue("a key of the key set is broken") from error
    if found is None:
        return None
    alg, key = found
    if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS:
        raise InvalidValue("the key set holds an RSA key below 2048 bits")
    if row.get("alg", alg) != alg:  # published for another algorithm: PS256, RSA-OAEP…
        return None
    return VerificationKey(kid, alg, key.thumbprint(), key)


def _import(row: dict[str, Any]) -> tuple[str, ECKey | RSAKey] | None:
    """The key and the algorithm its type is pinned to; None for other types."""
    if row.get("kty") == "EC" and row.get("crv") == "P-256":
        return "ES256", ECKey.import_key({name: row[name] for name in ("kty", "crv", "x", "y")})
    if row.get("kty") == "RSA":
        if len(row["n"]) * 6 < _LEAST_RSA_BITS:
            raise ValueError("too short")
        return "RS256", RSAKey.import_key({name: row[name] for name in ("kty", "n", "e")})
    return None
