"""The identity stub and the gateway's proof over a real wire: what the one hands out, the other proves, and its faults prove nobody."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from gateway.domain.access import Assurance
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import UserId
from gateway.identity.jwks import JwksCache, JwksRules
from gateway.identity.proofs import Proofs
from gateway.identity.saml import AssertionRules, read_metadata
from gateway.identity.tokens import IdTokenVerifier, TokenRules
from gateway.identity.userinfo import read_user
from gateway.service.identify import choose_role
from gateway.xml.names import SAML
from gateway.xml.parser import parse
from tests.identity.proving import ISSUER, NADIA, NOW, TOM, seconds
from vendor_stubs import cast
from vendor_stubs.identity.app import build_app
from vendor_stubs.identity.assertion_faults import SAML_FAULTS
from vendor_stubs.identity.tokens import TOKEN_FAULTS

GATEWAY, DOOR = "urn:scr-gateway", "http://127.0.0.1:8080/viewers/adastra"


class Sandbox:
    """The stub on a port of its own, and the gateway's proofs pointed at it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url
        self.now = NOW

    async def start(self) -> None:
        async with self.session.get(f"{self.url}/saml/metadata") as answer:
            certificates = read_metadata(await answer.read(), ISSUER)
        rules = AssertionRules(issuer=ISSUER, audience=GATEWAY, recipients=frozenset({DOOR}), certificates=certificates)
        keys = JwksCache(self.session, JwksRules(url=f"{self.url}/jwks", allow_stub_keys=True))
        self.proofs = Proofs(IdTokenVerifier(TokenRules(issuer=ISSUER), keys), rules)

    async def post(self, path: str, **wish: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.url}{path}", json=wish) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def token(self, **wish: Any) -> str:
        return str((await self.post("/sandbox/token", **{"uid": NADIA, "client_id": "scra", **wish}))["id_token"])


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made: list[Sandbox] = []

    def clock() -> datetime:
        return made[0].now

    async with TestServer(build_app(ISSUER, clock=clock)) as server, aiohttp.ClientSession() as session:
        made.append(Sandbox(session, str(server.make_url("")).rstrip("/")))
        await made[0].start()
        yield made[0]


async def test_every_holder_is_proved_by_their_own_token_or_too_weak_to_be(sandbox: Sandbox) -> None:
    """P-07."""
    for holder in cast.users():
        token = await sandbox.token(uid=holder.uid)
        if holder.assurance == "AAL1":
            with pytest.raises(AccessDenied) as caught:
                await sandbox.proofs.token(token, audience="scra", now=NOW)
            assert (caught.value.code, caught.value.rules) == (Code.CREDENTIALS_ASSURANCE, ("P-07",))
            continue
        proved = await sandbox.proofs.token(token, audience="scra", now=NOW)
        assert proved.id == UserId(holder.uid)
        assert proved.assurance is Assurance[holder.assurance]
        assert (proved.selected_role is None) is (len(holder.roles) != 1)


async def test_a_role_of_another_user_is_refused_by_token_and_directory_together(sandbox: Sandbox) -> None:
    """P-09: the token's choice is signed, so only what the directory says of the user can refuse it."""
    proved = await sandbox.proofs.token(await sandbox.token(fault="other-role"), audience="scra", now=NOW)
    holder = cast.user(NADIA)
    assert holder is not None
    with pytest.raises(AccessDenied) as caught:
        choose_role(read_user(cast.userinfo(holder), proved.id), None, proved.selected_role)
    assert caught.value.code is Code.ROLE_NOT_HELD


@pytest.mark.parametrize("fault", [name for name in TOKEN_FAULTS if name not in {"other-role", "no-role"}])
async def test_no_faulty_token_proves_anybody(sandbox: Sandbox, fault: str) -> None:
    await sandbox.proofs.token(await sandbox.token(), audience="scra", now=NOW)
    token = await sandbox.token(fault=fault)
    with pytest.raises(AccessDenied) as caught:
        await sandbox.proofs.token(token, audience="scra", now=NOW)
    assert caught.value.code.slug.startswith("credentials-")


async def test_a_token_for_one_system_proves_nothing_to_any_other(sandbox: Sandbox) -> None:
    token = await sandbox.token(client_id="rio-rzz02")
    for system in cast.systems():
        if system.client_id == "rio-rzz02":
            assert await sandbox.proofs.token(token, audience=system.client_id, now=NOW)
            continue
        with pytest.raises(AccessDenied) as caught:
            await sandbox.proofs.token(token, audience=system.client_id, now=NOW)
        assert caught.value.code is Code.CREDENTIALS_AUDIENCE


async def test_rotation_is_followed_and_a_withdrawn_key_kills_its_tokens_within_five_minutes(sandbox: Sandbox) -> None:
    old = await sandbox.token()
    await sandbox.proofs.token(old, audience="scra", now=NOW)
    kid = (await sandbox.post("/control", rotate=True))["published"][0]
    sandbox.now += seconds(11)
    assert await sandbox.proofs.token(await sandbox.token(), audience="scra", now=sandbox.now)
    assert await sandbox.proofs.token(old, audience="scra", now=sandbox.now)
    await sandbox.post("/control", withdraw=kid)
    sandbox.now += seconds(299)
    assert await sandbox.proofs.token(old, audience="scra", now=sandbox.now), "keys are asked for every five minutes"
    sandbox.now += seconds(1)
    with pytest.raises(AccessDenied):
        await sandbox.proofs.token(old, audience="scra", now=sandbox.now)


async def test_many_requests_at_once_are_each_answered_for_their_own_token(sandbox: Sandbox) -> None:
    tokens = {uid: await sandbox.token(uid=uid) for uid in (NADIA, TOM, "910000000125")}
    asked = list(tokens) * 50
    proved = await asyncio.gather(*(sandbox.proofs.token(tokens[uid], audience="scra", now=NOW) for uid in asked))
    assert [user.id.value for user in proved] == asked


async def test_assertions_of_the_stub_prove_and_its_faults_do_not(sandbox: Sandbox) -> None:
    wish = {"uid": NADIA, "audience": GATEWAY, "recipient": DOOR}
    message = parse(f"<m>{(await sandbox.post('/sandbox/saml', **wish))['assertion']}</m>".encode())
    proved = await sandbox.proofs.assertion(message[0], now=NOW)
    assert proved.id == UserId(NADIA)
    assert proved.single_use_id == message[0].get("ID")
    for fault in SAML_FAULTS:
        parts = (await sandbox.post("/sandbox/saml", **wish, fault=fault))["assertions"]
        message = parse(f"<m>{''.join(parts)}</m>".encode())
        for assertion in message.iter(f"{{{SAML}}}Assertion"):
            with pytest.raises(AccessDenied):
                await sandbox.proofs.assertion(assertion, now=NOW)
