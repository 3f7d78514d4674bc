"""The identity stub over its wire: sign-in pages, code flow, tokens, assertions, key control. Reads answers as a stranger would."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from click.testing import CliRunner
from joserfc import jwt
from joserfc.jwk import KeySet
from lxml import etree

from vendor_stubs import cast
from vendor_stubs.cli import main
from vendor_stubs.identity import clients, tokens
from vendor_stubs.identity.app import build_app
from vendor_stubs.identity.assertion_faults import EVIL_UID, SAML_FAULTS
from vendor_stubs.identity.state import Shelf

ISSUER = "http://127.0.0.1:8082"
CALLBACK = "http://127.0.0.1:8080/viewer/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
NADIA, TOM, GARETH, ORLA = "910000000018", "910000000042", "910000000059", "910000000083"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"


class Clock:
    """A clock that stands until told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stub(aiohttp_client: Callable[..., Awaitable[TestClient]], clock: Clock) -> TestClient:
    return await aiohttp_client(build_app(ISSUER, clock=clock))


def asked(**changes: str | None) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "scra",
        "redirect_uri": CALLBACK,
        "scope": "openid profile nhsperson nationalrbacaccess associatedorgs selectedrole",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


async def authorize(stub: TestClient, **changes: str | None) -> ClientResponse:
    return await stub.get("/authorize", params=asked(**changes), allow_redirects=False)


def hidden(text: str) -> str:
    found = re.search(r'name="sign_in" value="([^"]+)"', text)
    assert found, text
    return found.group(1)


async def insert_card(stub: TestClient, uid: str, pin: str | None = None, **changes: str | None) -> ClientResponse:
    first = await authorize(stub, **changes)
    assert first.status == 200
    form = {"sign_in": hidden(await first.text()), "uid": uid, "pin": uid[-4:] if pin is None else pin}
    return await stub.post("/authorize/card", data=form, allow_redirects=False)


def returned(answer: ClientResponse) -> dict[str, str]:
    assert answer.status == 303
    parts = urlsplit(answer.headers["Location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


async def redeem(stub: TestClient, code: str, **changes: str) -> ClientResponse:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": "scra",
        "code_verifier": VERIFIER,
    }
    return await stub.post("/token", data={**form, **changes})


async def claims_of(stub: TestClient, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(await (await stub.get("/jwks")).json())
    return dict(jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims)


def unchecked(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = (part + "=" * (-len(part) % 4) for part in token.split("."))
    return json.loads(base64.urlsafe_b64decode(header)), json.loads(base64.urlsafe_b64decode(payload))


async def test_discovery_and_every_page_say_that_it_is_a_stub(stub: TestClient) -> None:
    document = await (await stub.get("/.well-known/openid-configuration")).json()
    assert document["issuer"] == ISSUER
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "stub" in document
    for path in ("/", "/authorize?client_id=nobody"):
        assert "This is a stub" in await (await stub.get(path)).text()
    assert all(
        kid.startswith("stub-") for kid in [key["kid"] for key in (await (await stub.get("/jwks")).json())["keys"]]
    )


async def test_published_keys_hold_no_private_part(stub: TestClient) -> None:
    keys = (await (await stub.get("/jwks")).json())["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert not any(set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in keys)


async def test_one_role_signs_in_with_card_and_pin_and_gets_that_role(stub: TestClient, clock: Clock) -> None:
    back = returned(await insert_card(stub, NADIA))
    assert (back["state"], back["iss"]) == ("s-1", ISSUER)
    answer = await redeem(stub, back["code"])
    assert answer.headers["Cache-Control"] == "no-store"
    given = await answer.json()
    claims = await claims_of(stub, given["id_token"])
    assert claims["sub"] == NADIA
    assert (claims["iss"], claims["aud"], claims["azp"], claims["nonce"]) == (ISSUER, "scra", "scra", "n-1")
    assert (claims["acr"], claims["selected_roleid"]) == ("AAL3", "555000000101")
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["auth_time"] == int(clock.now.timestamp())
    assert unchecked(given["id_token"])[0]["typ"] == "JWT"
    half = hashlib.sha256(given["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()


async def test_two_roles_are_asked_for_and_the_chosen_one_is_told(stub: TestClient) -> None:
    page = await insert_card(stub, TOM)
    text = await page.text()
    assert "Choose your role" in text
    assert "Northbrook Hospital NHS Trust" in text
    assert "Fenwick Mental Health NHS Trust" in text
    without = await stub.post("/authorize/role", data={"sign_in": hidden(text)}, allow_redirects=False)
    assert without.status == 200
    assert 'role="alert"' in await without.text()
    others = await stub.post(
        "/authorize/role", data={"sign_in": hidden(text), "roleid": "555000000101"}, allow_redirects=False
    )
    assert others.status == 200, "somebody else's role is not accepted"
    chosen = await stub.post(
        "/authorize/role", data={"sign_in": hidden(text), "roleid": "555000000105"}, allow_redirects=False
    )
    given = await (await redeem(stub, returned(chosen)["code"])).json()
    assert (await claims_of(stub, given["id_token"]))["selected_roleid"] == "555000000105"


async def test_no_role_signs_in_without_one(stub: TestClient) -> None:
    given = await (await redeem(stub, returned(await insert_card(stub, GARETH))["code"])).json()
    assert "selected_roleid" not in await claims_of(stub, given["id_token"])


async def test_wrong_pin_asks_again_and_blocks_after_five(stub: TestClient) -> None:
    first = await insert_card(stub, NADIA, pin="9999")
    text = await first.text()
    assert first.status == 200
    assert "The PIN does not fit the smartcard" in text
    form = {"sign_in": hidden(text), "uid": NADIA, "pin": "9999"}
    answers = [await stub.post("/authorize/card", data=form, allow_redirects=False) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 403]
    after = await stub.post("/authorize/card", data={**form, "pin": NADIA[-4:]}, allow_redirects=False)
    assert after.status == 400, "a blocked sign-in stays blocked"


async def test_pages_are_locked_down_and_labelled(stub: TestClient) -> None:
    page = await authorize(stub)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8080;" in policy, (
        "the redirect after the form is checked against it too"
    )
    assert "script" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    text = await page.text()
    tree = etree.HTML(text)
    assert not tree.xpath("//script | //@style | //@*[starts-with(name(), 'on')]")
    for field in tree.xpath("//input[@type != 'hidden'] | //select"):
        assert tree.xpath("//label[@for = $id]", id=field.get("id")), field.get("id")
    assert tree.xpath("/html/@lang") == ["en-GB"]
    assert page.cookies["identity_stub_browser"]["httponly"]


async def test_a_sign_in_belongs_to_the_browser_that_began_it(stub: TestClient) -> None:
    name = hidden(await (await authorize(stub)).text())
    stub.session.cookie_jar.clear()
    other = await stub.post(
        "/authorize/card", data={"sign_in": name, "uid": NADIA, "pin": NADIA[-4:]}, allow_redirects=False
    )
    assert other.status == 400


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080/viewer/other",
        "http://127.0.0.1:8080/viewer/callback/",
        "http://127.0.0.1:8080/viewer/callback?x=1",
        "http://127.0.0.1:8080/viewer/callback?",
        "http://127.0.0.1:8080/viewer/callback#",
        "http://127.0.0.1:8080/viewer/../viewer/callback",
        "http://127.0.0.1:8080//viewer/callback",
        "http://127.0.0.1.example/viewer/callback",
        "http://user@127.0.0.1:8080/viewer/callback",
        "http://127.0.0.1:08080/viewer/callback",
        "http://127.0.0.1:/viewer/callback",
        "http://127.0.0.1:99999/viewer/callback",
        "http://127.0.0.1:8080\t/viewer/callback",
        "ftp://127.0.0.1/viewer/callback",
        "//127.0.0.1/viewer/callback",
        "",
    ],
)
async def test_unregistered_addresses_are_never_redirected_to(stub: TestClient, address: str) -> None:
    answer = await authorize(stub, redirect_uri=address)
    assert answer.status == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("client_id", ["nobody", "", "pas-rzz01"])
async def test_unknown_clients_and_feeds_get_a_page(stub: TestClient, client_id: str) -> None:
    answer = await authorize(stub, client_id=client_id)
    assert answer.status == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
        ({"state": "s" * 3000}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_faulty_requests_go_back_with_an_error(
    stub: TestClient, changes: dict[str, str | None], error: str
) -> None:
    back = returned(await authorize(stub, **changes))
    assert back["error"] == error
    assert "code" not in back


async def test_a_parameter_given_twice_is_refused(stub: TestClient) -> None:
    twice = [*asked().items(), ("state", "s-2")]
    back = returned(await stub.get("/authorize", params=twice, allow_redirects=False))
    assert back["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"client_id": "rio-rzz02"},
        {"redirect_uri": "http://127.0.0.1:8080/launch/callback"},
        {"grant_type": "client_credentials"},
    ],
)
async def test_a_wrong_redemption_burns_the_code(stub: TestClient, changes: dict[str, str]) -> None:
    code = returned(await insert_card(stub, NADIA))["code"]
    assert (await redeem(stub, code, **changes)).status == 400
    assert (await redeem(stub, code)).status == 400


async def test_a_code_used_twice_ends_what_it_gave(stub: TestClient) -> None:
    code = returned(await insert_card(stub, NADIA))["code"]
    bearer = {"Authorization": f"Bearer {(await (await redeem(stub, code)).json())['access_token']}"}
    assert (await stub.get("/userinfo", headers=bearer)).status == 200
    assert (await (await redeem(stub, code)).json())["error"] == "invalid_grant"
    assert (await stub.get("/userinfo", headers=bearer)).status == 401


async def test_a_code_lives_sixty_seconds(stub: TestClient, clock: Clock) -> None:
    code = returned(await insert_card(stub, NADIA))["code"]
    clock.now += timedelta(seconds=60)
    assert (await redeem(stub, code)).status == 400


async def test_userinfo_releases_what_the_scope_names(stub: TestClient) -> None:
    given = await (await redeem(stub, returned(await insert_card(stub, NADIA))["code"])).json()
    told = await (await stub.get("/userinfo", headers={"Authorization": f"Bearer {given['access_token']}"})).json()
    holder = cast.user(NADIA)
    assert holder is not None
    assert told == cast.userinfo(holder)
    stub.session.cookie_jar.clear()
    narrow = await (await redeem(stub, returned(await insert_card(stub, NADIA, scope="openid"))["code"])).json()
    told = await (await stub.get("/userinfo", headers={"Authorization": f"Bearer {narrow['access_token']}"})).json()
    assert told == {"sub": NADIA}
    assert (await stub.get("/userinfo")).status == 401


async def test_a_standing_session_needs_no_card_until_asked_or_ended(stub: TestClient, clock: Clock) -> None:
    await insert_card(stub, NADIA)
    signed_in = int(clock.now.timestamp())
    clock.now += timedelta(minutes=30)
    given = await (await redeem(stub, returned(await authorize(stub, prompt="none"))["code"])).json()
    assert (await claims_of(stub, given["id_token"]))["auth_time"] == signed_in
    assert (await authorize(stub, prompt="login")).status == 200
    assert (await authorize(stub, max_age="60")).status == 200
    target = "http://127.0.0.1:8080/viewer/signed-out"
    query = {"id_token_hint": given["id_token"], "post_logout_redirect_uri": target, "state": "x"}
    ended = await stub.get("/end_session", params=query, allow_redirects=False)
    assert (ended.status, ended.headers["Location"]) == (303, f"{target}?state=x")
    assert returned(await authorize(stub, prompt="none"))["error"] == "login_required"


async def test_signing_out_never_redirects_to_a_stranger(stub: TestClient) -> None:
    for query in (
        {"client_id": "scra", "post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": CALLBACK},
    ):
        answer = await stub.get("/end_session", params=query, allow_redirects=False)
        assert answer.status == 200
        assert "You are signed out" in await answer.text()


async def test_rotation_keeps_old_keys_until_withdrawn(stub: TestClient) -> None:
    before = (await (await stub.get("/control")).json())["published"]
    old = await (await stub.post("/sandbox/token", json={"uid": NADIA, "client_id": "scra"})).json()
    await stub.post("/control", json={"rotate": True})
    assert (await claims_of(stub, old["id_token"]))["sub"] == NADIA
    state = await (await stub.get("/control")).json()
    assert state["published"][:2] == before
    assert len(state["published"]) == 4
    kid = unchecked(old["id_token"])[0]["kid"]
    await stub.post("/control", json={"withdraw": kid})
    assert kid not in [key["kid"] for key in (await (await stub.get("/jwks")).json())["keys"]]
    current = (await (await stub.get("/control")).json())["current"]["ES256"]
    after = await (await stub.post("/control", json={"withdraw": current})).json()
    assert after["current"]["ES256"] in after["published"], "a withdrawn key in use is replaced"
    assert (await stub.post("/control", json={"withdraw": "nothing"})).status == 400


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_sandbox_token_is_like_a_real_one(stub: TestClient, alg: str) -> None:
    wish = {"uid": ORLA, "client_id": "portal-rzz09", "alg": alg, "lifetime": 120, "nonce": "n-7"}
    given = await (await stub.post("/sandbox/token", json=wish)).json()
    claims = await claims_of(stub, given["id_token"])
    assert (claims["acr"], claims["aud"], claims["nonce"]) == ("AAL1_USERPASS", "portal-rzz09", "n-7")
    assert claims["exp"] - claims["iat"] == given["expires_in"] == 120
    assert unchecked(given["id_token"])[0]["alg"] == alg
    assert (await stub.get("/userinfo", headers={"Authorization": f"Bearer {given['access_token']}"})).status == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"uid": "910000000000"},
        {"client_id": "nobody"},
        {"roleid": "555000000102"},
        {"alg": "HS256"},
        {"lifetime": 3601},
        {"lifetime": True},
        {"fault": "no-such-fault"},
        {"role": "555000000101"},
    ],
)
async def test_sandbox_token_explains_what_it_does_not_do(stub: TestClient, wish: dict[str, Any]) -> None:
    answer = await stub.post("/sandbox/token", json={"uid": NADIA, "client_id": "scra", **wish})
    assert answer.status == 400
    assert (await answer.json())["error_description"]
    assert (await stub.post("/sandbox/token", data=b"[]")).status == 400


async def faulty(stub: TestClient, fault: str) -> str:
    answer = await stub.post("/sandbox/token", json={"uid": NADIA, "client_id": "scra", "fault": fault})
    assert answer.status == 200
    return str((await answer.json())["id_token"])


async def test_each_token_fault_is_wrong_in_its_one_way(stub: TestClient, clock: Clock) -> None:
    now = int(clock.now.timestamp())
    seen = {fault: unchecked(await faulty(stub, fault)) for fault in tokens.TOKEN_FAULTS}
    claims = {fault: pair[1] for fault, pair in seen.items()}
    assert claims["expired"]["exp"] < now
    assert claims["expired"]["exp"] - claims["expired"]["iat"] == 3600
    assert claims["not-yet-valid"]["nbf"] > now
    assert claims["wrong-audience"]["aud"] != "scra"
    assert claims["wrong-issuer"]["iss"] != ISSUER
    assert claims["old-auth-time"]["auth_time"] < now - 12 * 3600
    assert claims["long-life"]["exp"] - claims["long-life"]["iat"] == 7200
    assert "acr" not in claims["no-acr"]
    assert "exp" not in claims["no-exp"]
    assert isinstance(claims["string-exp"]["exp"], str)
    assert "selected_roleid" not in claims["no-role"]
    holder = cast.user_of_role(claims["other-role"]["selected_roleid"])
    assert holder is not None
    assert holder[0].uid != NADIA
    assert seen["wrong-typ"][0]["typ"] != "JWT"
    assert seen["alg-none"][0]["alg"] == "none"
    kids = (await (await stub.get("/control")).json())["published"]
    assert seen["unknown-kid"][0]["kid"] not in kids
    assert seen["wrong-key"][0]["kid"] in kids


async def test_hs256_fault_is_keyed_with_the_published_key(stub: TestClient) -> None:
    token = await faulty(stub, "hs256-public-key")
    signed, _, signature = token.rpartition(".")
    kid = unchecked(token)[0]["kid"]
    keys = KeySet.import_key_set(await (await stub.get("/jwks")).json())
    expected = hmac.digest(keys.get_by_kid(kid).as_pem(private=False), signed.encode(), "sha256")  # type: ignore[union-attr]
    assert base64.urlsafe_b64encode(expected).rstrip(b"=").decode() == signature


async def assertion(stub: TestClient, **wish: str) -> dict[str, Any]:
    usual = {"uid": NADIA, "audience": "urn:gateway", "recipient": "http://127.0.0.1:8080/viewers/adastra"}
    answer = await stub.post("/sandbox/saml", json={**usual, **wish})
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


async def test_assertion_says_who_for_whom_and_for_how_long(stub: TestClient) -> None:
    root = etree.fromstring((await assertion(stub))["assertion"])
    assert [etree.QName(child).localname for child in root][:3] == ["Issuer", "Signature", "Subject"]
    assert root.findtext(f"{SAML}Issuer") == ISSUER
    assert root.findtext(f".//{SAML}NameID") == NADIA
    assert root.findtext(f".//{SAML}Audience") == "urn:gateway"
    data = root.find(f".//{SAML}SubjectConfirmationData")
    assert data is not None
    assert (data.get("Recipient"), data.get("NotOnOrAfter")) == (
        "http://127.0.0.1:8080/viewers/adastra",
        "2026-03-29T00:35:00Z",
    )
    assert root.findtext(f".//{SAML}AuthnContextClassRef") == "urn:nhs:names:assurance:AAL3"
    assert root.findtext(f".//{SAML}AttributeValue") == "555000000101"
    metadata = etree.fromstring(await (await stub.get("/saml/metadata")).read())
    certificate = metadata.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    inside = root.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate") or ""
    assert certificate == "".join(inside.split())


async def test_every_assertion_fault_is_made_and_wrapping_shows_the_evil_name(stub: TestClient) -> None:
    for fault in SAML_FAULTS:
        made = await assertion(stub, fault=fault)
        elements = [etree.fromstring(text) for text in made["assertions"]]
        assert made["assertion"] == made["assertions"][0]
        if fault.startswith("wrapped-"):
            careless = next(elements[0].iter(f"{SAML}Assertion")).findtext(f"{SAML}Subject/{SAML}NameID")
            assert careless == EVIL_UID, fault
            assert NADIA in [name.text for element in elements for name in element.iter(f"{SAML}NameID")], fault
    assert len((await assertion(stub, fault="wrapped-3"))["assertions"]) == 2


def test_shelves_are_bounded_and_forget() -> None:
    shelf: Shelf[int] = Shelf(timedelta(seconds=10), most=2)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        shelf.put(str(number), number, start)
    assert [shelf.get(str(number), start) for number in range(3)] == [None, 1, 2]
    assert shelf.get("2", start + timedelta(seconds=10)) is None
    assert (shelf.pop("1", start), shelf.pop("1", start)) == (1, None)


def test_only_registered_paths_of_the_loopback_are_callbacks() -> None:
    client = clients.find("rio-rzz02")
    assert client is not None
    assert client.accepts("https://127.0.0.1/launch/callback")
    assert client.accepts("http://127.0.0.1:1/privacy/callback")
    assert not client.accepts("http://localhost:8080/launch/callback")


def test_the_help_names_every_fault_it_can_play() -> None:
    told = CliRunner().invoke(main, ["serve", "identity", "--help"])
    assert told.exit_code == 0
    words = re.sub(r"-\n\s+", "-", told.output)
    for fault in (*tokens.TOKEN_FAULTS, *SAML_FAULTS):
        assert re.search(rf"(?<![\w-]){fault}(?![\w-])", words), fault
