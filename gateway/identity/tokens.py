"""ID tokens of the identity service -> a proved user. The pure part (`verify_id_token`) and the verifier with its bounded cache.

OIDC Core 3.1.3.7, RFC 7519, RFC 8725. Algorithms are pinned to the key's type, the token type to JWT: a launch token
(typ scr-launch+jwt) or any other kind never passes here. Must never log, keep or quote a token.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NoReturn, Protocol

from joserfc import jws
from joserfc.errors import JoseError

from gateway.domain.access import Assurance, ProvedUser
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.identity.keys import KeySet, VerificationKey
from gateway.identity.refusals import refused
from gateway.identity.token_parts import read_bytes, read_object

ACR: Mapping[str, Assurance] = MappingProxyType(
    {
        "AAL1_USERPASS": Assurance.AAL1,
        "AAL2": Assurance.AAL2,
        "AAL2_ANY": Assurance.AAL2,
        "AAL2_OR_AAL3_ANY": Assurance.AAL2,
        "AAL3": Assurance.AAL3,
        "AAL3_ANY": Assurance.AAL3,
    }
)
"""What an `acr` proves; a value not named here proves nothing. AAL2_OR_AAL3_ANY counts as the weaker of the two."""
_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256", "zip"})
_SIGNATURES = jws.JWSRegistry(algorithms=["ES256", "RS256"], strict_check_header=False)
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What an ID token must keep to."""

    issuer: str
    acr: Mapping[str, Assurance] = field(default_factory=lambda: ACR)
    least: Assurance = Assurance.AAL2
    skew: timedelta = timedelta(seconds=5)
    longest_life: timedelta = timedelta(hours=1)
    oldest_sign_in: timedelta = timedelta(hours=12)
    max_bytes: int = 8 * 1024


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A proved user, by which key, and an id of the token (its jti, or a hash where it has none)."""

    user: ProvedUser
    thumbprint: str
    token_id: str


def _invalid(why: str) -> NoReturn:
    raise refused(Code.CREDENTIALS_INVALID, why)


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        return read_object(part)
    except InvalidValue as error:
        raise refused(Code.CREDENTIALS_INVALID, f"the token's {what} {error}") from error


def read_header(token: str, max_bytes: int) -> dict[str, Any]:
    """The checked, still unproved header of a compact JWS: typ JWT, a pinned algorithm, a key id, nothing unknown. Raises AccessDenied."""
    if len(token) > max_bytes or not token.isascii():
        _invalid("the token is too long or not ASCII")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        _invalid("the token is not a signed token of three parts")
    header = _object(parts[0], "header")
    try:
        read_bytes(parts[2])
    except InvalidValue as error:
        raise refused(Code.CREDENTIALS_INVALID, f"the token's signature {error}") from error
    if header.get("typ") != "JWT":
        _invalid("the token's typ is not JWT")
    if header.get("alg") not in ("ES256", "RS256"):
        _invalid("the token's algorithm is not allowed")
    if not isinstance(header.get("kid"), str):
        _invalid("the token names no key")
    if header.keys() - _HEADER or header.get("zip", "NONE") != "NONE":
        _invalid("the token's header holds something not allowed")
    return header


def _signed_claims(token: str, key: VerificationKey, alg: str) -> dict[str, Any]:
    if alg != key.alg:
        _invalid("the token's algorithm is not the one of its key")
    try:
        jws.deserialize_compact(token, key.key, algorithms=[key.alg], registry=_SIGNATURES)
    except (JoseError, ValueError, TypeError) as error:
        raise refused(Code.CREDENTIALS_INVALID, "the token's signature is wrong") from error
    return _object(token.split(".")[1], "claims")


def _second(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        _invalid(f"{name} is missing or not a whole number of seconds")
    return value


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    meant = claims.get("aud")
    if isinstance(meant, list) and len(meant) == 1:
        meant = meant[0]
    if not audience or meant != audience:
        raise refused(Code.CREDENTIALS_AUDIENCE, "aud is not the calling system")
    if claims.get("azp", audience) != audience:
        raise refused(Code.CREDENTIALS_AUDIENCE, "azp is not the calling system")


def _check_times(claims: Mapping[str, Any], rules: TokenRules, now: datetime) -> tuple[datetime, datetime]:
    """(auth_time, exp) of a token that is in its life now."""
    issued, expires, signed_in = _second(claims, "iat"), _second(claims, "exp"), _second(claims, "auth_time")
    moment, skew = now.timestamp(), rules.skew.total_seconds()
    if not 0 < expires - issued <= rules.longest_life.total_seconds():
        _invalid("exp is not within the longest life after iat")
    if issued > moment + skew or signed_in > moment + skew or signed_in > issued + skew:
        _invalid("iat or auth_time lies in the future")
    if "nbf" in claims and _second(claims, "nbf") > moment + skew:
        _invalid("nbf lies in the future")
    if moment >= expires + skew:
        raise refused(Code.CREDENTIALS_EXPIRED, "exp has passed")
    if moment - signed_in > rules.oldest_sign_in.total_seconds():
        raise refused(Code.CREDENTIALS_EXPIRED, "auth_time is too long ago")
    return datetime.fromtimestamp(signed_in, UTC), datetime.fromtimestamp(expires, UTC)


def _assurance(claims: Mapping[str, Any], rules: TokenRules) -> Assurance:
    acr, level = claims.get("acr"), claims.get("authentication_assurance_level")
    proved = rules.acr.get(acr) if isinstance(acr, str) else None
    if proved is None:
        raise refused(Code.CREDENTIALS_ASSURANCE, "acr is missing or unknown")
    if level is not None and (level not in ("1", "2", "3") or int(level) < proved.value):
        raise refused(Code.CREDENTIALS_ASSURANCE, "authentication_assurance_level contradicts acr")
    if proved.value < rules.least.value:
        raise refused(Code.CREDENTIALS_ASSURANCE, "acr is below the least assurance")
    return proved


def _person(claims: Mapping[str, Any]) -> UserId:
    names = {claims[name] for name in ("sub", "uid", "nhsid_useruid") if isinstance(claims.get(name), str)}
    doubtful = any(name in claims and not isinstance(claims[name], str) for name in ("sub", "uid", "nhsid_useruid"))
    if "sub" not in claims or doubtful or len(names) != 1:
        _invalid("sub is missing or contradicted")
    try:
        return UserId(names.pop())
    except InvalidValue as error:
        raise refused(Code.CREDENTIALS_INVALID, "sub is not a user id") from error


def _chosen_role(claims: Mapping[str, Any]) -> RoleProfileId | None:
    if "selected_roleid" not in claims:
        return None
    try:
        return RoleProfileId(claims["selected_roleid"])
    except InvalidValue as error:
        raise refused(Code.ROLE_NOT_HELD, "selected_roleid is not a role profile id", rules=("P-09",)) from error


def _token_id(token: str, claims: Mapping[str, Any]) -> str:
    given = claims.get("jti")
    if given is None:
        return "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    if not isinstance(given, str) or not 1 <= len(given) <= 256 or not given.isprintable():
        _invalid("jti is not a short text")
    return given


def verify_id_token(
    token: str, keys: KeySet, rules: TokenRules, *, audience: str, now: datetime, nonce: str | None = None
) -> VerifiedToken:
    """Check a compact ID token made for `audience` (the calling system's client_id) against `keys`. Pure.

    `nonce`: what this gateway sent where it is itself the client; then it must come back. Raises AccessDenied with
    CREDENTIALS_INVALID, _EXPIRED, _AUDIENCE, _ASSURANCE or ROLE_NOT_HELD (a selected_roleid that is none).
    """
    header = read_header(token, rules.max_bytes)
    key = keys.keys.get(header["kid"])
    if key is None:
        _invalid("the token's key is not published")
    claims = _signed_claims(token, key, header["alg"])
    if claims.get("iss") != rules.issuer:
        _invalid("iss is not the identity service")
    _check_audience(claims, audience)
    if nonce is not None and claims.get("nonce") != nonce:
        _invalid("nonce is not the one sent")
    authenticated, expires = _check_times(claims, rules, now)
    user = ProvedUser(
        id=_person(claims),
        assurance=_assurance(claims, rules),
        authenticated=authenticated,
        expires=expires,
        selected_role=_chosen_role(claims),
    )
    return VerifiedToken(user, key.thumbprint, _token_id(token, claims))


class KeySource(Protocol):
    """Where the keys come from (jwks.py)."""

    async def keys(self, now: datetime, kid: str | None = None) -> KeySet:
        """The keys published now; asks again where `kid` is not among them. Raises NotPossibleNow."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    token: VerifiedToken
    until: datetime


class IdTokenVerifier:
    """Verifies ID tokens and remembers verified ones for a few minutes: an ES256 check costs about 100 us, a hit a few.

    A remembered token dies with its own life, with the sign-in's age, with its key (thumbprint no longer published) and at `clear`.
    """

    def __init__(
        self,
        rules: TokenRules,
        source: KeySource,
        *,
        remember: timedelta = timedelta(minutes=5),
        most: int = 10_000,
    ) -> None:
        self._rules, self._source, self._remember, self._most = rules, source, remember, most
        self._seen: OrderedDict[bytes, _Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def clear(self) -> None:
        """Forget every verified token (reload of registry or keys)."""
        self._seen.clear()

    async def verify(self, token: str, audience: str, now: datetime, *, nonce: str | None = None) -> VerifiedToken:
        """The proved user behind `token`. Raises AccessDenied as `verify_id_token`; NotPossibleNow where no key can be had."""
        if len(token) > self._rules.max_bytes:
            _invalid("the token is too long or not ASCII")
        name = hashlib.sha256(f"{len(audience)}:{audience}{token}".encode("utf-8", "surrogatepass")).digest()
        if nonce is None and (known := await self._remembered(name, now)) is not None:
            return known
        kid = read_header(token, self._rules.max_bytes)["kid"]
        keys = await self._source.keys(now, kid)
        verified = verify_id_token(token, keys, self._rules, audience=audience, now=now, nonce=nonce)
        self._keep(name, verified, now)
        return verified

    async def _remembered(self, name: bytes, now: datetime) -> VerifiedToken | None:
        known = self._seen.get(name)
        if known is None:
            return None
        if now < known.until and known.token.thumbprint in (await self._source.keys(now)).thumbprints:
            self._seen.move_to_end(name)
            return known.token
        self._seen.pop(name, None)
        return None

    def _keep(self, name: bytes, verified: VerifiedToken, now: datetime) -> None:
        user = verified.user
        until = min(now + self._remember, user.expires, user.authenticated + self._rules.oldest_sign_in)
        self._seen[name] = _Remembered(verified, until)
        self._seen.move_to_end(name)
        while self._seen and (len(self._seen) > self._most or next(iter(self._seen.values())).until <= now):
            self._seen.popitem(last=False)  # the longest unused; one that is over serves nobody any more
