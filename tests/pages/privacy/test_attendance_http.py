"""The attendance check over HTTP: what a file explains is proposed, closed with its evidence, and nothing else happens."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from tests.pages.privacy.officers import VIEWING_OFFICER, alert_of, at_work, emergency, upload
from tests.pages.privacy.test_privacy_http import posted, seen, spoiled, words
from tests.pages.walking import PATIENTS, entries, rows, walking
from tests.running import RunningSandbox


async def test_matched_alerts_are_proposed_and_closed_with_the_evidence(sandbox: RunningSandbox) -> None:
    number, other = PATIENTS["withheld"], PATIENTS["captions_only"]
    async with walking(sandbox) as (browser, _):
        theirs = alert_of(sandbox, await emergency(browser, number, "Brought in by ambulance crew"))
        missing = alert_of(sandbox, await emergency(browser, other, "Collapsed in the waiting room"))
    async with walking(sandbox) as (browser, _):
        said = await emergency(browser, number, "Second opinion, still unconscious", uid=VIEWING_OFFICER)
    own = alert_of(sandbox, said)
    now = datetime.now(UTC)
    day = f"{now - timedelta(days=1):%Y-%m-%d},{now + timedelta(days=1):%Y-%m-%d}"
    content = (
        "\ufeffNHS Number,From,To,ward\r\n"
        f"{number[:3]} {number[3:6]} {number[6:]},{day},A&E\r\n"
        f"{number},{day},again\r\n"
        f"=HYPERLINK(1),{day},x\r\n"
        f"{other},2020-01-01,2020-01-02,long ago\r\n"
    ).encode()
    digest = hashlib.sha256(content).hexdigest()
    async with walking(sandbox) as (browser, calls):
        await at_work(browser, VIEWING_OFFICER)
        answer = await upload(calls, await browser.get("/privacy/attendance"), content)
        page = seen(answer)
        assert answer.status == 200, answer.code
        assert page.find("//*[@data-rows]")[0].text_content() == "4"
        assert page.find("//*[@data-duplicates]")[0].text_content().startswith("1 (line 3)")
        assert "1: not an NHS number (line 4)" in words(page)
        assert b"HYPERLINK" not in answer.body
        offered = {str(name).removeprefix("alert-") for name in page.find("//input[@type='checkbox']/@name")}
        assert theirs in offered
        assert page.find("//input[@type='checkbox'][@checked]") == []  # the officer chooses
        assert not {own, missing} & offered
        assert "of your own accesses" in words(page)
        for alert_id in (theirs, own, missing):
            assert rows(sandbox, "SELECT state FROM alert WHERE id = ?", alert_id) == [("new",)]
        close = "/privacy/attendance/close"
        fields = page.form(close) | {f"alert-{one}": "yes" for one in (theirs, own, missing)}
        sealed = json.loads(fields["proposal"])["sealed"]
        moved = json.dumps({"sealed": sealed[4:8] + sealed[:4] + sealed[8:]})
        assert sealed[:4] != sealed[4:8]
        forged = await posted(calls, close, **(fields | {"proposal": moved}))
        assert forged.code == "form-token"
        done = seen(await posted(calls, close, **fields))
        assert done.find("//*[@data-closed]")[0].text_content() == "1"
    for alert_id, state in ((theirs, "closed"), (own, "new"), (missing, "new")):
        assert rows(sandbox, "SELECT state FROM alert WHERE id = ?", alert_id) == [(state,)]
    [(note,)] = rows(sandbox, "SELECT note FROM alert_action WHERE alert_id = ?", theirs)
    assert digest in note
    assert "(line 2 of the file" in note
    checked = [dict(e["facts"]) for e in entries(sandbox, answer.correlation_id)]
    assert checked[0]["file"] == digest
    assert (checked[0]["rows"], checked[0]["matched"] >= 2) == (4, True)


async def test_a_file_that_cannot_be_used_is_refused_as_a_whole(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, calls):
        await at_work(browser)
        sheet = await browser.get("/privacy/attendance")
        for content, said in (
            ("nhs_number,from,to\r\nJosé".encode("cp1252"), "not UTF-8"),
            ("nhs_number,from,to".encode("utf-16"), "not UTF-8"),
            (b"number,start,stop\r\n", "names the columns"),
            (b"", "names the columns"),
            (b"nhs_number,from,to\r\n" + b"9" * 70_000, "too long"),
            (
                b'nhs_number,from,to\r\n9990402132,2026-03-01,\r\n"9992000112,2026-03-01,\r\n',
                "quotation mark in line 3",
            ),
        ):
            page = seen(await upload(calls, sheet, content))
            assert page.exchange.code == "message-value"
            assert said in words(page) or said in page.exchange.body.decode()


async def test_an_alert_made_unreadable_since_the_proposal_is_named_and_the_others_are_closed(
    sandbox: RunningSandbox,
) -> None:
    number = PATIENTS["additional_information"]
    async with walking(sandbox) as (browser, _):
        good = alert_of(sandbox, await emergency(browser, number, "Trapped under a fallen wall"))
        bad = alert_of(sandbox, await emergency(browser, number, "Taken from the water by lifeguards"))
    now = datetime.now(UTC)
    day = f"{now - timedelta(days=1):%Y-%m-%d},{now + timedelta(days=1):%Y-%m-%d}"
    async with walking(sandbox) as (browser, calls):
        await at_work(browser)
        page = seen(await upload(calls, await browser.get("/privacy/attendance"), _file(f"{number},{day}")))
        close = "/privacy/attendance/close"
        fields = page.form(close) | {f"alert-{one}": "yes" for one in (good, bad)}
        with spoiled(sandbox, bad):
            done = seen(await posted(calls, close, **fields))
        assert done.exchange.status == 200, done.exchange.code
        assert done.find("//*[@data-closed]")[0].text_content() == "1"
        assert f"{bad}: not closed. It cannot be read or changed in the database" in words(done)
    for alert_id, state in ((good, "closed"), (bad, "new")):
        assert rows(sandbox, "SELECT state FROM alert WHERE id = ?", alert_id) == [(state,)]


def _file(*lines: str) -> bytes:
    return "\r\n".join(("nhs_number,from,to", *lines, "")).encode()
