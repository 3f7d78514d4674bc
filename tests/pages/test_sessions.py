"""Browser sessions: sealed, bound, idle 15 minutes, 12 hours at most, and never widened by anybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.domain.access import Assurance, ProvedUser, Setting
from gateway.domain.codes import Code
from gateway.domain.decision import PermissionBasis
from gateway.domain.errors import AccessDenied, NotPossibleNow
from gateway.domain.identifiers import NhsNumber, OdsCode, RoleProfileId, SystemId, UserId
from gateway.pages.contexts import Grant, PatientContext, from_json, to_json
from gateway.pages.sessions import BrowserSession, Cookie, RoleChoice, Seal, Sessions, form_token_fits, signed_in
from tests.pages.test_formats import patient

NOW = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)
ROLE = RoleProfileId("555000000116")


class Kept:
    """One row of the shelf below."""

    def __init__(self, state: str, data: dict[str, Any], now: datetime, expires: datetime) -> None:
        self.state, self.data, self.created, self.expires, self.version = state, data, now, expires, 0


class Shelf:
    """A shelf in memory with the store's own rules."""

    def __init__(self) -> None:
        self.rows: dict[str, Kept] = {}
        self.meddle: int = 0

    async def put(self, secret: str, *, state: str, data: dict[str, Any], now: datetime, expires: datetime) -> None:
        self.rows[secret] = Kept(state, data, now, expires)

    async def get(self, secret: str, *, now: datetime) -> Kept | None:
        row = self.rows.get(secret)
        return row if row is not None and row.expires > now else None

    async def change(
        self,
        secret: str,
        *,
        version: int,
        state: str,
        data: dict[str, Any],
        now: datetime,
        expires: datetime | None = None,
    ) -> bool:
        row = self.rows.get(secret)
        if self.meddle:
            self.meddle -= 1
            if row is not None:
                row.version += 1
        if row is None or row.version != version or row.expires <= now:
            return False
        row.state, row.data, row.version, row.expires = state, data, version + 1, expires or row.expires
        return True

    async def drop(self, secret: str) -> None:
        self.rows.pop(secret, None)


class Random:
    """Bytes that never repeat."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


@pytest.fixture
def shelf() -> Shelf:
    """An empty shelf."""
    return Shelf()


@pytest.fixture
def sessions(shelf: Shelf) -> Sessions:
    """Sessions over it, under plain http."""
    return Sessions(shelf=shelf, seal=Seal(Random()), cookie=Cookie(name="scr-viewer", secure=False))


def session(**changes: Any) -> BrowserSession:
    """Somebody just signed in."""
    proof = ProvedUser(
        id=UserId("910000000158"),
        assurance=Assurance.AAL3,
        authenticated=NOW - timedelta(hours=1),
        expires=NOW + timedelta(minutes=30),
        selected_role=ROLE,
    )
    values: dict[str, Any] = {
        "name": "RAO Vikram Dr",
        "system": SystemId("scra"),
        "roles": (RoleChoice(id=ROLE, organisation=OdsCode("RZZ02"), name="Doctor"),),
        "now": NOW,
        "role": ROLE,
        "organisation": OdsCode("RZZ02"),
        "setting": Setting("mental_health"),
    }
    return signed_in(proof, **(values | changes))


def request(secret: str | None) -> web.Request:
    """A request with that cookie."""
    headers = {"Cookie": f"scr-viewer={secret}"} if secret is not None else {}
    return make_mocked_request("GET", "/viewer", headers=headers)


CONTEXT = PatientContext(
    id="ctx",
    asked=NhsNumber("9992003448"),
    patient=patient(requested=NhsNumber("9992003448")),
    relationship="self-claimed",
    purpose="post-death-duty",
    confirm_deceased=True,
    grant=Grant(at=NOW, basis=PermissionBasis.EMERGENCY, event_id="E", claims={"note": "found unconscious"}),
)


async def test_what_is_kept_comes_back_and_says_nothing_in_the_store(sessions: Sessions, shelf: Shelf) -> None:
    begun = await sessions.begin(session(context=CONTEXT))
    found = await sessions.read(request(begun.secret), NOW)
    assert found == begun
    kept = repr(shelf.rows[begun.secret].data)
    for told in ("RAO", "9992000112", "9992003448", "Ashworth", "unconscious", "RZZ02", "910000000158"):
        assert told not in kept


def test_a_context_survives_json() -> None:
    assert from_json(to_json(CONTEXT)) == CONTEXT


async def test_the_proof_ends_with_the_session_and_binds_the_role(sessions: Sessions) -> None:
    begun = await sessions.begin(session())
    assert begun.proof.expires == begun.ends == NOW - timedelta(hours=1) + timedelta(hours=12)
    assert begun.proof.selected_role == ROLE


async def test_idle_fifteen_minutes(sessions: Sessions) -> None:
    begun = await sessions.begin(session())
    await sessions.read(request(begun.secret), NOW + timedelta(minutes=14, seconds=59))
    later = await sessions.read(request(begun.secret), NOW + timedelta(minutes=29))
    assert later.seen == NOW + timedelta(minutes=29)
    with pytest.raises(AccessDenied) as denied:
        await sessions.read(request(begun.secret), NOW + timedelta(minutes=44))
    assert denied.value.code is Code.SESSION_EXPIRED


async def test_twelve_hours_after_sign_in_it_ends_however_busy(sessions: Sessions) -> None:
    begun = await sessions.begin(session())
    moment = NOW
    while moment < begun.ends - timedelta(minutes=10):
        moment += timedelta(minutes=10)
        await sessions.read(request(begun.secret), moment)
    with pytest.raises(AccessDenied):
        await sessions.read(request(begun.secret), begun.ends)


@pytest.mark.parametrize("secret", [None, "", "short", "x" * 43, "x" * 200, "é" * 43])
async def test_a_cookie_of_nobody_opens_nothing(sessions: Sessions, secret: str | None) -> None:
    with pytest.raises(AccessDenied) as denied:
        await sessions.read(request(secret), NOW)
    assert denied.value.code in {Code.SESSION_MISSING, Code.SESSION_EXPIRED}


async def test_a_session_of_another_kind_of_page_is_none(sessions: Sessions) -> None:
    begun = await sessions.begin(session())
    with pytest.raises(AccessDenied):
        await replace(sessions, kind="privacy").read(request(begun.secret), NOW)


async def test_data_put_into_the_store_by_others_opens_nothing(sessions: Sessions, shelf: Shelf) -> None:
    begun, other = await sessions.begin(session()), await sessions.begin(session(name="OTHER"))
    shelf.rows[begun.secret].data = shelf.rows[other.secret].data
    with pytest.raises(AccessDenied):
        await sessions.read(request(begun.secret), NOW)
    shelf.rows[begun.secret].data = {"sealed": "AAAA"}
    with pytest.raises(AccessDenied):
        await sessions.read(request(begun.secret), NOW)


async def test_signing_out_ends_it(sessions: Sessions) -> None:
    begun = await sessions.begin(session())
    await sessions.end(begun)
    with pytest.raises(AccessDenied) as denied:
        await sessions.read(request(begun.secret), NOW)
    assert denied.value.code is Code.SESSION_EXPIRED


async def test_a_change_made_meanwhile_is_not_lost(sessions: Sessions, shelf: Shelf) -> None:
    begun = await sessions.begin(session())
    shelf.meddle = 2
    changed = await sessions.change(begun, NOW, lambda stored: replace(stored, context=CONTEXT))
    assert (await sessions.read(request(begun.secret), NOW)).context == changed.context == CONTEXT
    shelf.meddle = 100
    with pytest.raises(NotPossibleNow):
        await sessions.change(begun, NOW, lambda stored: stored)


def test_form_tokens_belong_to_one_session() -> None:
    one, other = replace(session(), secret="a" * 43), replace(session(), secret="b" * 43)
    assert form_token_fits(one.secret, one.csrf)
    for wrong in (other.csrf, "", "é", one.secret):
        assert not form_token_fits(one.secret, wrong)


@pytest.mark.parametrize(("secure", "name"), [(True, "__Host-scr-viewer"), (False, "scr-viewer")])
def test_the_cookie(secure: bool, name: str) -> None:
    response = web.Response()
    Cookie(name="scr-viewer", secure=secure).write(response, "x" * 43)
    cookie = response.cookies[name]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert bool(cookie["secure"]) is secure
    assert cookie["domain"] == ""


def test_the_name_is_not_in_a_repr() -> None:
    assert "RAO" not in repr(session(context=CONTEXT))
    assert "Ashworth" not in repr(session(context=CONTEXT))
