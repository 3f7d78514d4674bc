"""ID tokens: every way to be wrong is refused with its code and for its own reason; the cache outlives nothing."""

import base64
import contextlib
import hmac
import json
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.access import Assurance, ProvedUser
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import RoleProfileId, UserId
from gateway.identity.keys import KeySet, read_key_set
from gateway.identity.tokens import IdTokenVerifier, TokenRules, VerifiedToken, read_header, verify_id_token
from tests.identity.proving import AUDIENCE, ISSUER, NADIA, NOW, good_claims, refusal, seconds
from vendor_stubs import cast
from vendor_stubs.identity import tokens as stub
from vendor_stubs.identity.keys import KeyRing

RULES = TokenRules(issuer=ISSUER)
RING = KeyRing()
"""Keys for the property tests, which may not take fixtures of narrower life."""


@pytest.fixture(scope="module")
def keys(ring: KeyRing) -> KeySet:
    return read_key_set(ring.jwks())


def signed(ring: KeyRing, claims: dict[str, Any], alg: str = "ES256", **header: Any) -> str:
    return ring.current(alg).sign(json.dumps(claims).encode(), header)


def part(value: bytes | dict[str, Any]) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def verify(
    token: str, keys: KeySet, *, audience: str = AUDIENCE, now: datetime = NOW, nonce: str | None = None
) -> VerifiedToken:
    return verify_id_token(token, keys, RULES, audience=audience, now=now, nonce=nonce)


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_a_good_token_proves_its_user(ring: KeyRing, keys: KeySet, alg: str) -> None:
    proved = verify(signed(ring, good_claims(), alg), keys)
    assert proved.user == ProvedUser(
        id=UserId(NADIA),
        assurance=Assurance.AAL3,
        authenticated=NOW - seconds(60),
        expires=NOW + seconds(3600),
        selected_role=RoleProfileId("555000000101"),
    )
    assert proved.token_id == "token-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE]},
        {"azp": ...},
        {"nbf": int(NOW.timestamp())},
        {"selected_roleid": ...},
        {"acr": "AAL2"},
        {"acr": "AAL2_OR_AAL3_ANY", "authentication_assurance_level": "3"},
        {"uid": NADIA, "nhsid_useruid": NADIA},
        {"jti": ...},
        {"amr": ["smartcard"], "name": "ADAMS Nadia Dr", "realm": "/oidc"},
    ],
)
def test_other_good_forms_pass(ring: KeyRing, keys: KeySet, changes: dict[str, Any]) -> None:
    proved = verify(signed(ring, good_claims(**changes)), keys)
    assert proved.user.id == UserId(NADIA)
    assert proved.token_id


STUB_FAULTS = {
    "expired": (Code.CREDENTIALS_EXPIRED, "exp has passed"),
    "not-yet-valid": (Code.CREDENTIALS_INVALID, "nbf lies in the future"),
    "wrong-audience": (Code.CREDENTIALS_AUDIENCE, "aud is not the calling system"),
    "wrong-issuer": (Code.CREDENTIALS_INVALID, "iss is not the identity service"),
    "wrong-typ": (Code.CREDENTIALS_INVALID, "the token's typ is not JWT"),
    "alg-none": (Code.CREDENTIALS_INVALID, "the token is not a signed token of three parts"),
    "hs256-public-key": (Code.CREDENTIALS_INVALID, "the token's algorithm is not allowed"),
    "unknown-kid": (Code.CREDENTIALS_INVALID, "the token's key is not published"),
    "wrong-key": (Code.CREDENTIALS_INVALID, "the token's signature is wrong"),
    "old-auth-time": (Code.CREDENTIALS_EXPIRED, "auth_time is too long ago"),
    "long-life": (Code.CREDENTIALS_INVALID, "exp is not within the longest life after iat"),
    "no-acr": (Code.CREDENTIALS_ASSURANCE, "acr is missing or unknown"),
    "no-exp": (Code.CREDENTIALS_INVALID, "exp is missing or not a whole number of seconds"),
    "string-exp": (Code.CREDENTIALS_INVALID, "exp is missing or not a whole number of seconds"),
}


def stub_claims() -> dict[str, Any]:
    holder = cast.user(NADIA)
    assert holder is not None
    sign_in = stub.SignIn(user=holder, auth_time=NOW, sid="s", roleid=stub.only_role(holder))
    return stub.id_token_claims(sign_in, issuer=ISSUER, client_id=AUDIENCE, token_id="t", now=NOW, access_token="a")


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
@pytest.mark.parametrize("fault", stub.TOKEN_FAULTS)
def test_each_fault_of_the_stub_is_refused_for_its_reason(ring: KeyRing, keys: KeySet, fault: str, alg: str) -> None:
    token = stub.mint(stub_claims(), ring, alg, fault, "555000000999")
    if fault == "other-role":  # whose role it is only the directory knows: the choice is passed on, and refused there
        assert verify(token, keys).user.selected_role == RoleProfileId("555000000999")
    elif fault == "no-role":
        assert verify(token, keys).user.selected_role is None
    else:
        assert refusal(lambda: verify(token, keys)) == STUB_FAULTS[fault]


def test_the_stubs_good_token_passes(ring: KeyRing, keys: KeySet) -> None:
    assert verify(stub.mint(stub_claims(), ring, "ES256"), keys).user.id == UserId(NADIA)


SECOND = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"iss": ...}, Code.CREDENTIALS_INVALID, "iss is not"),
        ({"iss": ISSUER + "/"}, Code.CREDENTIALS_INVALID, "iss is not"),
        ({"iss": [ISSUER]}, Code.CREDENTIALS_INVALID, "iss is not"),
        ({"aud": ...}, Code.CREDENTIALS_AUDIENCE, "aud"),
        ({"aud": []}, Code.CREDENTIALS_AUDIENCE, "aud"),
        ({"aud": [AUDIENCE, "rio-rzz02"]}, Code.CREDENTIALS_AUDIENCE, "aud"),
        ({"aud": [[AUDIENCE]]}, Code.CREDENTIALS_AUDIENCE, "aud"),
        ({"aud": AUDIENCE.upper()}, Code.CREDENTIALS_AUDIENCE, "aud"),
        ({"azp": "rio-rzz02"}, Code.CREDENTIALS_AUDIENCE, "azp"),
        ({"azp": None}, Code.CREDENTIALS_AUDIENCE, "azp"),
        ({"iat": ...}, Code.CREDENTIALS_INVALID, "iat is missing"),
        ({"iat": True}, Code.CREDENTIALS_INVALID, "iat is missing"),
        ({"iat": SECOND + 6}, Code.CREDENTIALS_INVALID, "future"),
        ({"exp": SECOND + 3601}, Code.CREDENTIALS_INVALID, "longest life"),
        ({"exp": SECOND}, Code.CREDENTIALS_INVALID, "longest life"),
        ({"exp": SECOND + 0.5}, Code.CREDENTIALS_INVALID, "exp is missing"),
        ({"exp": 10**30}, Code.CREDENTIALS_INVALID, "exp is missing"),
        ({"exp": -1}, Code.CREDENTIALS_INVALID, "exp is missing"),
        ({"nbf": SECOND + 6}, Code.CREDENTIALS_INVALID, "nbf"),
        ({"nbf": "soon"}, Code.CREDENTIALS_INVALID, "nbf"),
        ({"nbf": None}, Code.CREDENTIALS_INVALID, "nbf"),
        ({"auth_time": ...}, Code.CREDENTIALS_INVALID, "auth_time is missing"),
        ({"auth_time": SECOND + 6}, Code.CREDENTIALS_INVALID, "future"),
        ({"auth_time": SECOND - 12 * 3600 - 1}, Code.CREDENTIALS_EXPIRED, "auth_time"),
        ({"acr": "AAL1_USERPASS"}, Code.CREDENTIALS_ASSURANCE, "below"),
        ({"acr": "aal3"}, Code.CREDENTIALS_ASSURANCE, "unknown"),
        ({"acr": "AAL9"}, Code.CREDENTIALS_ASSURANCE, "unknown"),
        ({"acr": ["AAL3"]}, Code.CREDENTIALS_ASSURANCE, "unknown"),
        ({"authentication_assurance_level": "1"}, Code.CREDENTIALS_ASSURANCE, "contradicts"),
        ({"authentication_assurance_level": ["3"]}, Code.CREDENTIALS_ASSURANCE, "contradicts"),
        ({"sub": ...}, Code.CREDENTIALS_INVALID, "sub"),
        ({"sub": ..., "uid": NADIA}, Code.CREDENTIALS_INVALID, "sub"),
        ({"sub": "9100000000"}, Code.CREDENTIALS_INVALID, "not a user id"),
        ({"sub": NADIA + "\n"}, Code.CREDENTIALS_INVALID, "not a user id"),
        ({"sub": int(NADIA)}, Code.CREDENTIALS_INVALID, "sub"),
        ({"uid": "910000000174"}, Code.CREDENTIALS_INVALID, "contradicted"),
        ({"nhsid_useruid": 1}, Code.CREDENTIALS_INVALID, "contradicted"),
        ({"selected_roleid": ""}, Code.ROLE_NOT_HELD, "selected_roleid"),
        ({"selected_roleid": None}, Code.ROLE_NOT_HELD, "selected_roleid"),
        ({"selected_roleid": ["555000000101"]}, Code.ROLE_NOT_HELD, "selected_roleid"),
        ({"jti": ""}, Code.CREDENTIALS_INVALID, "jti"),
        ({"jti": "x" * 257}, Code.CREDENTIALS_INVALID, "jti"),
        ({"jti": 7}, Code.CREDENTIALS_INVALID, "jti"),
    ],
)
def test_wrong_claims_are_refused(
    ring: KeyRing, keys: KeySet, changes: dict[str, Any], code: Code, reason: str
) -> None:
    refused_with, why = refusal(lambda: verify(signed(ring, good_claims(**changes)), keys))
    assert refused_with is code
    assert reason in why


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"typ": "jwt"}, "typ"),
        ({"typ": "at+jwt"}, "typ"),
        ({"typ": "scr-launch+jwt"}, "typ"),
        ({"typ": ["JWT"]}, "typ"),
        ({"kid": 7}, "names no key"),
        ({"zip": "DEF"}, "not allowed"),
    ],
)
def test_wrong_headers_are_refused(ring: KeyRing, keys: KeySet, header: dict[str, Any], reason: str) -> None:
    token = signed(ring, good_claims())
    given = {**json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")), **header}
    code, why = refusal(lambda: verify(".".join((part(given), *token.split(".")[1:])), keys))
    assert code is Code.CREDENTIALS_INVALID
    assert reason in why


@pytest.mark.parametrize("extra", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "cty", "nonsense"])
def test_headers_that_would_steer_the_check_are_refused(ring: KeyRing, keys: KeySet, extra: str) -> None:
    key = ring.current("ES256")
    header = part({"alg": "ES256", "kid": key.kid, "typ": "JWT", extra: "https://evil.example/"})
    code, why = refusal(lambda: verify(f"{header}.{part(good_claims())}.{part(b'x' * 64)}", keys))
    assert (code, why) == (Code.CREDENTIALS_INVALID, "the token's header holds something not allowed")


def test_a_key_checks_only_its_own_algorithm(ring: KeyRing, keys: KeySet) -> None:
    es, rs = ring.current("ES256"), ring.current("RS256")
    for alg, kid in (("RS256", es.kid), ("ES256", rs.kid)):
        token = f"{part({'alg': alg, 'kid': kid, 'typ': 'JWT'})}.{part(good_claims())}.{part(b'x' * 64)}"
        assert refusal(lambda token=token: verify(token, keys))[1] == "the token's algorithm is not the one of its key"


def test_hmac_with_the_public_key_in_any_form_is_refused(ring: KeyRing, keys: KeySet) -> None:
    key = ring.current("RS256")
    for secret in (key.public_pem(), json.dumps(key.public()).encode(), key.public_pem().strip()):
        for alg in ("HS256", "hs256", "HS512"):
            start = f"{part({'alg': alg, 'kid': key.kid, 'typ': 'JWT'})}.{part(good_claims())}"
            token = f"{start}.{part(hmac.digest(secret, start.encode(), 'sha256'))}"
            assert refusal(lambda token=token: verify(token, keys))[0] is Code.CREDENTIALS_INVALID


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_no_algorithm_is_refused(keys: KeySet, ring: KeyRing, alg: str | None) -> None:
    kid = ring.current("ES256").kid
    for signature in ("", ".", part(b"x")):
        token = f"{part({'alg': alg, 'kid': kid, 'typ': 'JWT'})}.{part(good_claims())}.{signature}"
        assert refusal(lambda token=token: verify(token, keys))[0] is Code.CREDENTIALS_INVALID


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"910000000174","sub":"910000000018"}',
        b"[]",
        b'"text"',
        b"",
        b"\xff\xfe",
        b'{"exp":NaN}',
        b"[" * 3000,
        b'{"exp":' + b"9" * 5000 + b"}",
    ],
)
def test_payloads_that_two_readers_might_read_differently_are_refused(
    ring: KeyRing, keys: KeySet, payload: bytes
) -> None:
    token = ring.current("ES256").sign(payload) if payload else "e30..e30"
    assert refusal(lambda: verify(token, keys))[0] is Code.CREDENTIALS_INVALID


def test_size_and_shape_are_checked_first(ring: KeyRing, keys: KeySet) -> None:
    long = signed(ring, good_claims(filler="x" * 8192))
    assert refusal(lambda: verify(long, keys))[1] == "the token is too long or not ASCII"
    token = signed(ring, good_claims())
    for bad in (
        "",
        ".",
        "..",
        "a.b",
        token + ".x",
        token + ".x.y",
        " " + token,
        token + "\n",
        token.replace("e", "é", 1),
        "\ud800",
    ):
        assert refusal(lambda bad=bad: verify(bad, keys))[0] is Code.CREDENTIALS_INVALID


def test_skew_is_five_seconds_and_no_more(ring: KeyRing, keys: KeySet) -> None:
    token = signed(ring, good_claims())
    expires = NOW + seconds(3600)
    assert verify(token, keys, now=expires + seconds(4.9))
    assert refusal(lambda: verify(token, keys, now=expires + seconds(5)))[0] is Code.CREDENTIALS_EXPIRED
    assert verify(token, keys, now=NOW - seconds(5))
    assert refusal(lambda: verify(token, keys, now=NOW - seconds(5.1)))[0] is Code.CREDENTIALS_INVALID


def test_a_nonce_that_was_sent_must_come_back(ring: KeyRing, keys: KeySet) -> None:
    assert verify(signed(ring, good_claims(nonce="n")), keys, nonce="n")
    for claims in (good_claims(), good_claims(nonce="m"), good_claims(nonce=["n"])):
        assert (
            refusal(lambda claims=claims: verify(signed(ring, claims), keys, nonce="n"))[1]
            == "nonce is not the one sent"
        )


@given(at=st.integers(0, 2000), to=st.sampled_from("ABCDEFabcdef0189-_."))
@settings(max_examples=300, deadline=None)
def test_no_single_changed_character_goes_unnoticed(at: int, to: str) -> None:
    token, keys = _TOKEN, _KEYS
    at %= len(token)
    changed = token[:at] + to + token[at + 1 :]
    if changed != token:
        assert refusal(lambda: verify(changed, keys))[0] is Code.CREDENTIALS_INVALID


_TOKEN, _KEYS = signed(RING, good_claims()), read_key_set(RING.jwks())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(good_claims())), value=ANYTHING)
@settings(max_examples=300, deadline=None)
def test_whatever_a_claim_holds_the_answer_is_a_refusal_or_the_same_user(name: str, value: Any) -> None:
    with contextlib.suppress(AccessDenied):
        assert verify(signed(RING, good_claims(**{name: value})), _KEYS).user.id == UserId(NADIA)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: f"{part(raw)}.{part(raw)}.{part(raw)}"))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused(noise: str) -> None:
    assert refusal(lambda: verify(noise, _KEYS))[0] is Code.CREDENTIALS_INVALID


def test_a_refusal_quotes_nothing_of_the_token(ring: KeyRing, keys: KeySet) -> None:
    token = signed(ring, good_claims(sub="CANARY-NAME", selected_roleid="CANARY-ROLE"))
    with pytest.raises(AccessDenied) as caught:
        verify(token, keys)
    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "CANARY" not in text
    assert token[-20:] not in text


class Source:
    """Keys under a test's control."""

    def __init__(self, keys: KeySet) -> None:
        self.published = keys

    async def keys(self, now: datetime, kid: str | None = None) -> KeySet:
        return self.published


def without_names(keys: KeySet) -> KeySet:
    """The same keys, none of them to be found: only a remembered token can still pass."""
    return KeySet({}, keys.thumbprints)


async def test_a_verified_token_is_remembered_five_minutes(ring: KeyRing, keys: KeySet) -> None:
    source = Source(keys)
    verifier = IdTokenVerifier(RULES, source)
    token = signed(ring, good_claims())
    first = await verifier.verify(token, AUDIENCE, NOW)
    source.published = without_names(keys)
    assert await verifier.verify(token, AUDIENCE, NOW + seconds(299)) is first
    with pytest.raises(AccessDenied):
        await verifier.verify(token, AUDIENCE, NOW + seconds(300))


@pytest.mark.parametrize(
    ("changes", "end"),
    [({"exp": SECOND + 30}, seconds(30)), ({"auth_time": SECOND - 12 * 3600 + 20}, seconds(20))],
)
async def test_a_remembered_token_never_outlives_itself(
    ring: KeyRing, keys: KeySet, changes: dict[str, Any], end: timedelta
) -> None:
    source = Source(keys)
    verifier = IdTokenVerifier(RULES, source)
    token = signed(ring, good_claims(**changes))
    await verifier.verify(token, AUDIENCE, NOW)
    source.published = without_names(keys)
    assert await verifier.verify(token, AUDIENCE, NOW + end - seconds(0.001))
    with pytest.raises(AccessDenied):
        await verifier.verify(token, AUDIENCE, NOW + end)


async def test_a_remembered_token_dies_with_its_key_and_at_reload(ring: KeyRing, keys: KeySet) -> None:
    source = Source(keys)
    verifier = IdTokenVerifier(RULES, source)
    token = signed(ring, good_claims())
    await verifier.verify(token, AUDIENCE, NOW)
    source.published = read_key_set(KeyRing().jwks())
    with pytest.raises(AccessDenied):
        await verifier.verify(token, AUDIENCE, NOW)
    source.published = keys
    await verifier.verify(token, AUDIENCE, NOW)
    verifier.clear()
    source.published = without_names(keys)
    with pytest.raises(AccessDenied):
        await verifier.verify(token, AUDIENCE, NOW)


async def test_a_key_replaced_under_the_same_id_ends_its_tokens(ring: KeyRing, keys: KeySet) -> None:
    other = KeyRing()
    swapped = {**other.current("ES256").public(), "kid": ring.current("ES256").kid}
    source = Source(keys)
    verifier = IdTokenVerifier(RULES, source)
    token = signed(ring, good_claims())
    await verifier.verify(token, AUDIENCE, NOW)
    source.published = read_key_set({"keys": [swapped]})
    with pytest.raises(AccessDenied):
        await verifier.verify(token, AUDIENCE, NOW)


async def test_a_token_remembered_for_one_system_proves_nothing_to_another(ring: KeyRing, keys: KeySet) -> None:
    verifier = IdTokenVerifier(RULES, Source(keys))
    token = signed(ring, good_claims())
    await verifier.verify(token, AUDIENCE, NOW)
    with pytest.raises(AccessDenied) as caught:
        await verifier.verify(token, "rio-rzz02", NOW)
    assert caught.value.code is Code.CREDENTIALS_AUDIENCE
    with pytest.raises(AccessDenied) as caught:  # nor does a remembered token skip the nonce
        await verifier.verify(token, AUDIENCE, NOW, nonce="n")
    assert caught.value.code is Code.CREDENTIALS_INVALID


async def test_what_is_remembered_is_bounded_and_refusals_are_not(ring: KeyRing, keys: KeySet) -> None:
    verifier = IdTokenVerifier(RULES, Source(keys), most=3)
    for number in range(5):
        await verifier.verify(signed(ring, good_claims(jti=f"t{number}")), AUDIENCE, NOW)
    assert len(verifier) == 3
    for bad in ("", "x" * 9000, "\ud800.a.b", signed(ring, good_claims(aud="x"))):
        with pytest.raises(AccessDenied):
            await verifier.verify(bad, AUDIENCE, NOW)
    assert len(verifier) == 3


async def test_what_is_over_is_not_kept(ring: KeyRing, keys: KeySet) -> None:
    verifier = IdTokenVerifier(RULES, Source(keys))
    for number in range(5):
        await verifier.verify(signed(ring, good_claims(jti=f"t{number}")), AUDIENCE, NOW + seconds(number))
    assert len(verifier) == 5
    await verifier.verify(signed(ring, good_claims(jti="later")), AUDIENCE, NOW + seconds(302))
    assert len(verifier) == 3  # two are not over yet
    await verifier.verify(signed(ring, good_claims(jti="last", exp=SECOND + 700)), AUDIENCE, NOW + seconds(699))
    assert len(verifier) == 1


def test_header_reading_alone_proves_nothing() -> None:
    assert read_header(_TOKEN, 8192)["typ"] == "JWT"
    assert datetime.fromtimestamp(SECOND, UTC) == NOW
