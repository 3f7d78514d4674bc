"""The steps between patient and record say what is so before anybody is asked: death, relationship, a refusal, a note's flaw."""

import re

import pytest

from tests.pages.walking import PATIENTS, entries, found, rows, signed_in, walking
from tests.running import RunningSandbox
from vendor_stubs.pages import Page, record_of


def words_of(page: Page) -> str:
    """Everything the page says."""
    return " ".join(str(text).strip() for text in page.find("//main//text()") if str(text).strip())


async def test_a_patient_who_has_died_is_not_asked_and_agreed_to_nothing(sandbox: RunningSandbox) -> None:
    number = PATIENTS["deceased"]
    async with walking(sandbox) as (browser, _):
        page = await found(browser, number)
        said = {"relationship": "self-claimed", "confirm_deceased": "true"}
        page = await browser.post(page, "/viewer/patient", said)
        words = words_of(page)
        assert "This patient has died" in words
        assert "Permission the patient gave before the death" in words
        assert not page.find("//blockquote")
        assert "ask" not in " ".join(str(text).casefold() for text in page.find("//h1//text()"))
        assert "extended" not in page.find("//input[@name='permission']/@value")
        page = await browser.post(page, "/viewer/record", {"permission": "yes"})
        printed = await browser.post(page, "/viewer/print", {})
    for one in (page, printed):
        assert record_of(one) is not None, one.exchange.code
        assert "Shown because Permission recorded for this view" in words_of(one)
        assert "agreed" not in words_of(one)
    [entry] = [one for one in entries(sandbox, page.exchange.correlation_id) if one["event"] == "viewed"]
    kept = rows(sandbox, "SELECT answer, how_asked FROM permission WHERE id = ?", entry["permission_id"])
    assert kept == [("yes", "other")], "nobody was asked face to face"


async def test_what_opens_no_record_is_told_before_the_patient_is_asked(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await found(browser, PATIENTS["deceased"])
        page = await browser.post(
            page, "/viewer/patient", {"relationship": "self-claimed", "purpose": "post-death-duty"}
        )
        assert (page.path, page.exchange.status) == ("/viewer/patient", 403)
        assert (page.exchange.code, page.exchange.rules) == ("deceased-not-confirmed", ("PDS-DEATH",))
        assert page.find("//div[contains(@class, 'error-summary')]//a/@href") == ["#confirm_deceased"]
        assert page.find("//input[@checked]/@value") == ["self-claimed", "post-death-duty"], "what was said stays"
        told = entries(sandbox, page.exchange.correlation_id)
        assert [(one["event"], one.get("code")) for one in told] == [("asked", None), ("refused", page.exchange.code)]
        # no step leads on: nothing was answered yet
        assert (await browser.get("/viewer/permission")).path == "/viewer/patient"
        said = {"relationship": "self-claimed", "confirm_deceased": "true", "purpose": "post-death-duty"}
        assert (await browser.post(page, "/viewer/patient", said)).path == "/viewer/permission"


UNRELATED = "9000000718"
"""A patient whom no other test puts into a relationship with anybody: the sandbox is shared."""


async def test_without_a_relationship_nobody_is_sent_to_ask_the_patient(sandbox: RunningSandbox) -> None:
    """Who may view without permission goes there at once; who may not is told, and audited, on the page itself."""
    async with walking(sandbox) as (browser, _):
        page = await found(browser, UNRELATED)
        assert page.find("//input[@name='relationship']/@value") == ["self-claimed", "none"]
        page = await browser.post(page, "/viewer/patient", {"relationship": "none"})
        assert page.path == "/viewer/without-permission"
        assert "/viewer/patient" in page.find("//main//a/@href")
    async with walking(sandbox) as (browser, _):
        page = await signed_in(browser, "910000000141", "community_care")
        page = await browser.post(page, "/viewer/find", {"nhs_number": UNRELATED})
        assert page.find("//input[@name='relationship']/@value") == ["self-claimed", "none"]
        assert "It has to be recorded before the record opens." in words_of(page)
        page = await browser.post(page, "/viewer/patient", {"relationship": "none"})
        assert (page.path, page.exchange.code, page.exchange.rules) == (
            "/viewer/patient",
            "relationship-missing",
            ("P-01",),
        )
        assert [one["event"] for one in entries(sandbox, page.exchange.correlation_id)] == ["asked", "refused"]


async def test_a_refusal_on_record_is_told_before_a_yes_takes_its_place(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await found(browser, "9000000033")
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        assert not page.find("//*[@data-refused-at]")
        assert (await browser.post(page, "/viewer/record", {"permission": "no"})).exchange.code == "permission-refused"
        page = await browser.get("/viewer/permission")
        [told] = page.find("//*[@data-refused-at]")
        assert re.search(r"A refusal is on record: \d{2}-[A-Z][a-z]{2}-\d{4} \d{2}:\d{2}", told.text_content())
        shown = await browser.post(page, "/viewer/record", {"permission": "yes"})
        assert record_of(shown) is not None, shown.exchange.code
        assert not (await browser.get("/viewer/permission")).find("//*[@data-refused-at]")


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ("", "Nothing is written there yet."),
        ("too brief", "What is written is too short."),
        ("Far too much " * 12, "What is written is too long."),
        ("unconsciousness", "What is written has too few words."),
        ("help help help", "What is written says one thing over and over."),
    ],
)
async def test_a_note_that_explains_nothing_is_told_what_it_lacks(
    sandbox: RunningSandbox, note: str, told: str
) -> None:
    async with walking(sandbox) as (browser, _):
        page = await found(browser, PATIENTS["captions_only"])
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        for answer in (
            {"permission": "emergency", "emergency_reason": "unconscious"},
            {"permission": "best-interests"},
        ):
            form = await browser.get("/viewer/without-permission")
            refused = await browser.post(form, "/viewer/record", {**answer, "note": note})
            assert refused.exchange.code == "emergency-note"
            assert told in words_of(refused)
            assert refused.find("//div[contains(@class, 'error-summary')]//a/@href") == ["#note"]


async def test_a_record_under_review_is_told_before_the_patient_is_asked(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await found(browser, PATIENTS["under_review"])
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        assert (page.path, page.exchange.status, page.exchange.code) == ("/viewer/patient", 403, "under-review")
        told = entries(sandbox, page.exchange.correlation_id)
        assert [(one["event"], one.get("code")) for one in told] == [("asked", None), ("refused", "under-review")]
        assert (await browser.get("/viewer/permission")).path == "/viewer/patient", "nobody is asked"


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ({}, {"#permission", "#note"}),
        ({"permission": "emergency"}, {"#emergency_reason", "#note"}),
        ({"permission": "legal"}, {"#legal_basis", "#note"}),
    ],
)
async def test_an_empty_form_without_permission_is_told_all_it_lacks_at_once(
    sandbox: RunningSandbox, answer: dict[str, str], fields: set[str]
) -> None:
    async with walking(sandbox) as (browser, _):
        await signed_in(browser, "910000000109", "acute_assessment")
        page = await browser.get("/viewer/find")
        page = await browser.post(page, "/viewer/find", {"nhs_number": PATIENTS["captions_only"]})
        await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        form = await browser.get("/viewer/without-permission")
        count = form.find("//*[@data-module='nhsuk-character-count']/@data-maxlength")
        assert count == ["128"]
        back = await browser.post(form, "/viewer/record", {**answer, "note": ""})
    links = back.find("//div[contains(@class, 'error-summary')]//a/@href")
    assert len(links) == len(fields)
    assert set(links) == fields
    assert len(back.find("//*[contains(@class, 'nhsuk-error-message')]")) == len(fields), "each beside its field too"


async def test_a_note_used_before_is_told_so_and_not_quoted(sandbox: RunningSandbox) -> None:
    told = {"permission": "emergency", "emergency_reason": "unconscious", "note": "Brought here by the lifeboat crew"}
    async with walking(sandbox) as (browser, _):
        await signed_in(browser)
        for _again in range(2):
            page = await browser.post(
                await browser.get("/viewer/find"), "/viewer/find", {"nhs_number": PATIENTS["captions_only"]}
            )
            await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
            page = await browser.post(await browser.get("/viewer/without-permission"), "/viewer/record", told)
    assert page.exchange.code == "emergency-note"
    assert "You wrote the same words for one of your last views" in words_of(page)
    errors = page.find("//*[contains(@class, 'nhsuk-error')]")
    assert errors
    assert not any("lifeboat" in one.text_content() for one in errors)


async def test_nobody_is_asked_to_check_a_patient_whose_details_are_not_shown(sandbox: RunningSandbox) -> None:
    """Refused where the number is found, in the words of any record that is not available; Spine is asked for no record."""
    number = PATIENTS["very_restricted"]
    async with walking(sandbox) as (browser, _):
        page = await browser.post(await signed_in(browser), "/viewer/find", {"nhs_number": number})
        assert (page.path, page.exchange.status, page.exchange.code) == ("/viewer/find", 403, "scr-not-available")
        assert page.exchange.rules == ("SCR-AVAILABLE",)
        words = words_of(page)
        assert "No Summary Care Record is available for this patient." in words
        assert "Check the name" not in words
        assert "not shown" not in words
        assert not page.find("//*[@data-context]"), "no banner"
        told = entries(sandbox, page.exchange.correlation_id)
        assert [one["event"] for one in told] == ["asked", "trace", "refused"]
        assert told[-1]["code"] == "scr-not-available"
        assert (await browser.get("/viewer/patient")).path == "/viewer/find", "nobody is open"


async def test_a_note_outlives_a_fault_of_spine(sandbox: RunningSandbox) -> None:
    """The page of the fault holds the form as it was sent, the note open to change, and sends it once more."""
    note = 'Brought in "unresponsive" <after a fall> & cold'
    told = {"permission": "emergency", "emergency_reason": "unconscious", "note": note}
    async with walking(sandbox) as (browser, _):
        page = await found(browser, PATIENTS["fault"])
        await browser.post(page, "/viewer/patient", {"relationship": "none"})
        failed = await browser.post(await browser.get("/viewer/without-permission"), "/viewer/record", told)
        assert failed.exchange.status >= 500
        assert failed.find("//form[@data-again]//textarea[@name='note']/text()") == [f"{note}"]
        kept = failed.form("/viewer/record")
        assert (kept["permission"], kept["emergency_reason"]) == ("emergency", "unconscious")
        more = f"{note}, a second time"
        again = await browser.post(failed, "/viewer/record", {"note": more})
        assert again.find("//form[@data-again]//textarea[@name='note']/text()") == [more]
    notes = [entries(sandbox, one.exchange.correlation_id)[0]["note"] for one in (failed, again)]
    assert notes == [note, more]


async def test_a_page_that_was_only_asked_for_offers_no_form_again(sandbox: RunningSandbox) -> None:
    async with walking(sandbox) as (browser, _):
        page = await signed_in(browser)
        refused = await browser.post(page, "/viewer/find", {"nhs_number": "9992000482"})
        assert not refused.find("//form[@data-again]"), "what is wrong with a request is not mended by sending it again"
        unknown = await browser.get("/viewer/nowhere")
        assert not unknown.find("//form[@data-again]")
