"""The workbench against a running gateway: who gets in, what is on record of it, and the life of an alert."""

import asyncio
import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.domain.instants import LONDON
from tests.pages.privacy.officers import (
    DOCTOR,
    ELSEWHERE,
    OFFICER,
    VIEWING_OFFICER,
    alert_of,
    at_work,
    emergency,
    upload,
)
from tests.pages.walking import PATIENTS, WORKBENCH, entries, rows, walking
from tests.running import RunningSandbox, vendor_stub
from vendor_stubs import cast, scra
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.pages import FORM, Page, read_html


async def posted(calls: Calls, path: str, **fields: str) -> Exchange:
    """A form sent with this browser's cookies, no redirect followed."""
    return await calls.wire.send(
        "POST", calls.gateway + path, headers={"Content-Type": FORM}, body=urlencode(fields).encode()
    )


def words(page: Page) -> str:
    """What the page says, white space collapsed."""
    return " ".join(page.find("//main")[0].text_content().split())


def seen(answer: Exchange) -> Page:
    """An answer as a page."""
    return Page(exchange=answer, tree=read_html(answer))


@pytest.mark.parametrize("path", [*WORKBENCH, "/privacy/alerts/NONE", "/privacy/samples/NONE"])
async def test_nothing_opens_without_a_session_or_with_another_pages_one(sandbox: RunningSandbox, path: str) -> None:
    async with walking(sandbox) as (browser, _):
        assert (await browser.get(path)).exchange.code == "session-missing"
        await scra.sign_in(browser, VIEWING_OFFICER, None)  # at the viewer
        assert (await browser.get(path)).exchange.code == "session-missing"


async def test_a_doctor_is_refused_everywhere_and_that_is_on_record(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await scra.sign_in(browser, DOCTOR, None, start="/privacy/sign-in")
        for path in WORKBENCH:
            page = await browser.get(path)
            assert (page.exchange.status, page.exchange.code) == (403, "role-activity"), path
            [entry] = entries(sandbox, page.exchange.correlation_id)
            assert (entry["event"], entry["door"], entry["user"]) == ("refused", "privacy", DOCTOR)


async def test_every_page_is_on_record_before_it_is_shown(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        for path in WORKBENCH:
            page = await browser.get(path)
            assert page.exchange.status == 200, (path, page.exchange.code)
            [entry] = entries(sandbox, page.exchange.correlation_id)
            assert entry["event"] in {"privacy", "report"}
            assert (entry["organisation"], entry["user"]) == ("RZZ01", OFFICER)
            policy = page.exchange.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy


async def test_a_page_beyond_the_last_leads_to_the_last(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        await emergency(browser, PATIENTS["core"], "Fell from a scaffold")
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get("/privacy/alerts?state=all&page=99999")
        [count] = rows(sandbox, "SELECT count(*) FROM alert WHERE organisation = 'RZZ01'")[0]
        assert page.exchange.url.endswith(f"page={-(-count // 10)}")
        assert "state=all" in page.exchange.url
        assert page.find("//table//a[starts-with(@href, '/privacy/alerts/')]")


async def test_the_life_of_an_alert(sandbox: RunningSandbox) -> None:
    number = PATIENTS["core"]
    async with walking(sandbox) as (browser, _):
        alert_id = alert_of(sandbox, await emergency(browser, number, "Found collapsed in the street"))
    path = f"/privacy/alerts/{alert_id}"
    async with walking(sandbox) as (browser, calls):
        await at_work(browser)
        page = await browser.get(path)
        text = words(page)
        for said in ("ADAMS Nadia Dr", "Found collapsed in the street", "scra", "Emergency", "S8000:G8000:R8000"):
            assert said in text
        assert "Clinical Practitioner (S8000:G8000:R8000)" in text
        assert "National type 1, reason 4" in text
        for kind, wanted in (("user", DOCTOR), ("patient", number)):  # posted: no number in an address
            report = await browser.post(page, f"/privacy/reports/{kind}", {})
            assert int(report.find("//@data-found")[0]) >= 2
            assert (
                report.form(f"/privacy/reports/{kind}/export")["nhs_number" if kind == "patient" else "user"] == wanted
            )
        assert f"{number[:3]}\u00a0{number[3:6]}\u00a0{number[6:]}" in page.find("//main")[0].text_content()
        nothing = await browser.post(page, path, {"to": "closed", "note": " "})
        assert nothing.exchange.code == "message-value"
        for unseen in (
            "\u00a0\u00a0",
            "\u200b\u200c\ufeff",
            "\u2060 \u00ad",
            "\u3164\u2800",
        ):  # the form stays, filled in
            nothing = await browser.post(page, path, {"to": "closed", "note": unseen})
            assert (nothing.exchange.status, nothing.exchange.code) == (400, "message-value")
            assert "some of which can be seen" in words(nothing)
            assert nothing.find("//input[@name='to'][@checked]/@value") == ["closed"]
            assert nothing.find("//textarea[@name='note']")[0].text.strip("\r\n") == unseen
            assert nothing.find("//@data-state") == ["new"]
        turned = await browser.post(page, path, {"to": "closed", "note": "Asked \u202edraw eht"})
        assert turned.exchange.code == "message-value"
        assert "none of which turns the direction of writing" in words(turned)
        taken = await browser.post(page, path, {"to": "under-investigation", "note": "Asking the ward"})
        assert taken.find("//@data-state") == ["under-investigation"]
        assert taken.find("//input[@name='to'][@type='radio']/@value") == ["note", "closed"]
        late = await browser.post(page, path, {"to": "closed", "note": "My own finding"})  # from the page before
        assert (late.exchange.status, late.exchange.code) == (409, "alert-changed")
        assert "My own finding" in words(late)
        assert late.find("//@data-state") == ["under-investigation"]
        closed = await browser.post(late, path, {"to": "closed", "note": "Attended: <b>sound</b>"})
        assert closed.find("//@data-state") == ["closed"]
        history = [" ".join(one.text_content().split()) for one in closed.find("//ol[@class='scr-history']/li")]
        assert len(history) == 2
        assert "Asking the ward" in history[0]
        assert "Attended: <b>sound</b>" in history[1]
        assert not closed.find(f"//form[@action='{path}']")
        again = await posted(calls, path, csrf=late.form(path)["csrf"], version="2", to="closed", note="once more")
        assert (again.status, again.code) == (409, "alert-changed")
    [entry] = entries(sandbox, closed.exchange.correlation_id)[:1]
    acts = rows(sandbox, "SELECT body FROM audit WHERE event = 'privacy' AND body LIKE ?", f'%"alert_id":"{alert_id}"%')
    outcomes = [json.loads(body)["outcome"] for (body,) in acts]
    assert outcomes.count("closed") == outcomes.count("under-investigation") == 1
    assert entry["alert_id"] == alert_id


async def test_a_note_is_added_and_each_fault_of_the_form_is_said(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        alert_id = alert_of(sandbox, await emergency(browser, PATIENTS["core"], "Knocked off a bicycle"))
    path = f"/privacy/alerts/{alert_id}"

    async def sent(page: Page, **values: str) -> Page:
        return seen(await posted(calls, path, **(page.form(path) | values)))

    async with walking(sandbox) as (browser, calls):
        await at_work(browser)
        page = await browser.get(path)
        early = await sent(page, to="note", note="Rang the ward")
        assert (early.exchange.code, "This alert is new" in words(early)) == ("alert-changed", True)
        page = await browser.post(page, path, {"to": "under-investigation", "note": "Asking the ward"})
        added = await browser.post(page, path, {"to": "note", "note": "The ward rang back"})
        assert added.find("//@data-state") == ["under-investigation"]
        history = [" ".join(one.text_content().split()) for one in added.find("//ol[@class='scr-history']/li")]
        assert ["Note added" in one for one in history] == [False, True]
        assert "The ward rang back" in history[1]
        again = await sent(added, to="under-investigation", note="Once more")
        assert (again.exchange.status, again.exchange.code) == (409, "alert-changed")
        assert "under investigation already: add a note, or close it" in words(again)
        assert "Somebody else" not in words(again)
        for version in ("", "x", "-1", "99999999999"):
            spoilt = await sent(added, to="note", note="Kept in the form", version=version)
            assert (spoilt.exchange.status, spoilt.exchange.code) == (400, "message-value")
            assert "The form came back damaged" in words(spoilt)
            assert "Somebody else" not in words(spoilt)
            assert "Kept in the form" in words(spoilt)
        long = await sent(added, to="note", note="x" * 2001)
        assert "Shorten the note to 2000 characters: it has 2001" in words(long)
        assert "some of which can be seen" not in words(long)
        none = await sent(added, to="note", note="")
        assert "Write a note, some of which can be seen" in words(none)
        assert "Shorten" not in words(none)
    acts = rows(sandbox, "SELECT body FROM audit WHERE event = 'privacy' AND body LIKE ?", f'%"alert_id":"{alert_id}"%')
    done = [entry for entry in (json.loads(body) for (body,) in acts) if entry["outcome"] == "under-investigation"]
    assert ["note_alone" in dict(entry["facts"]) for entry in done] == [False, True]
    assert rows(
        sandbox, "SELECT from_state, to_state FROM alert_action WHERE alert_id = ? AND version = 2", alert_id
    ) == [("under-investigation", "under-investigation")]


async def test_nobody_closes_an_alert_of_their_own_access(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        said = await emergency(browser, PATIENTS["core"], "Seizure and no relatives near", uid=VIEWING_OFFICER)
    alert_id = alert_of(sandbox, said)
    path = f"/privacy/alerts/{alert_id}"
    async with walking(sandbox) as (browser, calls):
        await at_work(browser, VIEWING_OFFICER)
        page = await browser.get(path)
        assert "This is your own access." in words(page)
        assert not page.find("//input[@name='to'][@value='closed']")
        refused = seen(await posted(calls, path, **page.form(path), to="closed", note="It was me and it was right"))
        assert (refused.exchange.status, refused.exchange.code) == (403, "alert-own-access")
        assert refused.exchange.rules == ("P-90",)
        assert "not closed by the person whose access raised it" in words(refused)
        assert refused.find("//@data-state") == ["new"]
        [entry, *_] = [e for e in entries(sandbox, refused.exchange.correlation_id) if e["event"] == "refused"]
        assert (entry["code"], entry["rules"], entry["user"]) == ("alert-own-access", ["P-90"], VIEWING_OFFICER)
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        closed = await browser.post(await browser.get(path), path, {"to": "closed", "note": "Checked with the ward"})
        assert closed.find("//@data-state") == ["closed"]


async def test_an_officer_elsewhere_finds_nothing_of_it(sandbox: RunningSandbox) -> None:
    number = PATIENTS["core"]
    async with walking(sandbox) as (browser, _):
        alert_id = alert_of(sandbox, await emergency(browser, number, "Fell from a ladder at work"))
    async with walking(sandbox) as (browser, calls):
        page = await at_work(browser, ELSEWHERE)
        other = await browser.get(f"/privacy/alerts/{alert_id}")
        assert (other.exchange.status, other.exchange.code) == (404, "page-not-found")
        [attempt] = [e for e in entries(sandbox, other.exchange.correlation_id) if e["event"] == "refused"]
        assert (attempt["alert_id"], attempt["code"]) == (alert_id, "page-not-found")
        csrf = str(page.find("//input[@name='csrf']/@value")[0])
        acted = await posted(calls, f"/privacy/alerts/{alert_id}", csrf=csrf, version="0", to="closed", note="not mine")
        assert acted.code == "page-not-found"
        listed = await posted(calls, "/privacy/alerts/export", csrf=csrf, state="all", format="csv")
        assert alert_id not in listed.body.decode()
        looked = await posted(calls, "/privacy/looked", csrf=csrf, nhs_number=number)
        assert "Fell from a ladder" not in looked.body.decode()
        assert DOCTOR not in looked.body.decode()
    assert rows(sandbox, "SELECT state FROM alert WHERE id = ?", alert_id) == [("new",)]


async def test_a_form_of_another_page_or_site_does_nothing(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        page = await at_work(browser)
        assert (await posted(calls, "/privacy/samples", csrf="0" * 64, percent="50")).code == "form-token"
        sheet = await browser.get("/privacy/attendance")
        assert (await upload(calls, sheet, b"nhs_number,from,to\r\n", token="0" * 64)).code == "form-token"
        foreign = await upload(calls, sheet, b"nhs_number,from,to\r\n", **{"Sec-Fetch-Site": "cross-site"})
        assert foreign.code == "form-token"
        plain = await posted(calls, "/privacy/attendance", csrf=str(page.find("//input[@name='csrf']/@value")[0]))
        assert plain.code == "message-media-type"


async def test_reports_show_and_save_the_same(sandbox: RunningSandbox) -> None:
    number, note = PATIENTS["ask"], "=cmd|'/C calc'!A1 unconscious"
    async with walking(sandbox) as (browser, _):
        correlation = await emergency(browser, number, note)
    async with walking(sandbox) as (browser, calls):
        await at_work(browser)
        page = await browser.get("/privacy/reports/patient")
        given = {name: str(page.find(f"//input[@name='{name}']/@value")[0]) for name in ("from", "to")}
        found = await browser.post(page, "/privacy/reports/patient", {"nhs_number": number, **given})
        assert note in words(found)
        export = "/privacy/reports/patient/export"
        files = {
            form: await posted(calls, export, **found.form(export), format=form) for form in ("csv", "jsonl", "fhir")
        }
        total = int(found.find("//@data-found")[0])
        table = list(csv.DictReader(io.StringIO(files["csv"].body.decode("utf-8-sig"))))
        mine = [row for row in table if row["correlation id"] == correlation]
        assert [row["event"] for row in mine] == ["asked", "viewed"]
        assert {row["note"] for row in mine} == {f"'{note}"}  # no spreadsheet takes it for a formula
        assert {row["role in words"] for row in mine} == {"Clinical Practitioner"}
        assert [row["outcome in words"] for row in mine] == ["Asked", "Record shown"]
        lines = [json.loads(line) for line in files["jsonl"].body.splitlines()]
        bundle = json.loads(files["fhir"].body)
        # each export is itself on record about this patient, so the next one holds one more
        assert len(table) <= len(lines) <= len(bundle["entry"])
        assert total <= len(table)
        assert {one["resource"]["resourceType"] for one in bundle["entry"]} == {"AuditEvent"}
        assert files["csv"].headers["Content-Disposition"].startswith("attachment;")
        users = await browser.get("/privacy/reports/user")
        by_user = await browser.post(users, "/privacy/reports/user", {"user": DOCTOR, **given})
        assert int(by_user.find("//@data-found")[0]) >= 2
        looked = await browser.post(await browser.get("/privacy/looked"), "/privacy/looked", {"nhs_number": number})
        assert "ADAMS Nadia Dr" in words(looked)
        enquiries = await browser.get("/privacy/reports/enquiries")
        traced = await browser.post(enquiries, "/privacy/reports/enquiries", given)
        assert int(traced.find("//@data-found")[0]) >= 1
        long = await browser.post(
            page, "/privacy/reports/patient", {"nhs_number": number, "from": "2026-01-01", "to": "2026-02-01"}
        )
        assert long.exchange.code == "message-value"
        assert "1 to 31 days" in words(long)
        wrong = await browser.post(page, "/privacy/reports/patient", {"nhs_number": "9990000000", **given})
        assert "Check the NHS number" in words(wrong)


async def test_a_sample_keeps_its_share_and_seed(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        await emergency(browser, PATIENTS["core"], "Hit by a car on the bridge")
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get("/privacy/samples")
        given = {name: str(page.find(f"//input[@name='{name}']/@value")[0]) for name in ("from", "to")}
        for percent in ("0", "101", "half", ""):
            wrong = await browser.post(page, "/privacy/samples", {"percent": percent, **given})
            assert wrong.exchange.code == "message-value"
            [entry] = entries(sandbox, wrong.exchange.correlation_id)  # it shows the samples before it
            assert (entry["event"], entry["operation"]) == ("privacy", "drawSample")
        drawn = await browser.post(page, "/privacy/samples", {"percent": "50", **given})
        seed = drawn.find("//*[@data-seed]")[0].text_content()
        [(kept_seed, percent, data)] = rows(
            sandbox, "SELECT seed, percent, data FROM sampling WHERE id = ?", drawn.path.rpartition("/")[2]
        )
        assert (kept_seed, percent) == (seed, 50)
        kept = json.loads(data)["alerts"]
        assert len(kept) >= 1
        assert len(drawn.find("//table//a")) == len(kept)
        everyone = rows(sandbox, "SELECT count(*) FROM alert WHERE organisation = 'RZZ01'")[0][0]
        assert len(kept) == -(-everyone // 2)
        wrong = await browser.post(page, "/privacy/samples", {"percent": "50", "seed": "none of ours!", **given})
        assert "Enter the seed as the sample's page shows it" in words(wrong)
        for other in ({"seed": "A" * len(seed)}, {"seed": seed, "percent": "49"}):  # nobody chooses what is drawn
            wrong = await browser.post(page, "/privacy/samples", {"percent": "50", **given, **other})
            assert wrong.exchange.code == "message-value"
            assert "No sample was drawn with this seed, share and dates" in words(wrong)
        assert not drawn.find("//*[@data-first]")
    async with walking(sandbox) as (browser, _):  # one more, after it was drawn
        await emergency(browser, PATIENTS["core"], "Found under the bridge")
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get("/privacy/samples")
        same = await browser.post(page, "/privacy/samples", {"percent": "50", "seed": seed, **given})
        assert same.path != drawn.path
        assert same.find("//table//a/@href") == drawn.find("//table//a/@href")
        assert same.find("//*[@data-seed]")[0].text_content() == seed
        assert same.find("//*[@data-first]/@href") == [drawn.path]
        new = await browser.post(await browser.get("/privacy/samples"), "/privacy/samples", {"percent": "100", **given})
        assert len(new.find("//table//a")) == everyone + 1
    body = rows(sandbox, "SELECT body FROM audit WHERE body LIKE ?", f'%"again","{drawn.path.rpartition("/")[2]}"%')
    assert [json.loads(one)["outcome"] for (one,) in body] == ["sampled"]


async def test_permissions_and_charts_count_what_is_there(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        await emergency(browser, PATIENTS["core"], "Found confused at the station")
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get("/privacy/permissions")
        assert page.find("//*[@data-overrides]")
        assert "ADAMS Nadia Dr" in words(page)
        charts = await browser.get("/privacy/charts")
        assert len(charts.find("//*[local-name()='svg'][@role='img']")) >= 6
        assert not re.search(rb"<svg[^>]*style=|<script[^>]*>[^<]*svg", charts.exchange.body)
        captions = " ".join(one.text_content() for one in charts.find("//figcaption"))
        views = rows(sandbox, "SELECT count(*) FROM audit WHERE organisation = 'RZZ01' AND event = 'viewed'")[0][0]
        assert f"Views by day: {views}" in captions
        assert f"Views by user: {views}" in captions


async def test_a_yes_after_a_no_is_listed_with_both_times(sandbox: RunningSandbox) -> None:
    numbers = (f"9{step:09d}" for step in range(310_000_000, 310_000_100))
    number = next(number for number in numbers if cast.patient(number) is not None)  # nobody else's in these tests
    asked = "SELECT starts FROM permission WHERE patient = ? AND answer = ?"
    said = ("symphony", "view", "--nhs-number", number, "--as", "910000000018", "--relationship", "referral")
    for permission, status in (("no", 3), ("yes", 0)):
        assert (await vendor_stub(sandbox, *said, "--permission", permission))[0] == status
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get("/privacy/permissions")
    [turned] = page.find("//*[@data-turned]/@data-turned")
    listed = page.find("//div[@aria-label='Answers of yes after a no']//tbody/tr")
    assert len(listed) == int(str(turned)) >= 1
    [row] = [
        text
        for one in listed
        if f"{number[:3]} {number[3:6]} {number[6:]}" in (text := " ".join(one.text_content().split()))
    ]
    assert "symphony-rzz01" in row
    assert "(the same person)" in row
    for answer in ("no", "yes"):
        [(start,)] = rows(sandbox, asked, number, answer)
        local = datetime.fromisoformat(start).astimezone(LONDON)
        assert f"{local:%H:%M}" in row


async def test_the_queue_filters_counts_and_turns_pages(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        for number in range(11):
            await emergency(browser, PATIENTS["core"], f"Unconscious after fall number {number}")
    async with walking(sandbox) as (browser, _):
        page = await at_work(browser)
        open_count = rows(sandbox, "SELECT count(*) FROM alert WHERE organisation = 'RZZ01' AND state <> 'closed'")[0][
            0
        ]
        assert page.find("//*[@data-open]")[0].text_content() == str(open_count)
        assert len(page.find("//table[@data-queue]/tbody/tr")) == 10
        older = await browser.get(str(page.find("//a[@rel='next']/@href")[0]))
        first, second = (set(one.find("//table[@data-queue]//a/@href")) for one in (page, older))
        assert second
        assert not first & second
        for query, sql in (
            ("state=all", "1 = 1"),
            ("state=closed", "state = 'closed'"),
            ("state=new&type=1", "state = 'new' AND type = '1'"),
            ("state=all&type=2", "type = '2'"),
            ("state=all&mark=threshold", "marks LIKE '%threshold%'"),
            ("state=all&age=1", "1 = 0"),
            ("state=all&site=RZZ99", "1 = 0"),
            ("state=all&site=%27--", "1 = 0"),
            ("state=nonsense&page=nonsense", "state <> 'closed'"),
        ):
            found = await browser.get(f"/privacy/alerts?{query}")
            expected = rows(sandbox, f"SELECT count(*) FROM alert WHERE organisation = 'RZZ01' AND {sql}")[0][0]
            assert words(found).partition(" found")[0].endswith(f" {expected}"), query


async def test_what_the_gateway_wrote_of_alerts_agrees_with_its_audit(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        alert_id = alert_of(sandbox, await emergency(browser, PATIENTS["core"], "Unconscious after a fall downstairs"))
    path = f"/privacy/alerts/{alert_id}"
    async with walking(sandbox) as (browser, _):
        await at_work(browser)
        page = await browser.get(path)
        await browser.post(page, path, {"to": "closed", "note": "Attended that night"})
    settings = sandbox.data / "gateway.toml"
    told = await asyncio.to_thread(CliRunner().invoke, main, ["audit", "verify", "--config", str(settings)])
    assert (told.exit_code, " alerts: sound" in told.output) == (0, True), told.output


@contextmanager
def spoiled(sandbox: RunningSandbox, row_id: str, table: str = "alert", column: str = "note") -> Iterator[None]:
    """One high bit of a text flipped, as somebody with the database in his hands can; put back afterwards."""
    with closing(sqlite3.connect(sandbox.database, isolation_level=None)) as connection:
        guards = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
        )
        guards = dict(guards.fetchall())
        [(value,)] = connection.execute(f"SELECT {column} FROM {table} WHERE id = ?", (row_id,))
        for name in guards:
            connection.execute(f"DROP TRIGGER {name}")
        high = f"CAST(substr({column}, 1, 2) || x'e2' || substr({column}, 4) AS TEXT)"
        connection.execute(f"UPDATE {table} SET {column} = {high} WHERE id = ?", (row_id,))
        try:
            yield
        finally:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row_id))
            for guard in guards.values():
                connection.execute(guard)


async def test_an_alert_that_somebody_made_unreadable_is_named_and_the_queue_goes_on(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        good = alert_of(sandbox, await emergency(browser, PATIENTS["core"], "Brought in after a road accident"))
        bad = alert_of(sandbox, await emergency(browser, PATIENTS["core"], "Cannot speak since the fall"))
    with spoiled(sandbox, bad):
        async with walking(sandbox) as (browser, calls):
            page = await at_work(browser)
            [named] = page.find("//*[@data-unreadable]")
            assert f"Alert {bad} cannot be read" in " ".join(named.text_content().split())
            assert page.find(f"//a[@href='/privacy/alerts/{good}']")
            assert not page.find(f"//a[@href='/privacy/alerts/{bad}']")
            one = await browser.get(f"/privacy/alerts/{bad}")
            assert (one.exchange.status, one.exchange.code) == (500, "internal")
            assert f"Alert {bad} cannot be read" in words(one)
            [entry] = entries(sandbox, one.exchange.correlation_id)
            assert dict(entry["facts"])["unreadable"] == [bad]
            csrf = str(page.find("//form[@action='/privacy/alerts/export']//input[@name='csrf']/@value")[0])
            acted = seen(
                await posted(calls, f"/privacy/alerts/{bad}", csrf=csrf, to="closed", note="Seen", version="0")
            )
            assert (acted.exchange.status, f"Alert {bad} cannot be read" in words(acted)) == (500, True)
            csrf = str(page.find("//form[@action='/privacy/alerts/export']//input[@name='csrf']/@value")[0])
            listed = await posted(calls, "/privacy/alerts/export", csrf=csrf, state="all", format="csv")
            told = {row["alert id"]: row for row in csv.DictReader(io.StringIO(listed.body.decode("utf-8-sig")))}
            assert told[good]["status"] == "new"
            assert (told[bad]["time"].split(":")[0], told[bad]["patient"]) == ("cannot be read", "")
            page = await browser.get("/privacy/attendance")
            proposed = await upload(calls, page, b"nhs_number,from,to\r\n")
            [named] = seen(proposed).find("//*[@data-unreadable]")
            assert f"Alert {bad} cannot be read" in " ".join(named.text_content().split())
    written = (
        "SELECT body FROM audit WHERE event = 'privacy' AND body LIKE '%\"exportAlerts\"%' ORDER BY at DESC LIMIT 1"
    )
    [(body,)] = rows(sandbox, written)
    assert dict(json.loads(body)["facts"])["unreadable"] == [bad]


@pytest.mark.parametrize(
    ("table", "column", "note"),
    [
        ("audit", "user_id", "Found at the foot of the stairs"),
        ("audit", "body", "Pulled out of the river at noon"),
        ("audit", "at", "Fell from the scaffold, no answer"),
        ("alert", "user_id", "Knocked off a bicycle by a van"),
        ("alert", "state", "Came in by helicopter, sedated"),
        ("alert", "type", "Seizure in the waiting room"),
    ],
)
async def test_no_page_fails_over_a_spoilt_row_and_those_it_concerns_name_it(
    sandbox: RunningSandbox, table: str, column: str, note: str
) -> None:
    async with walking(sandbox) as (browser, _):
        correlation = await emergency(browser, PATIENTS["core"], note)
    paths, only = {"/privacy/charts", "/privacy/permissions"}, "event = 'viewed'"
    if column == "body":  # charts need no more of it than can still be read
        paths = set()
    if table == "alert":
        paths, only = paths | {"/privacy/alerts"}, "true"
    [(row_id,)] = rows(sandbox, f"SELECT id FROM {table} WHERE correlation_id = ? AND {only}", correlation)
    with spoiled(sandbox, row_id, table, column):
        async with walking(sandbox) as (browser, calls):
            await at_work(browser)
            kind = "Entry" if table == "audit" else "Alert"
            for path in WORKBENCH:
                page = await browser.get(path)
                assert page.exchange.status == 200, (path, page.exchange.code)
                said = " ".join(one.text_content() for one in page.find("//*[@data-unreadable]"))
                assert (f"{kind} {row_id} cannot be read" in " ".join(said.split())) == (path in paths), path
            for kind_of, fields in (("user", {"user": DOCTOR}), ("patient", {"nhs_number": PATIENTS["core"]})):
                page = await browser.get(f"/privacy/reports/{kind_of}")
                given = {name: str(page.find(f"//input[@name='{name}']/@value")[0]) for name in ("from", "to")}
                page = await browser.post(page, f"/privacy/reports/{kind_of}", {**fields, **given})
                assert page.exchange.status == 200, page.exchange.code
                assert int(page.find("//@data-found")[0]) >= 1
                assert column == "body" or bool(page.find("//*[@data-unreadable]")) == (table == "audit")
                export = f"/privacy/reports/{kind_of}/export"  # it holds, and names, also what the page has no room for
                file = await posted(calls, export, **page.form(export), format="csv")
                told = list(csv.DictReader(io.StringIO(file.body.decode("utf-8-sig"))))
                lost = [row["id"] for row in told if row["time"].startswith("cannot be read")]
                assert lost == ([row_id] if table == "audit" else [])
                assert len(told) > 1
            page = await browser.get("/privacy/looked")
            page = await browser.post(page, "/privacy/looked", {"nhs_number": PATIENTS["core"]})
            assert page.exchange.status == 200, page.exchange.code
            assert bool(page.find("//*[@data-unreadable]")) == (table == "audit")


@pytest.mark.parametrize(
    ("column", "note"), [("note", "Trampled by a runaway horse"), ("at", "Hit by hail as large as eggs")]
)
async def test_an_unreadable_alert_of_the_officers_own_access_keeps_nobody_out(
    sandbox: RunningSandbox, column: str, note: str
) -> None:
    async with walking(sandbox) as (browser, _):
        own = alert_of(sandbox, await emergency(browser, PATIENTS["core"], note, uid=VIEWING_OFFICER))
    with spoiled(sandbox, own, "alert", column):
        async with walking(sandbox) as (browser, _):
            await at_work(browser, VIEWING_OFFICER)
            for path in WORKBENCH:
                page = await browser.get(path)
                assert page.exchange.status == 200, (path, page.exchange.code)
                if path == "/privacy/alerts":
                    assert f"Alert {own} cannot be read" in words(page)
