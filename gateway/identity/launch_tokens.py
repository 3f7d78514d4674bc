"""Launch tokens of one-click hosts -> launch claims: signed JWTs, and signed ones within an encrypted one. Pure.

RFC 7515-7519, RFC 8725. typ is pinned to scr-launch+jwt, so that no token of another kind passes here nor this one elsewhere;
algorithms are pinned to the key's type; keys come from the registry alone. Never logs, keeps or quotes a token.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NoReturn

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.identifiers import NhsNumbers, OdsCode, RoleProfileId, SystemId, UserId
from gateway.identity.keys import KeySet, read_key_set
from gateway.identity.refusals import refused
from gateway.identity.token_parts import read_object
from gateway.service.launching import LaunchClaims

TYPE = "scr-launch+jwt"
MAX_BYTES = 4 * 1024
_CLAIMS = frozenset(
    {"iss", "aud", "sub", "role", "org", "nhs_number", "birthdate", "purpose", "iat", "nbf", "exp", "jti"}
)
_TOKEN_ID = re.compile(r"[A-Za-z0-9._~:-]{16,128}", re.ASCII)
_PURPOSE = re.compile(r"[a-z-]{1,40}", re.ASCII)
_SIGNATURES = jws.JWSRegistry(algorithms=["ES256", "RS256"], strict_check_header=False)
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRules:
    """What a launch token must keep to."""

    public_url: str
    numbers: NhsNumbers
    longest_life: timedelta = timedelta(seconds=60)
    skew: timedelta = timedelta(seconds=5)

    def audience(self, product: str) -> str:
        """The one `aud` of launches of a product: its launch address here."""
        return f"{self.public_url}/launch/{product}"


def invalid(why: str) -> NoReturn:
    """Refuses a launch; `why` names the check."""
    raise refused(Code.LAUNCH_INVALID, why)


@lru_cache(maxsize=256)
def keys_of(document: str) -> KeySet:
    """A registry's key set, read once."""
    return read_key_set(json.loads(document))


def _object(part: str) -> dict[str, Any]:
    try:
        return read_object(part)
    except InvalidValue as error:
        raise refused(Code.LAUNCH_INVALID, f"a part of the token {error}") from error


def _parts(token: str, count: int) -> list[str]:
    if len(token) > MAX_BYTES or not token.isascii():
        invalid("the token is too long or not ASCII")
    parts = token.split(".")
    if len(parts) != count:
        invalid(f"the token does not have {count} parts")
    return parts


def signed_claims(token: str, keys: KeySet, *, types: frozenset[str | None]) -> dict[str, Any]:
    """The claims of a compact JWS that one of `keys` signed. Raises AccessDenied (LAUNCH_INVALID)."""
    parts = _parts(token, 3)
    header = _object(parts[0])
    if header.get("typ") not in types or header.keys() - {"alg", "kid", "typ"}:
        invalid("the token's typ or header is not a launch's")
    kid, alg = header.get("kid"), header.get("alg")
    key = keys.keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        invalid("the token's key is not registered")
    if alg != key.alg:
        invalid("the token's algorithm is not the one of its key")
    try:
        jws.deserialize_compact(token, key.key, algorithms=[key.alg], registry=_SIGNATURES)
    except (JoseError, ValueError, TypeError) as error:
        raise refused(Code.LAUNCH_INVALID, "the token's signature is wrong") from error
    return _object(parts[1])


def claimed_issuer(token: str) -> SystemId:
    """Which system a launch token says it is from: proves nothing, tells whose keys to try. Raises AccessDenied (LAUNCH_INVALID)."""
    issuer = _object(_parts(token, 3)[1]).get("iss")
    try:
        return SystemId(issuer if isinstance(issuer, str) else "")
    except InvalidValue as error:
        raise refused(Code.LAUNCH_INVALID, "iss is not a system") from error


def opened(token: str, key: ECKey, kid: str) -> str:
    """The signed token within an encrypted one (RFC 7516: ECDH-ES and A256GCM, nothing else). Raises AccessDenied (LAUNCH_INVALID)."""
    header = _object(_parts(token, 5)[0])
    wanted = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": TYPE, "kid": kid}
    if {name: header.get(name) for name in wanted} != wanted or header.keys() - wanted.keys() - {"epk", "typ"}:
        invalid("the token is not encrypted as a launch is")
    try:
        plain = jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", "A256GCM"]).plaintext
        return (plain or b"").decode("ascii")
    except (JoseError, ValueError, TypeError) as error:
        raise refused(Code.LAUNCH_INVALID, "the token cannot be decrypted") from error


def second(claims: Mapping[str, Any], name: str) -> int:
    """A NumericDate in whole seconds. Raises AccessDenied (LAUNCH_INVALID)."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        invalid(f"{name} is missing or not a whole number of seconds")
    return value


def expiry(claims: Mapping[str, Any], now: datetime, *, longest: timedelta, skew: timedelta) -> datetime:
    """`exp` of a token that is in its life now. Raises AccessDenied (LAUNCH_INVALID, LAUNCH_EXPIRED)."""
    issued, expires, moment = second(claims, "iat"), second(claims, "exp"), now.timestamp()
    if not 0 < expires - issued <= longest.total_seconds():
        invalid("exp is not within the longest life after iat")
    starts = max(issued, second(claims, "nbf") if "nbf" in claims else issued)
    if starts > moment + skew.total_seconds():
        invalid("iat or nbf lies in the future")
    if moment >= expires + skew.total_seconds():
        raise refused(Code.LAUNCH_EXPIRED, "exp has passed")
    return datetime.fromtimestamp(expires, UTC)


def token_id(claims: Mapping[str, Any]) -> str:
    """`jti`. Raises AccessDenied (LAUNCH_INVALID)."""
    value = claims.get("jti")
    if not isinstance(value, str) or not _TOKEN_ID.fullmatch(value):
        invalid("jti is missing or not 16 to 128 plain characters")
    return value


def launch_claims(
    said: Mapping[str, Any], system: System, numbers: NhsNumbers, *, token_name: str, expires: datetime
) -> LaunchClaims:
    """Claims of a proved token as a launch. Raises MessageInvalid (MESSAGE_VALUE): a value that cannot be one."""
    birth, purpose, role = said.get("birthdate"), said.get("purpose"), said.get("role")
    try:
        if birth is not None:
            date.fromisoformat(birth)
        if purpose is not None and not (isinstance(purpose, str) and _PURPOSE.fullmatch(purpose)):
            raise InvalidValue("not a purpose")
        return LaunchClaims(
            system=system.id,
            organisation=OdsCode(said["org"]),
            user=UserId(said["sub"]),
            role=RoleProfileId(role) if role is not None else None,
            patient=numbers.read(said["nhs_number"]),
            purpose=purpose,
            birth_date=birth,
            token_id=token_name,
            expires=expires,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error


def verify_launch(token: str, system: System, product: str, rules: LaunchRules, now: datetime) -> LaunchClaims:
    """Checks a compact launch token of a system whose keys the registry holds. Pure.

    Raises AccessDenied (SYSTEM_SUSPENDED never: that is policy's; LAUNCH_INVALID, LAUNCH_EXPIRED), MessageInvalid (MESSAGE_VALUE).
    """
    if system.launch_jwks is None or system.product != product:
        invalid("the system does not launch at this address")
    claims = signed_claims(token, keys_of(system.launch_jwks), types=frozenset({TYPE}))
    if claims.keys() - _CLAIMS:
        invalid("a claim is not known here")
    if claims.get("iss") != system.id.value:
        invalid("iss is not the system")
    if claims.get("aud") != rules.audience(product):
        invalid("aud is not this launch address")
    expires = expiry(claims, now, longest=rules.longest_life, skew=rules.skew)
    return launch_claims(claims, system, rules.numbers, token_name=token_id(claims), expires=expires)
