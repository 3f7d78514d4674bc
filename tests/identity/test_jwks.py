"""Keys over the wire: fetched bounded and seldom, rotated in, withdrawn out, kept through short outages. A real server answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied, InvalidValue, NotPossibleNow
from gateway.identity.jwks import JwksCache, JwksRules
from gateway.identity.keys import read_key_set
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from tests.identity.proving import AUDIENCE, ISSUER, NADIA, NOW, good_claims, seconds
from vendor_stubs.identity.keys import KeyRing
from vendor_stubs.identity.tokens import encode


class Service:
    """An identity service whose answer a test sets."""

    def __init__(self) -> None:
        self.ring = KeyRing()
        self.asked = 0
        self.answer: Callable[[], web.StreamResponse] = lambda: web.json_response(self.ring.jwks())
        self.delay = 0.0
        self.url = ""

    async def handle(self, _request: web.Request) -> web.StreamResponse:
        self.asked += 1
        await asyncio.sleep(self.delay)
        return self.answer()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_get("/jwks", made.handle)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/jwks"))
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def cache(session: aiohttp.ClientSession, service: Service, **changes: Any) -> JwksCache:
    return JwksCache(session, JwksRules(url=service.url, **{"allow_stub_keys": True, **changes}))


async def test_keys_are_fetched_once_and_again_when_old(service: Service, session: aiohttp.ClientSession) -> None:
    keys = cache(session, service)
    for later in (0, 1, 299):
        assert set((await keys.keys(NOW + seconds(later))).keys) == set(service.ring.kids())
    assert service.asked == 1
    await keys.keys(NOW + seconds(300))
    assert service.asked == 2


async def test_a_new_key_is_found_at_once_and_strange_ids_do_not_flood(
    service: Service, session: aiohttp.ClientSession
) -> None:
    keys = cache(session, service)
    await keys.keys(NOW)
    service.ring.rotate()
    fresh = service.ring.current("ES256").kid
    assert fresh in await keys.keys(NOW + seconds(11), fresh)
    assert service.asked == 2
    for number in range(50):
        await keys.keys(NOW + seconds(12), f"strange-{number}")
    assert service.asked == 2
    await keys.keys(NOW + seconds(22), "strange")
    assert service.asked == 3


async def test_many_at_once_fetch_once(service: Service, session: aiohttp.ClientSession) -> None:
    keys = cache(session, service)
    service.delay = 0.05
    found = await asyncio.gather(*(keys.keys(NOW) for _ in range(50)))
    assert service.asked == 1
    assert len({id(one) for one in found}) == 1


async def test_a_withdrawn_key_dies_with_the_next_fetch_and_takes_its_tokens_along(
    service: Service, session: aiohttp.ClientSession
) -> None:
    verifier = IdTokenVerifier(TokenRules(issuer=ISSUER), cache(session, service))
    old = service.ring.current("ES256")
    token = old.sign(encode(good_claims()))
    assert (await verifier.verify(token, AUDIENCE, NOW)).user.id.value == NADIA
    service.ring.rotate()
    assert await verifier.verify(token, AUDIENCE, NOW + seconds(301)), "rotated but still published"
    service.ring.withdraw(old.kid)
    with pytest.raises(Exception, match="credentials-invalid"):
        await verifier.verify(token, AUDIENCE, NOW + seconds(602))


async def test_expired_keys_are_fetched_at_once_and_serve_on_where_the_service_is_away(
    service: Service, session: aiohttp.ClientSession
) -> None:
    """What a reload does: a withdrawn key ends with it, an outage at that moment ends nothing."""
    keys = cache(session, service)
    verifier = IdTokenVerifier(TokenRules(issuer=ISSUER), keys)
    old = service.ring.current("ES256")
    token = old.sign(encode(good_claims()))
    assert await verifier.verify(token, AUDIENCE, NOW)
    service.ring.rotate()
    service.ring.withdraw(old.kid)
    assert await verifier.verify(token, AUDIENCE, NOW + seconds(1)), "not asked again yet"
    service.answer = lambda: web.Response(status=503)
    keys.expire()
    assert await verifier.verify(token, AUDIENCE, NOW + seconds(2)), "away: what was known serves on"
    assert await verifier.verify(token, AUDIENCE, NOW + seconds(3))
    assert service.asked == 2
    service.answer = lambda: web.json_response(service.ring.jwks())
    with pytest.raises(AccessDenied) as caught:
        await verifier.verify(token, AUDIENCE, NOW + seconds(13))
    assert caught.value.code is Code.CREDENTIALS_INVALID
    assert service.asked == 3
    keys.expire()
    await keys.keys(NOW + seconds(14))
    await keys.keys(NOW + seconds(15))
    assert service.asked == 4, "once, and fresh again"


async def test_an_outage_is_borne_for_half_an_hour(service: Service, session: aiohttp.ClientSession) -> None:
    keys = cache(session, service)
    known = await keys.keys(NOW)
    service.answer = lambda: web.Response(status=503)
    assert await keys.keys(NOW + timedelta(minutes=29)) is known
    with pytest.raises(NotPossibleNow) as caught:
        await keys.keys(NOW + timedelta(minutes=30))
    assert caught.value.code is Code.IDENTITY_UNAVAILABLE
    assert caught.value.retry_after
    asked = service.asked
    with pytest.raises(NotPossibleNow):
        await keys.keys(NOW + timedelta(minutes=30, seconds=1))
    assert service.asked == asked, "not asked again within the pause"
    service.answer = lambda: web.json_response(service.ring.jwks())
    assert await keys.keys(NOW + timedelta(minutes=31))


async def test_at_start_the_service_may_come_up_a_moment_later(
    service: Service, session: aiohttp.ClientSession
) -> None:
    keys = cache(session, service)
    service.answer = lambda: web.Response(status=503)
    for later in (0.0, 0.5):
        with pytest.raises(NotPossibleNow):
            await keys.keys(NOW + seconds(later))
    assert service.asked == 1
    service.answer = lambda: web.json_response(service.ring.jwks())
    assert await keys.keys(NOW + seconds(1))


async def test_a_clock_set_back_does_not_keep_keys_alive(service: Service, session: aiohttp.ClientSession) -> None:
    keys = cache(session, service)
    await keys.keys(NOW + timedelta(days=1))
    await keys.keys(NOW)
    assert service.asked == 2


def moved() -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/jwks"})


@pytest.mark.parametrize(
    "answer",
    [
        moved,
        lambda: web.Response(status=404),
        lambda: web.Response(text="<html>"),
        lambda: web.Response(body=b"\xff"),
        lambda: web.Response(text="[" * 60_000),
        lambda: web.json_response([]),
        lambda: web.json_response({"keys": []}),
        lambda: web.json_response({"keys": "x"}),
        lambda: web.Response(body=b" " * 70_000),
    ],
)
async def test_useless_answers_are_refused(
    service: Service, session: aiohttp.ClientSession, answer: Callable[[], web.StreamResponse]
) -> None:
    service.answer = answer
    with pytest.raises(NotPossibleNow):
        await cache(session, service).keys(NOW)
    assert service.asked == 1


async def test_a_silent_service_costs_no_more_than_the_limit(service: Service, session: aiohttp.ClientSession) -> None:
    service.delay = 30
    with pytest.raises(NotPossibleNow):
        async with asyncio.timeout(10):
            await cache(session, service, timeout=seconds(0.05)).keys(NOW)


async def test_an_unreachable_service_is_told_as_such(session: aiohttp.ClientSession) -> None:
    keys = JwksCache(session, JwksRules(url="http://127.0.0.1:1/jwks"))
    with pytest.raises(NotPossibleNow) as caught:
        await keys.keys(NOW)
    assert caught.value.code is Code.IDENTITY_UNAVAILABLE


async def test_stub_keys_are_refused_outside_the_sandbox(service: Service, session: aiohttp.ClientSession) -> None:
    with pytest.raises(NotPossibleNow):
        await cache(session, service, allow_stub_keys=False).keys(NOW)


async def test_cleared_keys_are_fetched_again(service: Service, session: aiohttp.ClientSession) -> None:
    keys = cache(session, service)
    await keys.keys(NOW)
    keys.clear()
    await keys.keys(NOW)
    assert service.asked == 2


def jwks(**changes: Any) -> dict[str, Any]:
    """A key set of one EC key with members changed; `...` takes one out."""
    row = {**RING.current("ES256").public(), **changes}
    return {"keys": [{name: value for name, value in row.items() if value is not ...}]}


RING = KeyRing()


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"keys": [None]},
        {"keys": [RING.current("ES256").public()] * 2},
        {"keys": [{**RING.current("ES256").public(), "kid": str(number)} for number in range(33)]},
        {"keys": [RING.current("ES256").key.as_dict(private=True)]},
        {"keys": [{"kty": "oct", "kid": "x", "k": "c2VjcmV0"}]},
        jwks(kid=...),
        jwks(kid=""),
        jwks(kid=["x"]),
        jwks(use="enc"),
        jwks(key_ops=["encrypt"]),
        jwks(key_ops=7),
        jwks(alg="ES512"),
        jwks(crv="P-384"),
        jwks(x=...),
        jwks(x="AAAA"),
        jwks(x=7),
        jwks(kty="OKP"),
        jwks(kty=["EC"]),
        {"keys": [{"kty": "RSA", "kid": "r", "n": "sXchvmBdF0k", "e": "AQAB"}]},
    ],
)
def test_doubtful_key_sets_are_refused(document: Any) -> None:
    with pytest.raises(InvalidValue):
        read_key_set(document)


def test_keys_of_other_kinds_are_skipped_beside_good_ones() -> None:
    good = RING.current("ES256").public()
    others = [
        {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA"},
        {**RING.current("RS256").public(), "use": "enc", "kid": "e"},
    ]
    found = read_key_set(json.loads(json.dumps({"keys": [*others, good]})))
    assert set(found.keys) == {good["kid"]}
    assert found.has_stub_keys
