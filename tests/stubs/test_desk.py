"""The vendor desk over HTTP: nine screens with strict headers, nothing done for another site, the SMART host's own rules."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.running import RunningSandbox
from vendor_stubs import cast
from vendor_stubs.cast import default_system
from vendor_stubs.desk.pages import moment
from vendor_stubs.desk.smart_host import CALLBACK, CLIENT
from vendor_stubs.desk.systems import NAMES, screens
from vendor_stubs.launching import smart_issuer


@pytest.fixture
def desk(sandbox: RunningSandbox) -> str:
    return f"http://127.0.0.1:{sandbox.base + 3}"


@pytest.mark.parametrize("path", ["/", "/lab", *(f"/desk/{product}" for product in NAMES)])
async def test_every_page_is_strict(desk: str, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(desk + path) as answer:
        text = await answer.text()
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script>" not in text
    assert "style=" not in text
    assert "Sandbox." in text


async def test_another_site_opens_nothing(desk: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path, form in (
            ("/desk/adastra/open", {"nhs_number": "9000000009"}),
            ("/desk/adastra/sign-in", {"uid": "910000000117"}),
            ("/lab", {"host": "rio", "fault": "none"}),
        ):
            headers = {"Sec-Fetch-Site": "cross-site"}
            async with session.post(desk + path, data=form, headers=headers, allow_redirects=False) as answer:
                assert answer.status == 403, path


async def test_what_is_not_there_is_not_found(desk: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/desk/abacus", "/static/../app.py", "/static/none.css", "/fhir/rio-rzz02/authorize"):
            async with session.get(desk + path) as answer:
                assert answer.status == 404, path


async def test_a_refused_view_says_so_in_the_pane(desk: str) -> None:
    form = {"nhs_number": "9000000009", "permission": "not-asked", "relationship": "none"}
    async with aiohttp.ClientSession() as session, session.post(f"{desk}/desk/symphony/open", data=form) as answer:
        text = await answer.text()
    assert 'data-outcome="refused"' in text
    assert "relationship-missing" in text
    assert "data-record" not in text


class Asking:
    """Authorisation requests of the app, as the gateway makes them."""

    def __init__(self, sandbox: RunningSandbox, desk: str, session: aiohttp.ClientSession) -> None:
        self.issuer = smart_issuer(desk, default_system("lorenzo"))
        self.gateway, self.session = sandbox.gateway, session

    async def handle(self) -> str:
        said = {"uid": "910000000018", "nhs_number": "9000000009"}
        async with self.session.post(f"{self.issuer}/launches", json=said) as answer:
            return str((await answer.json())["launch"])

    async def authorize(self, **changed: str) -> tuple[int, dict[str, list[str]]]:
        query = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": self.gateway + CALLBACK,
            "scope": "launch openid fhirUser",
            "state": "s",
            "aud": self.issuer,
            "launch": await self.handle(),
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        } | changed
        address = f"{self.issuer}/authorize?{urlencode(query)}"
        async with self.session.get(address, allow_redirects=False) as answer:
            return answer.status, parse_qs(urlsplit(answer.headers.get("Location", "")).query)


async def test_the_smart_host_keeps_to_its_own_rules(sandbox: RunningSandbox, desk: str) -> None:
    """RFC 7636 appendix B's verifier; a code works once, for its own app, address and verifier."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    async with aiohttp.ClientSession() as session:
        asking = Asking(sandbox, desk, session)
        for changed in ({"client_id": "x"}, {"redirect_uri": "https://evil.example/"}):
            assert (await asking.authorize(**changed))[0] == 400
        for changed in ({"aud": "x"}, {"launch": "x"}, {"scope": "openid"}, {"code_challenge_method": "plain"}):
            status, query = await asking.authorize(**changed)
            assert (status, query.get("error")) == (303, ["invalid_request"])
        for wrong in ({"code_verifier": "x" * 43}, {"redirect_uri": "http://127.0.0.1/"}, {}):
            _, query = await asking.authorize()
            form = {
                "grant_type": "authorization_code",
                "code": query["code"][0],
                "redirect_uri": asking.gateway + CALLBACK,
                "client_id": CLIENT,
                "code_verifier": verifier,
            } | wrong
            for again in (False, True):
                async with session.post(f"{asking.issuer}/token", data=form) as answer:
                    good = not wrong and not again
                    assert answer.status == (200 if good else 400)
                    if good:
                        assert json.loads(await answer.text())["patient"] == "9000000009"


def test_every_screen_has_a_list_of_its_own() -> None:
    """The same people, each case once, in an order and words of the system's own."""
    lists = {one.product: [(row.patient.case, row.place) for row in one.listed] for one in screens()}
    assert {frozenset(case for case, _ in rows) for rows in lists.values()} == {
        frozenset(patient.case for patient in cast.patients())
    }
    assert len({tuple(case for case, _ in rows) for rows in lists.values()}) == len(NAMES) == 9
    assert len({place for rows in lists.values() for _, place in rows[:1]}) == 9


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1945-07-14", "14-Jul-1945"),
        ("2024-09-25T17:32:19+01:00", "25-Sep-2024 17:32"),
        ("2024", "2024"),
        ("not stated", "not stated"),
    ],
)
def test_times_are_shown_as_clinicians_read_them(text: str, shown: str) -> None:
    assert moment(text) == shown
