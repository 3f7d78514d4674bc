"""The viewer's pages against a running gateway: order, forms, sign-in, print and audit, and what must not work."""

import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.pages.walking import DOCTOR, PATIENTS, entries, found, rows, signed_in, viewed, walking
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import scra
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.pages import FORM, Page, read_html, record_of


async def sent(calls: Calls, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> Exchange:
    """One request with this browser's cookies, no redirect followed."""
    body = urlencode(fields).encode() if fields is not None else b""
    kind = {"Content-Type": FORM} if fields is not None else {}
    return await calls.wire.send(method, calls.gateway + path, headers={**kind, **headers}, body=body)


def hidden(page: Page, action: str) -> dict[str, str]:
    """A form's hidden fields."""
    return page.form(action)


def rejected(sandbox: RunningSandbox, code: str) -> bool:
    """Whether the audit holds a rejected sign-in with this code (repeats within a minute are folded into one entry)."""
    found = rows(sandbox, "SELECT body FROM audit WHERE event = 'rejected'")
    entries = [json.loads(body) for (body,) in found]
    return any((entry["door"], entry.get("code")) == ("viewer", code) for entry in entries)


async def test_a_view_is_audited_step_by_step(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await viewed(browser, PATIENTS["ask"])
    events = [entry["event"] for entry in entries(sandbox, page.exchange.correlation_id)]
    assert events == ["asked", "viewed"]
    last = entries(sandbox, page.exchange.correlation_id)[-1]
    assert (last["system"], last["door"], last["user"], last["organisation"]) == ("scra", "viewer", DOCTOR, "RZZ02")
    assert last["setting"] == "mental_health"
    assert last["alert_id"]
    signs = rows(sandbox, "SELECT body FROM audit WHERE event = 'session' AND user_id = ?", DOCTOR)
    assert any('"signIn"' in body for (body,) in signs)


CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "code", "way_on"),
    [
        ("/viewer/print", "method-not-allowed", "/viewer"),
        ("/viewer/stay", "method-not-allowed", "/viewer"),
        ("/viewer/sign-out", "method-not-allowed", "/viewer"),
        ("/privacy/sign-out", "method-not-allowed", "/privacy"),
        ("/launch/open", "method-not-allowed", None),
        ("/launch/rio", "method-not-allowed", None),
        ("/launch/sonar", "method-not-allowed", None),
        ("/nope", "page-not-found", "/viewer"),
    ],
)
async def test_an_address_that_answers_nobody_is_a_page_in_a_browser(
    sandbox: RunningSandbox, path: str, code: str, way_on: str | None
) -> None:
    """Reloaded, typed or come back to; a program gets its problem JSON at the same address, with the same status and code."""
    async with walking(sandbox) as (_, calls):
        seen = await sent(calls, "GET", path, Accept=CHROMIUM)
        page = Page(exchange=seen, tree=read_html(seen))
        assert page.find("//@data-refusal") == [code]
        links = page.find("//main//a[contains(@class, 'nhsuk-button')]/@href")
        assert links == ([way_on] if way_on else [])
        assert seen.headers["Content-Security-Policy"].startswith("default-src 'none'")
        for accept in (None, "*/*", "application/json", "application/json, text/html;q=0.5", "text/html;q=0"):
            told = await sent(calls, "GET", path, **({"Accept": accept} if accept else {}))
            assert told.headers["Content-Type"] == "application/problem+json", accept
            assert (told.status, told.code) == (seen.status, code)
            assert told.headers.get("Allow") == seen.headers.get("Allow")
            assert json.loads(told.body)["code"] == code


@pytest.mark.parametrize(
    "path", ["/viewer/find", "/viewer/patient", "/viewer/permission", "/viewer/role", "/organisations"]
)
async def test_nothing_opens_without_a_session(sandbox: RunningSandbox, path: str) -> None:
    async with walking(sandbox) as (_, calls):
        answer = await sent(calls, "GET", path)
    assert (answer.status, answer.code) == (401, "session-missing")
    assert answer.headers["Cache-Control"] == "no-store"


UNRELATED = "9000000726"
"""A patient whom no other test puts into a relationship with anybody: the sandbox is shared."""


async def test_no_step_can_be_skipped(sandbox: RunningSandbox) -> None:
    """Without a patient there is no permission to give, and without an answer no record."""
    async with walking(sandbox) as (browser, calls):
        page = await signed_in(browser)
        token = hidden(page, "/viewer/find")["csrf"]
        for path in ("/viewer/permission", "/viewer/without-permission", "/viewer/patient"):
            assert (await sent(calls, "GET", path)).headers["Location"] == "/viewer"
        for path in ("/viewer/record", "/viewer/print", "/viewer/patient"):
            answer = await sent(calls, "POST", path, {"csrf": token, "permission": "yes", "relationship": "none"})
            assert answer.status == 409, path
        page = await browser.post(page, "/viewer/find", {"nhs_number": UNRELATED})
        assert (await sent(calls, "GET", "/viewer/permission")).headers["Location"] == "/viewer/patient"
        fields = hidden(page, "/viewer/patient") | {"permission": "yes"}
        unrelated = await sent(calls, "POST", "/viewer/record", fields)
        assert unrelated.code == "relationship-missing"


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"Sec-Fetch-Site": "cross-site"}]
)
@pytest.mark.parametrize("path", ["/viewer/find", "/viewer/find/details"])
async def test_no_patient_is_closed_by_a_page_nobody_opened_here(
    sandbox: RunningSandbox, path: str, headers: dict[str, str]
) -> None:
    async with walking(sandbox) as (browser, calls):
        await found(browser, UNRELATED)
        lured = await sent(calls, "GET", path, **headers)
        assert (lured.status, lured.headers["Location"]) == (303, "/viewer/patient")
        assert (await browser.get("/viewer/patient")).path == "/viewer/patient", "the patient is still open"
        assert (await browser.get(path)).path == path, "opened by hand"
        assert (await sent(calls, "GET", "/viewer/patient")).headers["Location"] == "/viewer", "and so closed"


async def test_the_stub_tells_what_is_wrong_with_a_number(sandbox: RunningSandbox) -> None:
    typed = ("--nhs-number", "9992000113", "--as", DOCTOR)
    status, printed, _ = await vendor_stub(sandbox, "scra", "view", *typed)
    assert status == 5
    assert "Fault: [message-value] Check each digit: " in printed
    status, printed, _ = await vendor_stub(sandbox, "scra", "view", *typed, "--json")
    told = json.loads(printed)
    assert (status, told["code"], len(told["findings"])) == (5, "message-value", 1)
    assert "9992000113" not in printed


@pytest.mark.parametrize("area", ["viewer", "privacy"])
async def test_who_signs_out_is_told_that_the_identity_service_may_not_have(sandbox: RunningSandbox, area: str) -> None:
    async with walking(sandbox) as (browser, _):
        page = await browser.get(f"/{area}/signed-out")
    assert "Your sign-in at the identity service may go on" in page.find("//main")[0].text_content()


async def test_nothing_is_asked_of_spine_before_its_step(sandbox: RunningSandbox) -> None:
    """Finding traces, nothing more; the event list and the event follow the permission (P-13)."""
    number = PATIENTS["several_versions"]
    async with walking(sandbox) as (browser, calls):

        async def received() -> list[str]:
            """Interactions about this patient."""
            answer = await calls.wire.send("GET", f"{sandbox.spine}/control/received?since=0", headers={})
            return [one["interaction"] for one in json.loads(answer.body) if one.get("nhs_number") == number]

        page = await signed_in(browser)
        before = len(await received())
        wrong = await browser.post(page, "/viewer/find", {"nhs_number": number[:-1] + str((int(number[-1]) + 1) % 10)})
        assert wrong.exchange.code == "message-value"
        assert len(await received()) == before
        page = await browser.post(page, "/viewer/find", {"nhs_number": number})
        asked = (await received())[before:]
        assert asked == ["QUPA_IN000008UK02"]
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        assert len((await received())[before:]) == 1
        refused = await browser.post(page, "/viewer/record", {"permission": "no"})
        assert refused.exchange.code == "permission-refused"
        assert len((await received())[before:]) == 1


@pytest.mark.parametrize("spoilt", ["", "0" * 64, "é"])
async def test_a_form_without_its_token_does_nothing(sandbox: RunningSandbox, spoilt: str) -> None:
    async with walking(sandbox) as (browser, calls):
        await signed_in(browser)
        answer = await sent(calls, "POST", "/viewer/find", {"csrf": spoilt, "nhs_number": PATIENTS["core"]})
        assert (answer.status, answer.code) == (403, "form-token")


async def test_a_form_from_another_site_does_nothing(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        token = hidden(await signed_in(browser), "/viewer/find")["csrf"]
        fields = {"csrf": token, "nhs_number": PATIENTS["core"]}
        for site in ("cross-site", "same-site"):
            answer = await sent(calls, "POST", "/viewer/find", fields, **{"Sec-Fetch-Site": site})
            assert (answer.status, answer.code) == (403, "form-token")
        assert (await sent(calls, "POST", "/viewer/find", fields, **{"Sec-Fetch-Site": "same-origin"})).status == 303


@pytest.mark.parametrize(
    ("body", "media", "code"),
    [
        (b"csrf=a&csrf=b", FORM, "message-value"),
        (b"&".join(b"f%d=1" % at for at in range(100)), FORM, "message-value"),
        (b"csrf=\xff", FORM, "message-value"),
        (b"csrf=%ff", FORM, "message-value"),
        (b"{}", "application/json", "message-media-type"),
        (b"a=" + b"x" * 40_000, FORM, "message-too-large"),
    ],
)
async def test_hostile_forms(sandbox: RunningSandbox, body: bytes, media: str, code: str) -> None:
    async with walking(sandbox) as (browser, calls):
        await signed_in(browser)
        answer = await calls.wire.send(
            "POST", f"{calls.gateway}/viewer/find", headers={"Content-Type": media}, body=body
        )
    assert answer.code == code


async def test_one_sign_in_is_good_for_one_return_in_one_browser(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (_, calls), walking(sandbox) as (_, other):
        begun = await sent(calls, "GET", "/viewer/sign-in")
        asked = dict(parse_qsl(urlsplit(begun.headers["Location"]).query))
        assert asked["code_challenge_method"] == "S256"
        assert asked["prompt"] == "login"
        assert len(asked["state"]) >= 43
        assert len(asked["nonce"]) >= 43
        forged = f"/viewer/callback?{urlencode({'code': 'x', 'state': asked['state']})}"
        assert (await sent(other, "GET", forged)).code == "session-expired"
        wrong = f"/viewer/callback?{urlencode({'code': 'x', 'state': 'y'})}"
        assert (await sent(calls, "GET", wrong)).code == "session-expired", "another state is no return of this sign-in"
        assert (await sent(calls, "GET", forged)).code == "credentials-invalid"
        # the wrong code has spent it
        assert (await sent(calls, "GET", forged)).code == "session-expired"
        without = await sent(other, "GET", "/viewer/callback?code=x&state=y")
        assert without.code == "session-expired"


async def test_a_refusal_in_a_session_that_goes_on_says_who_is_signed_in(sandbox: RunningSandbox) -> None:
    """A new sign-in that fails ends no session: its page still has the way out of the one before."""
    async with walking(sandbox) as (browser, calls):
        await signed_in(browser)
        begun = await sent(calls, "GET", "/viewer/sign-in")
        state = dict(parse_qsl(urlsplit(begun.headers["Location"]).query))["state"]
        page = await browser.get(f"/viewer/callback?{urlencode({'code': 'x', 'state': state})}")
        assert (page.path, page.exchange.code) == ("/viewer/refused", "credentials-invalid")
        assert page.find("//form[@action='/viewer/sign-out']")
        await browser.post(page, "/viewer/sign-out", {})
        assert not (await browser.get("/viewer/refused")).find("//form[@action='/viewer/sign-out']")


async def test_a_code_of_the_identity_service_alone_is_no_sign_in(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (_, calls):
        begun = await sent(calls, "GET", "/viewer/sign-in")
        state = dict(parse_qsl(urlsplit(begun.headers["Location"]).query))["state"]
        answer = await sent(calls, "GET", f"/viewer/callback?{urlencode({'code': 'made-up', 'state': state})}")
        assert (answer.status, answer.code) == (303, "credentials-invalid")
        assert answer.headers["Location"] == "/viewer/refused", "the address with the code is left"
        shown = await sent(calls, "GET", "/viewer/refused")
        assert (shown.status, shown.code, shown.rules) == (401, "credentials-invalid", ("P-07",))
        assert shown.correlation_id == answer.correlation_id, "the audited one"
        again = await sent(calls, "GET", "/viewer/refused")
        assert again.body == shown.body
        assert "scr-viewer=" not in ";".join(answer.headers.getall("Set-Cookie", []))
    assert rejected(sandbox, "credentials-invalid")


@pytest.mark.parametrize(
    ("uid", "code", "rule"),
    [
        ("910000000059", "role-none", "P-10"),
        ("910000000083", "credentials-assurance", "P-07"),
        ("910000000042", "role-not-chosen", "P-09"),
    ],
)
async def test_who_cannot_sign_in_is_told_and_audited(sandbox: RunningSandbox, uid: str, code: str, rule: str) -> None:
    async with walking(sandbox) as (browser, _):
        page = await scra.sign_in(browser, uid, None)
    assert page.exchange.code == code
    assert rule in page.exchange.rules
    assert rejected(sandbox, code)


async def test_a_new_sign_in_gets_a_new_session(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        one = hidden(await signed_in(browser), "/viewer/find")["csrf"]
        await sent(calls, "POST", "/viewer/sign-out", {"csrf": one})
        assert (await sent(calls, "GET", "/viewer/find")).status == 401
        two = hidden(await signed_in(browser), "/viewer/find")["csrf"]
        assert one != two
        assert (await sent(calls, "POST", "/viewer/find", {"csrf": one, "nhs_number": "1"})).code == "form-token"


async def test_a_session_is_never_widened_to_another_role(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await scra.sign_in(browser, "910000000042", "555000000105")
        page = await browser.get("/viewer/role")
        page = await browser.post(page, "/viewer/role", {"role": "555000000104"})
    assert (page.exchange.code, page.exchange.rules) == ("role-not-held", ("P-09",))


async def test_print_is_its_own_entry_and_raises_no_second_alert(sandbox: RunningSandbox) -> None:
    number = PATIENTS["yes_legacy"]
    async with walking(sandbox) as (browser, _):
        page = await viewed(browser, number)
        before = rows(sandbox, "SELECT count(*) FROM alert")[0][0]
        printed = await browser.post(page, "/viewer/print", {})
    assert record_of(printed) == record_of(page)
    last = entries(sandbox, printed.exchange.correlation_id)[-1]
    assert (last["event"], last["operation"], last["outcome"]) == ("print", "printRecord", "record")
    assert last["document_id"]
    assert rows(sandbox, "SELECT count(*) FROM alert")[0][0] == before
    words = " ".join(str(text) for text in printed.find("//table//text()"))
    for needed in (
        "Confidential – patient data",
        "Printed by RAO Vikram Dr",
        "Fenwick Mental Health NHS Trust (RZZ02)",
    ):
        assert needed in words


async def test_no_print_after_a_no_or_after_the_patient_is_closed(sandbox: RunningSandbox) -> None:
    number = PATIENTS["nullified"]
    async with walking(sandbox) as (browser, _), walking(sandbox) as (colleague, _):
        page = await viewed(browser, number)
        other = await found(colleague, number)
        other = await colleague.post(other, "/viewer/patient", {"relationship": "self-claimed"})
        assert (
            await colleague.post(other, "/viewer/record", {"permission": "no"})
        ).exchange.code == "permission-refused"
        refused = await browser.post(page, "/viewer/print", {})
        assert (refused.exchange.code, refused.exchange.rules) == ("permission-refused", ("P-03",))
        await browser.get("/viewer/find")
        closed = await browser.post(page, "/viewer/print", {})
        assert closed.exchange.status == 409
        told = "".join(closed.find("//main//text()"))
        assert "No patient is open now" in told
        assert "the one now open" not in told, "there is none to go to"
        assert record_of(closed) is None


async def test_a_record_and_its_print_name_what_the_practice_marked_as_withdrawn(sandbox: RunningSandbox) -> None:
    """Every allergy of this patient is nullified, and its text stands: the page says so at the top and in the banner."""
    async with walking(sandbox) as (browser, _):
        page = await viewed(browser, PATIENTS["nullified"])
        printed = await browser.post(page, "/viewer/print", {})
    (link,) = page.find("//dt[.='Allergies']/following-sibling::dd/a")
    assert link.text == "listed below, every coded one marked as withdrawn"
    (mark,) = page.find(f"//*[@id='{link.get('href').lstrip('#')}']//*[@data-withdrawn-here]")
    assert "Allergy: Adverse reaction to codeine (" in mark.text_content()
    record = record_of(page)
    assert record is not None
    assert record == record_of(printed)
    (allergy,) = next(part for part in record["sections"] if part["id"] == "AllergiesHeader")["blocks"][0]["rows"]
    assert "Adverse reaction to codeine" in " ".join(allergy), "the text stands as the practice wrote it"
    for shown in (page, printed):
        (told,) = shown.find("//*[@data-withdrawn]")
        named = [" ".join(one.itertext()) for one in told.iter("li")]
        assert len(named) == int(told.get("data-withdrawn")) > 1
        assert named[0].startswith("Allergy: Adverse reaction to codeine (")
    foot = "".join(printed.find("//tfoot//text()"))
    assert "Some entries are marked as withdrawn: see the first page." in foot


async def test_an_emergency_view_prints_under_its_own_note(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await found(browser, PATIENTS["captions_only"])
        page = await browser.post(page, "/viewer/patient", {"relationship": "none"})
        page = await browser.get("/viewer/without-permission")
        told = {
            "permission": "emergency",
            "emergency_reason": "unconscious",
            "note": "Found unconscious by a neighbour",
        }
        for name in ("note", "condition_changed_note"):
            turned = told | {"condition_changed": "true", name: "Found \u202epaleep by a neighbour"}
            page = await browser.post(page, "/viewer/record", turned)
            assert record_of(page) is None
            assert page.find(f"//a[@href='#{name}']"), "the form again"
            assert turned["note"] in page.find("//textarea[@name='note']/text()")[0], "with what was typed"
        page = await browser.post(page, "/viewer/record", told)
        assert record_of(page) is not None, page.exchange.code
        printed = await browser.post(page, "/viewer/print", {})
        assert record_of(printed) == record_of(page), printed.exchange.code
    assert entries(sandbox, printed.exchange.correlation_id)[-1].get("alert_id") is None


async def test_an_emergency_page_loaded_again_is_the_same_view_until_a_no(sandbox: RunningSandbox) -> None:
    number = PATIENTS["empty_allergies"]
    told = {"permission": "emergency", "emergency_reason": "unconscious", "note": "Brought in after a fall from a roof"}
    async with walking(sandbox) as (browser, _), walking(sandbox) as (colleague, _):

        async def asking() -> Page:
            await browser.post(await browser.get("/viewer/find"), "/viewer/find", {"nhs_number": number})
            await browser.post(await browser.get("/viewer/patient"), "/viewer/patient", {"relationship": "none"})
            return await browser.get("/viewer/without-permission")

        await signed_in(browser)
        form = await asking()
        first = await browser.post(form, "/viewer/record", told)
        again = await browser.post(form, "/viewer/record", told)
        assert record_of(first) is not None, first.exchange.code
        assert record_of(again) == record_of(first), again.exchange.code
        shown = [entries(sandbox, page.exchange.correlation_id)[-1] for page in (first, again)]
        assert [entry["event"] for entry in shown] == ["viewed", "viewed"]
        assert len({entry["alert_id"] for entry in shown} - {None}) == 2, "each showing has its alert (I4)"
        other = await browser.post(form, "/viewer/record", {**told, "emergency_reason": "no-capacity"})
        assert other.exchange.code == "emergency-note", "the note of one view for another"
        page = await found(colleague, number)
        page = await colleague.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        await colleague.post(page, "/viewer/record", {"permission": "no"})
        closed = await browser.post(form, "/viewer/record", told)
        assert "P-03" in closed.exchange.rules
        assert record_of(closed) is None


async def test_reloads_of_one_emergency_view_are_no_further_overrides(sandbox: RunningSandbox) -> None:
    """Each showing has its alert; none of them brings the user nearer to the daily threshold, nor is marked as beyond it."""
    told = {"permission": "emergency", "emergency_reason": "unconscious", "note": "Unresponsive since the morning"}
    async with walking(sandbox) as (browser, _):
        page = await found(browser, "9990240272")
        await browser.post(page, "/viewer/patient", {"relationship": "none"})
        form = await browser.get("/viewer/without-permission")
        shown = [await browser.post(form, "/viewer/record", told) for _ in range(5)]
        shown += [await browser.get("/viewer/record") for _ in range(3)]
    assert [page.exchange.code for page in shown] == [None] * 8
    last = [entries(sandbox, page.exchange.correlation_id)[-1] for page in shown]
    assert [entry["event"] for entry in last] == ["viewed"] * 8
    marks = [rows(sandbox, "SELECT marks FROM alert WHERE id = ?", entry["alert_id"]) for entry in last]
    assert marks[1:] == [[("reloaded",)]] * 7
    counted = {dict(entry["facts"])["overrides_24h"] for entry in last[1:]}
    assert counted == {dict(last[0]["facts"])["overrides_24h"] + 1}, "the first showing alone"


async def test_a_note_is_a_repeat_in_another_context(sandbox: RunningSandbox) -> None:
    told = {"permission": "emergency", "emergency_reason": "unconscious", "note": "Carried in without any papers"}
    async with walking(sandbox) as (browser, _):
        await signed_in(browser)
        pages = []
        for _again in range(2):
            page = await browser.post(
                await browser.get("/viewer/find"), "/viewer/find", {"nhs_number": PATIENTS["captions_only"]}
            )
            await browser.post(page, "/viewer/patient", {"relationship": "none"})
            form = await browser.get("/viewer/without-permission")
            pages.append(await browser.post(form, "/viewer/record", told))
    assert record_of(pages[0]) is not None, pages[0].exchange.code
    assert pages[1].exchange.code == "emergency-note"
    assert record_of(pages[1]) is None


async def test_a_launched_patient_or_another_context_id_is_refused(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        page = await found(browser, PATIENTS["core"])
        fields = hidden(page, "/viewer/patient") | {"context": "x" * 22, "relationship": "self-claimed"}
        answer = await sent(calls, "POST", "/viewer/patient", fields)
        assert answer.status == 409


async def test_no_patient_is_named_in_the_session_table_or_the_log(sandbox: RunningSandbox) -> None:
    number = PATIENTS["awkward_text"]
    async with walking(sandbox) as (browser, _):
        await viewed(browser, number)
    kept = repr(rows(sandbox, "SELECT id, state, data FROM session"))
    log = sandbox.log.read_text(encoding="utf-8")
    for told in (number, "Murchú", "RAO Vikram"):
        assert told not in kept
        assert told not in log


async def test_the_record_says_how_old_it_is(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await viewed(browser, PATIENTS["core"])
    told = "".join(page.find("//*[@class='scr-created']//text()"))
    assert re.fullmatch(r"Created 01-Feb-2025 08:27 \(\d+ (months|years) ago\)", told), told


async def test_every_answer_keeps_to_itself(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        page = await viewed(browser, PATIENTS["core"])
        answers = [page.exchange, await sent(calls, "GET", "/viewer/find"), await sent(calls, "GET", "/viewer/sign-in")]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Correlation-ID"]


async def test_methods_and_addresses_that_do_not_exist(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (_, calls):
        assert (await sent(calls, "GET", "/viewer/print")).status == 405
        assert (await sent(calls, "HEAD", "/viewer/sign-in")).status == 405
        assert (await sent(calls, "GET", "/static/../gateway/app.py")).status == 404
        assert (await sent(calls, "GET", "/static/%2e%2e/layout.py")).status == 404
        style = await sent(calls, "GET", "/static/scr.css")
        assert style.status == 200
        again = await sent(calls, "GET", "/static/scr.css", **{"If-None-Match": style.headers["ETag"]})
        assert again.status == 304


async def test_suggested_ways_depend_on_the_role(sandbox: RunningSandbox) -> None:
    """A nurse without the emergency activity is not offered that way; asked for all the same, policy refuses."""
    async with walking(sandbox) as (browser, _):
        page = await signed_in(browser, "910000000281", "scheduled_care")
        page = await browser.post(page, "/viewer/find", {"nhs_number": PATIENTS["core"]})
        assert "self-claimed" in page.find("//input[@name='relationship']/@value")
    async with walking(sandbox) as (browser, _):
        page = await signed_in(browser, "910000000141", "community_care")
        page = await browser.post(page, "/viewer/find", {"nhs_number": PATIENTS["core"]})
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        offered = page.find("//input[@name='permission']/@value")
        assert "cannot-ask" not in offered
        assert "extended" in offered
        assert "28 days" in " ".join(str(text) for text in page.find("//label//text()"))


@pytest.mark.parametrize("path", ["/viewer/sign-out", "/privacy/sign-out", "/launch/sonar"])
async def test_a_form_that_is_not_what_its_encoding_says_is_the_senders_fault(
    sandbox: RunningSandbox, path: str
) -> None:
    """Nobody who is not signed in can raise an operator's alarm with it."""
    async with walking(sandbox) as (_, calls):
        headers = {"Content-Type": FORM, "Content-Encoding": "gzip"}
        answer = await calls.wire.send("POST", calls.gateway + path, headers=headers, body=b"not gzip at all")
    assert answer.code == "message-media-type"
    assert answer.status < 500
    correlation = answer.correlation_id
    assert correlation
    lines = [json.loads(line) for line in sandbox.log.read_text(encoding="utf-8").splitlines() if correlation in line]
    assert lines
    assert not any("alarm" in line for line in lines)


async def test_a_record_come_back_to_is_a_view_that_records_no_second_answer(sandbox: RunningSandbox) -> None:
    number = PATIENTS["yes_legacy"]
    async with walking(sandbox) as (browser, calls), walking(sandbox) as (colleague, _):
        await signed_in(browser)
        assert (await browser.get("/viewer/record")).path == "/viewer/find", "nothing was shown yet"
        page = await browser.post(await browser.get("/viewer/find"), "/viewer/find", {"nhs_number": number})
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        assert (await browser.get("/viewer/record")).path == "/viewer/permission"
        first = await browser.post(page, "/viewer/record", {"permission": "yes"})
        answers = rows(sandbox, "SELECT count(*) FROM permission")
        again = await browser.get("/viewer/record")
        assert record_of(again) == record_of(first), again.exchange.code
        assert rows(sandbox, "SELECT count(*) FROM permission") == answers
        told = entries(sandbox, again.exchange.correlation_id)
        assert [entry["event"] for entry in told] == ["asked", "viewed"]
        assert told[-1]["alert_id"], "each showing of a claimed relationship is told (I4)"
        lured = await sent(calls, "GET", "/viewer/record", **{"Sec-Fetch-Site": "cross-site"})
        assert (lured.status, lured.headers["Location"]) == (303, "/viewer/permission")
        other = await found(colleague, number)
        other = await colleague.post(other, "/viewer/patient", {"relationship": "self-claimed"})
        await colleague.post(other, "/viewer/record", {"permission": "no"})
        closed = await browser.get("/viewer/record")
        assert (closed.exchange.code, closed.exchange.rules) == ("permission-refused", ("P-03",))
        assert record_of(closed) is None
        await browser.get("/viewer/find")
        assert (await browser.get("/viewer/record")).path == "/viewer/find"
