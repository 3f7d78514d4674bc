"""Sign-in of a browser: what is sent to the identity service, and every answer of it that signs nobody in."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpServer

from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, NotPossibleNow
from gateway.identity.keys import KeySet, read_key_set
from gateway.identity.oidc import OidcAddresses, SignIn
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from tests.identity.proving import AUDIENCE, ISSUER, NADIA, NOW, TOM, good_claims
from vendor_stubs import cast
from vendor_stubs.identity.keys import KeyRing

CALLBACK = "http://127.0.0.1:8080/viewer/callback"
VERIFIER = "v" * 43


@dataclass
class Service:
    """An identity service that answers as it is told."""

    token: Any = None
    token_status: int = 200
    userinfo: Any = None
    userinfo_status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    bearers: list[str | None] = field(default_factory=list)

    async def give_token(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        return self._answer(self.token, self.token_status)

    async def give_user(self, request: web.Request) -> web.Response:
        self.bearers.append(request.headers.get("Authorization"))
        return self._answer(self.userinfo, self.userinfo_status)

    @staticmethod
    def _answer(document: Any, status: int) -> web.Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return web.Response(body=body, status=status, content_type="application/json")


class Keys:
    """The stub's published keys."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = read_key_set(ring.jwks())

    async def keys(self, now: datetime, kid: str | None = None) -> KeySet:
        return self._keys


@pytest.fixture
def service(ring: KeyRing) -> Service:
    """Answers as a good one would."""
    token = ring.current("ES256").sign(json.dumps(good_claims(nonce="n")).encode(), {})
    nadia = cast.user(NADIA)
    assert nadia is not None
    return Service(
        token={"id_token": token, "access_token": "opaque", "token_type": "Bearer"}, userinfo=cast.userinfo(nadia)
    )


async def finish(service: Service, aiohttp_server: AiohttpServer, ring: KeyRing, *, nonce: str = "n") -> Any:
    app = web.Application()
    app.add_routes([web.post("/token", service.give_token), web.get("/userinfo", service.give_user)])
    server = await aiohttp_server(app)
    base = str(server.make_url("")).rstrip("/")
    addresses = OidcAddresses(
        authorize_url=f"{base}/authorize", token_url=f"{base}/token", userinfo_url=f"{base}/userinfo", seconds=2
    )
    async with aiohttp.ClientSession() as session:
        sign_in = SignIn(session, addresses, IdTokenVerifier(TokenRules(issuer=ISSUER), Keys(ring)))
        return await sign_in.finish(
            code="c", client_id=AUDIENCE, redirect_uri=CALLBACK, nonce=nonce, verifier=VERIFIER, now=NOW
        )


def test_where_the_browser_is_sent(ring: KeyRing) -> None:
    addresses = OidcAddresses(authorize_url="http://i/authorize", token_url="http://i/t", userinfo_url="http://i/u")
    sign_in = SignIn(None, addresses, IdTokenVerifier(TokenRules(issuer=ISSUER), Keys(ring)))  # type: ignore[arg-type]
    address = sign_in.address(
        client_id="scra", redirect_uri=CALLBACK, state="s", nonce="n", verifier=VERIFIER, prompt="login"
    )
    asked = dict(parse_qsl(urlsplit(address).query))
    digest = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (digest, "S256")
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", "scra", CALLBACK)
    assert {"openid", "nationalrbacaccess", "selectedrole"} <= set(asked["scope"].split())
    assert (asked["state"], asked["nonce"], asked["prompt"]) == ("s", "n", "login")
    assert VERIFIER not in address


async def test_a_good_sign_in(service: Service, aiohttp_server: AiohttpServer, ring: KeyRing) -> None:
    proof, user = await finish(service, aiohttp_server, ring)
    assert (proof.id.value, user.id.value, user.name) == (NADIA, NADIA, "ADAMS Nadia Dr")
    assert [role.organisation.value for role in user.roles] == ["RZZ01"]
    assert service.asked == [
        {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": CALLBACK,
            "client_id": AUDIENCE,
            "code_verifier": VERIFIER,
        }
    ]
    assert service.bearers == ["Bearer opaque"]


async def test_a_token_with_another_nonce_signs_nobody_in(
    service: Service, aiohttp_server: AiohttpServer, ring: KeyRing
) -> None:
    with pytest.raises(GatewayError) as refused:
        await finish(service, aiohttp_server, ring, nonce="another")
    assert refused.value.code is Code.CREDENTIALS_INVALID
    assert service.bearers == [], "nothing more is asked once the token is refused"


async def test_userinfo_about_somebody_else(service: Service, aiohttp_server: AiohttpServer, ring: KeyRing) -> None:
    tom = cast.user(TOM)
    assert tom is not None
    service.userinfo = cast.userinfo(tom)
    with pytest.raises(GatewayError) as refused:
        await finish(service, aiohttp_server, ring)
    assert refused.value.code is Code.USER_MISMATCH


@pytest.mark.parametrize("spoilt", [{"nhsid_nrbac_roles": [{}]}, {"nhsid_nrbac_roles": None}, {"name": 7}, {"sub": 7}])
async def test_malformed_userinfo_is_the_services_fault_and_not_the_users(
    service: Service, aiohttp_server: AiohttpServer, ring: KeyRing, spoilt: Any
) -> None:
    service.userinfo = {**service.userinfo, **spoilt}
    with pytest.raises(GatewayError) as refused:
        await finish(service, aiohttp_server, ring)
    assert refused.value.code is Code.IDENTITY_UNAVAILABLE


@pytest.mark.parametrize("token", [{}, {"id_token": 1, "access_token": "x"}, {"id_token": "x"}])
async def test_an_answer_without_tokens(
    service: Service, aiohttp_server: AiohttpServer, ring: KeyRing, token: Any
) -> None:
    service.token = token
    with pytest.raises(GatewayError) as refused:
        await finish(service, aiohttp_server, ring)
    assert refused.value.code is Code.CREDENTIALS_INVALID


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant"}, Code.CREDENTIALS_INVALID),
        (401, b"", Code.CREDENTIALS_INVALID),
        (500, b"oops", Code.IDENTITY_UNAVAILABLE),
        (302, b"", Code.IDENTITY_UNAVAILABLE),
        (200, b"not json", Code.IDENTITY_UNAVAILABLE),
        (200, b"[]", Code.IDENTITY_UNAVAILABLE),
        (200, b"[" * 100_000, Code.IDENTITY_UNAVAILABLE),
        (200, b" " * (600 * 1024), Code.IDENTITY_UNAVAILABLE),
    ],
)
async def test_answers_that_cannot_be_used(
    service: Service, aiohttp_server: AiohttpServer, ring: KeyRing, status: int, body: Any, code: Code
) -> None:
    service.token, service.token_status = body, status
    with pytest.raises(GatewayError) as refused:
        await finish(service, aiohttp_server, ring)
    assert refused.value.code is code


async def test_an_identity_service_that_is_away(ring: KeyRing) -> None:
    addresses = OidcAddresses(
        authorize_url="http://127.0.0.1:9/a", token_url="http://127.0.0.1:9/t", userinfo_url="http://127.0.0.1:9/u"
    )
    async with aiohttp.ClientSession() as session:
        sign_in = SignIn(session, addresses, IdTokenVerifier(TokenRules(issuer=ISSUER), Keys(ring)))
        with pytest.raises(NotPossibleNow) as refused:
            await sign_in.finish(
                code="c", client_id=AUDIENCE, redirect_uri=CALLBACK, nonce="n", verifier=VERIFIER, now=NOW
            )
    assert refused.value.code is Code.IDENTITY_UNAVAILABLE
