"""Launches as browsers meet them: looking spends nothing, one of many wins, addresses stay clean, the patient before is closed."""

import asyncio
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest

from tests.doors.launch.hosts import OPENED, USERS, asks, host, send, token
from tests.pages.walking import entries, rows
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast, launching, lorenzo, pharmoutcomes, rio, sonar
from vendor_stubs.calling.http import Calls, Exchange, open_wire
from vendor_stubs.launched import arrive
from vendor_stubs.pages import Browser, Page, read_html
from vendor_stubs.scra import answer

SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PLACES = {"/launch/sign-in", "/viewer/patient", "/authorize", "/launch/callback"}


async def code_of(calls: Calls) -> str:
    """A fresh code from the back channel."""
    return parse_qs(urlsplit(rio.address_of(await rio.ask(calls, token(calls)))).query)["code"][0]


async def first_page(calls: Calls, browser: Browser, number: str = "9000000009") -> Page:
    """The host's first page in the browser."""
    product = calls.system.product
    if product == "rio":
        return await browser.get(rio.address_of(await rio.ask(calls, token(calls, number))))
    if product == "sonar":
        return await browser.bring(sonar.DOOR, {sonar.FIELD: token(calls, number)})
    if product == "pharmoutcomes":
        key = await launching.gateway_key(calls)
        return await browser.get(pharmoutcomes.link(launching.sealed(token(calls, number), key)))
    handle = await lorenzo.launch_handle(asks(product, number), calls)
    return await browser.get(lorenzo.address_of(launching.smart_issuer(lorenzo.desk_of(calls), calls.system), handle))


async def test_looking_at_a_code_spends_nothing(sandbox: RunningSandbox) -> None:
    async with host(sandbox, "rio") as calls:
        address = "/launch?" + urlencode({"code": await code_of(calls)})
        for method, headers in (("HEAD", {}), ("GET", {"Sec_Purpose": "prefetch"}), ("GET", {}), ("GET", OPENED)):
            seen = await send(calls, method, address, **headers)
            assert seen.status == 200
            assert "Set-Cookie" not in seen.headers
        browser = Browser(calls)
        page = await arrive(browser, await browser.get(address), asks("rio"))
        assert (page.path, page.exchange.status) == ("/viewer/patient", 200)


async def test_looking_at_an_encrypted_link_spends_nothing(sandbox: RunningSandbox) -> None:
    async with host(sandbox, "pharmoutcomes") as calls:
        link = pharmoutcomes.link(launching.sealed(token(calls), await launching.gateway_key(calls)))
        for method, headers, status in (
            ("HEAD", {}, 503),
            ("GET", {**OPENED, "Sec-Purpose": "prefetch;prerender"}, 503),
            ("GET", {**OPENED, "Purpose": "prefetch"}, 503),
            ("GET", {"User-Agent": "link scanner"}, 200),
            ("GET", {**OPENED, "Sec-Fetch-Dest": "empty"}, 200),
        ):
            seen = await calls.wire.send(method, calls.gateway + link, headers=headers)
            assert seen.status == status, headers
            assert "Set-Cookie" not in seen.headers
        opened = await calls.wire.send("GET", calls.gateway + link, headers=OPENED)
        assert (opened.status, opened.headers["Location"]) == (303, "/launch/sign-in")
        again = await calls.wire.send("GET", calls.gateway + link, headers=OPENED)
        assert (again.status, again.code) == (403, "launch-spent")


async def test_looking_at_a_smart_launch_spends_nothing(sandbox: RunningSandbox) -> None:
    """Nor does it reach the host: the handle that was looked at still opens the record, by the link and by the button."""
    async with host(sandbox, "lorenzo") as calls:
        issuer = launching.smart_issuer(lorenzo.desk_of(calls), calls.system)
        for press in (False, True):
            handle = await lorenzo.launch_handle(asks("lorenzo"), calls)
            address = calls.gateway + lorenzo.address_of(issuer, handle)
            for method, headers, status in (
                ("HEAD", {}, 503),
                ("HEAD", OPENED, 503),
                ("GET", {**OPENED, "Sec-Purpose": "prefetch"}, 503),
                ("GET", {**OPENED, "X-Moz": "prefetch"}, 503),
                ("GET", {"User-Agent": "link scanner"}, 200),
                ("GET", {**OPENED, "Sec-Fetch-Dest": "iframe"}, 200),
            ):
                seen = await calls.wire.send(method, address, headers=headers)
                assert (seen.status, seen.headers.get("Location")) == (status, None), headers
                assert "Set-Cookie" not in seen.headers
            browser = Browser(calls)
            page = Page(exchange=seen, tree=read_html(seen))
            page = await (
                browser.post(page, "/launch/lorenzo", {}) if press else browser.get(lorenzo.address_of(issuer, handle))
            )
            assert (await arrive(browser, page, asks("lorenzo"))).path == "/viewer/patient"
        other = {**OPENED, "Sec-Fetch-Site": "cross-site"}
        body = urlencode({"iss": issuer, "launch": handle})
        assert (await send(calls, "POST", "/launch/lorenzo", body, **other)).code == "form-token"


async def test_of_many_that_bring_one_code_exactly_one_wins(sandbox: RunningSandbox) -> None:
    async with host(sandbox, "rio") as calls:
        body = urlencode({"code": await code_of(calls)})

        async def bring() -> Exchange:
            async with open_wire() as wire:
                return await send(replace(calls, wire=wire), "POST", "/launch/open", body)

        answers = await asyncio.gather(*(bring() for _ in range(8)))
    assert sorted((one.status, one.code) for one in answers) == [(303, None), *[(403, "launch-spent")] * 7]


@pytest.mark.parametrize("product", ["rio", "sonar", "pharmoutcomes"])
async def test_of_many_that_bring_one_token_exactly_one_wins(sandbox: RunningSandbox, product: str) -> None:
    async with host(sandbox, product) as calls:
        signed = token(calls)
        link = pharmoutcomes.link(launching.sealed(signed, await launching.gateway_key(calls)))

        async def bring() -> Exchange:
            if product == "rio":
                return await rio.ask(calls, signed)
            async with open_wire() as wire:
                own = replace(calls, wire=wire)
                if product == "sonar":
                    return await send(own, "POST", sonar.DOOR, urlencode({sonar.FIELD: signed}))
                return await own.wire.send("GET", calls.gateway + link, headers=OPENED)

        answers = await asyncio.gather(*(bring() for _ in range(6)))
    won = [one for one in answers if one.code is None]
    assert [one.status for one in won] == [201 if product == "rio" else 303]
    assert {one.code for one in answers if one.code is not None} == {"launch-spent"}


class Watching(Browser):
    """A browser that keeps every exchange, as its history and the servers' logs would."""

    def __init__(self, calls: Calls) -> None:
        self.seen: list[Exchange] = []
        seen = self.seen

        class Wire:
            async def send(self, *arguments: str, **more: object) -> Exchange:
                done = await calls.wire.send(*arguments, **more)  # type: ignore[arg-type]
                seen.append(done)
                return done

        super().__init__(replace(calls, wire=Wire()))  # type: ignore[arg-type]


@pytest.mark.parametrize("product", list(USERS))
async def test_no_address_names_the_patient_and_every_answer_is_guarded(sandbox: RunningSandbox, product: str) -> None:
    """Address bar, Referer, redirects and log hold no NHS number; redirects lead to fixed places; every page has its headers."""
    number = "9990402132"
    async with host(sandbox, product) as calls:
        browser = Watching(calls)
        page = await arrive(browser, await first_page(calls, browser, number), asks(product, number))
        page = await answer(browser, page, asks(product, number))
        assert page.find("//*[@data-record]"), page.exchange.code
    ours = [one for one in browser.seen if one.url.startswith(sandbox.gateway)]
    for one in browser.seen:
        for text in (one.url, one.headers.get("Location", ""), one.sent_headers.get("Referer", "")):
            assert number not in text
    for one in ours:
        assert {name: one.headers.get(name) for name in SAFE} == SAFE, one.url
        assert "frame-ancestors 'none'" in one.headers["Content-Security-Policy"]
        assert "unsafe" not in one.headers["Content-Security-Policy"]
        for cookie in one.headers.getall("Set-Cookie", []):
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
        if one.status == 303:
            place = urlsplit(urljoin(one.url, one.headers["Location"]))
            assert place.hostname == "127.0.0.1"
            known = place.path in PLACES or place.path.endswith("/authorize") or place.path.startswith("/viewer/")
            assert known, place.path
    assert number not in sandbox.log.read_text()


async def test_a_second_patient_closes_the_first(sandbox: RunningSandbox) -> None:
    """The host changes patient while the window stays open: the old page's form does nothing."""
    async with host(sandbox, "sonar") as calls:
        browser = Browser(calls)
        first = await arrive(browser, await first_page(calls, browser, "9000000009"), asks("sonar"))
        second = await arrive(browser, await first_page(calls, browser, "9990402132"), asks("sonar"))
        assert second.path == "/viewer/patient"
        shown = [page.find("//*[@data-nhs-number]/@data-nhs-number") for page in (first, second)]
        assert shown == [["9000000009"], ["9990402132"]]
        late = await browser.post(first, "/viewer/patient", {"relationship": "self-claimed"})
        assert late.exchange.status == 409
        assert "has changed" in "".join(late.find("//h1/text()"))


async def test_a_launch_by_somebody_else_ends_the_session_before(sandbox: RunningSandbox) -> None:
    """And that person signs in anew, whoever the identity service still remembers in this browser."""
    async with host(sandbox, "rio") as mine:
        theirs = replace(mine, system=cast.default_system("sonar"))
        browser = Browser(mine)
        page = await arrive(browser, await first_page(mine, browser), asks("rio"))
        assert page.path == "/viewer/patient"
        other = Browser(theirs)
        page = await first_page(theirs, other, "9990402132")
        assert page.path == "/authorize"
        assert page.find("//form[@action='/authorize/card']")
        left = await browser.get("/viewer/patient")
        assert left.exchange.code in {"session-expired", "session-missing"}
        page = await arrive(other, page, asks("sonar"))
        assert page.path == "/viewer/patient"
        assert page.find("//*[@data-nhs-number]/@data-nhs-number") == ["9990402132"]


async def test_a_launch_refused_to_somebody_else_names_who_signed_in(sandbox: RunningSandbox) -> None:
    """The entry has the person who proved themselves, the patient, and whom the launch named; each attempt of its own."""
    number, others = "9990402132", ("910000000166", "910000000018")
    for uid in others:
        async with host(sandbox, "rio") as calls:
            browser = Browser(calls)
            page = await arrive(browser, await first_page(calls, browser, number), replace(asks("rio"), uid=uid))
            assert (page.path, page.exchange.code) == ("/launch/refused", "user-mismatch")
            told = " ".join("".join(page.find("//main//text()")).split())
            assert "Another person was signed in than the launch named" in told
            assert "message" not in told
            (entry,) = entries(sandbox, page.exchange.correlation_id)
            assert (entry["event"], entry["code"], entry["user"]) == ("rejected", "user-mismatch", uid)
            assert entry["patient"] == number
            assert dict(entry["facts"])["launch_user"] == USERS["rio"]
            assert not entry.get("claimed"), "this person is proved"
            named = "SELECT count(*) FROM audit WHERE event = 'rejected' AND user_id = ? AND patient = ?"
            assert rows(sandbox, named, uid, number) == [(1,)], "where a privacy officer looks"


async def test_a_spent_launch_in_a_signed_in_window_has_a_way_out(sandbox: RunningSandbox) -> None:
    """Whoever is still signed in is named and can sign out; the patient still open is not shown beside the refusal."""
    async with host(sandbox, "rio") as calls:
        browser = Browser(calls)
        address = "/launch?" + urlencode({"code": await code_of(calls)})
        button = await browser.get(address)
        assert (await arrive(browser, button, asks("rio"))).path == "/viewer/patient"
        page = await browser.post(button, "/launch/open", {})
        assert page.exchange.code == "launch-spent"
        assert page.find("//form[@action='/viewer/sign-out']")
        assert not page.find("//*[@data-nhs-number]")
        unknown = await browser.get("/launch/callback?code=x&state=y")
        assert (unknown.path, unknown.exchange.code) == ("/launch/refused", "session-expired")
        assert (await browser.get("/viewer/patient")).exchange.status == 200, "and changes nothing"


async def test_a_launched_session_cannot_look_for_other_patients(sandbox: RunningSandbox) -> None:
    async with host(sandbox, "lorenzo") as calls:
        browser = Browser(calls)
        page = await arrive(browser, await first_page(calls, browser), asks("lorenzo"))
        found = await browser.get("/viewer/find")
        assert found.path == "/viewer/patient"
        values = {"csrf": page.form("/viewer/patient")["csrf"], "setting": "accident_and_emergency"}
        moved = await send(calls, "POST", "/viewer/setting", urlencode(values))
        assert moved.code == "setting-not-registered"


async def test_the_page_before_sign_in_says_nothing_of_anybody(sandbox: RunningSandbox) -> None:
    async with host(sandbox, "rio") as calls:
        page = await Browser(calls).get("/launch?" + urlencode({"code": await code_of(calls)}))
        text = page.exchange.body.decode()
        assert not page.find("//*[@data-nhs-number]")
        assert "9000000009" not in text
        assert USERS["rio"] not in text
        assert page.find("//button[@autofocus]")
        empty = await send(calls, "GET", "/launch?code=")
        assert empty.code == "launch-invalid", "a code that says nothing is no visit without one"
        for wrong in ("", "?code=short", "?code=" + "A" * 43, "?code=" + "A" * 4000):
            seen = await send(calls, "GET", "/launch" + wrong)
            assert seen.code == (None if not wrong else "launch-invalid")


@pytest.mark.parametrize("product", ["sonar", "pharmoutcomes"])
async def test_every_view_of_a_community_pharmacy_is_told(sandbox: RunningSandbox, product: str) -> None:
    """The relationship is confirmed each time, and each view raises its alert, also where a referral is on record (P-79)."""
    number = {"sonar": "9990252955", "pharmoutcomes": "9990240272"}[product]

    async def alerts() -> int:
        async with open_wire() as wire:
            told = await wire.send("GET", f"{sandbox.spine}/control/alerts", headers={})
        return sum(number in json.dumps(row) for row in json.loads(told.body))

    base = (product, "view", "--nhs-number", number, "--as", USERS[product], "--permission", "yes", "--json")
    status, output, _ = await vendor_stub(sandbox, *base)
    assert (status, json.loads(output)["code"]) == (3, "relationship-missing")
    before = await alerts()
    for done, relationship in enumerate(("referral", "self-claimed"), start=1):
        status, output, _ = await vendor_stub(sandbox, *base, "--relationship", relationship)
        assert status == 0, output
        for _ in range(100):
            if await alerts() >= before + done:
                break
            await asyncio.sleep(0.1)
        assert await alerts() == before + done


async def test_what_is_no_launch_is_refused(sandbox: RunningSandbox) -> None:
    """Hostile bodies and addresses: each a refusal with a code, never a trace of what was sent."""
    async with host(sandbox, "sonar") as calls:
        for body in (
            "",
            "launch_token=",
            "launch_token=a&launch_token=b",
            "a=b",
            "launch_token=" + "x" * 7000,
            "%ff%fe",
        ):
            seen = await send(calls, "POST", "/launch/sonar", body)
            assert seen.code in {"launch-invalid", "message-combination", "message-value"}, body[:20]
        long = await send(calls, "POST", "/launch/sonar", "launch_token=" + "x" * 9000)
        assert long.code == "message-too-large"
        wrong = await calls.wire.send(
            "POST", calls.gateway + "/launch/sonar", headers={"Content-Type": "text/xml"}, body=b"<a/>"
        )
        assert wrong.code == "message-media-type"
        for query in ("", "?t=", "?t=a&t=b", "?t=a.b.c.d.e", "?iss=http://x&launch=y", "?t=" + "é"):
            seen = await calls.wire.send("GET", calls.gateway + "/launch/pharmoutcomes" + query, headers=OPENED)
            assert seen.code in {"launch-invalid", "message-combination"}, query
        for query in ("", "?iss=http://127.0.0.1:1/x&launch=y", "?iss=a&iss=b&launch=c", "?launch=x"):
            seen = await send(calls, "GET", "/launch/lorenzo" + query)
            assert seen.code in {"launch-invalid", "message-combination"}, query
        for path in ("/launch/lorenzo/callback?code=a&state=b", "/launch/callback?code=a&state=b", "/launch/sign-in"):
            seen = await send(calls, "GET", path)
            assert seen.code in {"launch-invalid", "session-expired"}, path
    async with host(sandbox, "rio") as calls:
        for raw in (b"", b"\xff\xfe", b"a.b.c", b"." * 3000, b"{}"):
            seen = await calls.send_to_door("POST", rio.DOOR, headers={"Content-Type": rio.JWT}, body=raw)
            assert seen.code == "launch-invalid"
            assert seen.headers["Content-Type"] == "application/problem+json"
