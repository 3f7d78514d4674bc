"""Several windows and several people at one browser: who signs in is who works, and each launch opens its own patient."""

import json
from urllib.parse import urlencode, urljoin

from tests.doors.launch.hosts import host, token
from tests.pages.walking import PATIENTS, entries, found, rows, walking
from tests.running import RunningSandbox
from vendor_stubs import rio
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.pages import FORM, Browser, Page

RAO, ADAMS = "910000000158", "910000000018"


def card(uid: str) -> dict[str, str | None]:
    """A smartcard and its PIN."""
    return {"uid": uid, "pin": uid[-4:]}


def who(page: Page) -> str:
    """Whom the page's head names."""
    return " ".join(str(text) for text in page.find("//*[contains(@class, 'scr-header__who')]//text()"))


async def come_back(calls: Calls, page: Page, uid: str) -> str:
    """The address a sign-in page leads back to, once card and PIN are given there; not yet gone to."""
    filled = urlencode({**page.form("/authorize/card"), **card(uid)}).encode()
    done = await calls.wire.send(
        "POST", urljoin(page.exchange.url, "/authorize/card"), headers={"Content-Type": FORM}, body=filled
    )
    return str(done.headers["Location"])


async def go(calls: Calls, address: str) -> Exchange:
    """One request, no redirect followed."""
    return await calls.wire.send("GET", address, headers={})


def session_cookie(came: Exchange) -> str:
    """The session that a return began, as its cookie is sent."""
    [cookie] = [one for one in came.headers.getall("Set-Cookie") if one.startswith("scr-viewer=")]
    return cookie.partition(";")[0]


def signed(sandbox: RunningSandbox, uid: str) -> list[str]:
    """Actions of a person's sessions on record, oldest first."""
    found = rows(sandbox, "SELECT body FROM audit WHERE event = 'session' AND user_id = ? ORDER BY at, seq", uid)
    return [json.loads(body)["operation"] for (body,) in found]


async def test_who_signs_in_is_who_works_whichever_window_came_first(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        first, second = await browser.get("/viewer/sign-in"), await browser.get("/viewer/sign-in")
        came = await go(calls, await come_back(calls, second, RAO))
        old = session_cookie(came)
        assert "RAO" in who(await browser.get("/viewer/setting")).upper()
        adams = await browser.post(first, "/authorize/card", card(ADAMS))
        assert "ADAMS" in who(adams).upper()
        assert signed(sandbox, RAO)[-1] == "signOut", "whoever was signed in before is signed out, on record"
        assert signed(sandbox, ADAMS)[-1] == "signIn"
        async with walking(sandbox) as (_, other):
            seen = await other.wire.send("GET", f"{other.gateway}/viewer/setting", headers={"Cookie": old})
        assert seen.code == "session-expired", "the cookie of the one before opens nothing"


async def test_a_card_on_a_sign_in_page_that_was_used_works_as_nobody(sandbox: RunningSandbox) -> None:
    """Back to the page where the one before gave card and PIN: another's card there is refused, and signs the one before out."""
    async with walking(sandbox) as (browser, calls):
        page = await browser.get("/viewer/sign-in")
        used = await come_back(calls, page, RAO)
        assert (await go(calls, used)).status == 303
        assert "RAO" in who(await browser.get("/viewer/setting")).upper()
        anew = await come_back(calls, await browser.get(page.exchange.url), ADAMS)
        refused = await go(calls, anew)
        assert (refused.code, refused.headers["Location"]) == ("session-expired", "/viewer/refused")
        assert (await browser.get("/viewer/setting")).exchange.code in {"session-missing", "session-expired"}
        assert signed(sandbox, RAO)[-1] == "signOut"
        told = await browser.get("/viewer/refused")
        assert told.find("//main//a[contains(@class, 'nhsuk-button')]/@href") == ["/viewer"]


async def test_back_through_the_very_same_return_leads_to_where_the_session_stands(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        page = await browser.get("/viewer/sign-in")
        used = await come_back(calls, page, RAO)
        assert (await go(calls, used)).headers["Location"] == "/viewer/setting"
        again = await go(calls, used)
        assert (again.status, again.code, again.headers["Location"]) == (303, None, "/viewer/setting")
        assert "Set-Cookie" not in again.headers
        assert entries(sandbox, again.correlation_id) == [], "nothing was refused that anybody need look into"
        page = await browser.get("/viewer/setting")
        await browser.post(page, "/viewer/sign-out", {})
        ended = await go(calls, used)
        assert (ended.code, ended.headers["Location"]) == ("session-expired", "/viewer/refused")


async def test_a_return_of_nobodys_changes_nothing_and_shows_nobodys_page(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        await found(browser, PATIENTS["core"])
        forged = await go(calls, f"{calls.gateway}/viewer/callback?code=x&state=y")
        assert (forged.code, forged.headers["Location"]) == ("session-expired", "/viewer/refused")
        assert (await browser.get("/viewer")).find("//*[@data-nhs-number]/@data-nhs-number") == [PATIENTS["core"]]


async def test_two_launches_at_once_open_each_its_own_patient(sandbox: RunningSandbox) -> None:
    """Both windows wait at the sign-in; whichever is signed in to shows the patient it was opened for."""
    async with host(sandbox, "rio") as calls:
        browser = Browser(calls)
        pages = {}
        for case in ("core", "withheld"):
            sent = await calls.send_to_door(
                "POST", rio.DOOR, headers={"Content-Type": rio.JWT}, body=token(calls, PATIENTS[case]).encode()
            )
            opened = await browser.get(f"/launch?code={json.loads(sent.body)['code']}")
            pages[case] = await browser.post(opened, "/launch/open", {})
        for case in ("withheld", "core"):
            shown = await browser.post(pages[case], "/authorize/card", card(RAO))
            assert shown.path == "/viewer/patient"
            assert shown.find("//*[@data-nhs-number]/@data-nhs-number") == [PATIENTS[case]]
