"""The standalone viewer in a real browser: every page accessible, nothing leaves loopback, no NHS number where it may not be."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import PATIENTS, answer, find, relate, sign_in, to_record, work_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_the_whole_way_to_a_record(watched: Watched) -> None:
    page, sandbox = await watched.page(), watched.sandbox
    await page.goto(f"{sandbox.gateway}/viewer")
    await accessible(page)
    await shot(page, "viewer-start")
    await sign_in(page, sandbox, "910000000018")
    await accessible(page)
    await shot(page, "viewer-setting")
    await work_in(page, "Accident and emergency")
    await accessible(page)
    await shot(page, "viewer-find")
    await find(page, "999 200 0481")
    await accessible(page)
    await shot(page, "viewer-patient")
    await relate(page)
    await expect(page.locator(".scr-question")).to_contain_text("Northbrook Hospital NHS Trust")
    await accessible(page)
    await shot(page, "viewer-permission")
    await answer(page, "Yes, for this view")
    await expect(page.get_by_text("Additional Information included")).to_be_visible()
    await expect(page.get_by_text("This access was reported to your privacy officer.")).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-record", full=False)
    await shot(page, "viewer-record-whole")
    watched.titles.append(await page.title())
    async with watched.context.expect_page() as opened:
        await page.get_by_role("button", name="Print view").click()
    printed = await opened.value
    await expect(printed.get_by_text("Confidential – patient data.")).to_be_visible()
    await accessible(printed)
    await shot(printed, "viewer-print")
    pages = re.findall(rb"/Type\s*/Page\b", await printed.pdf(format="A4"))
    assert len(pages) > 1, "a long record takes more than one page"
    watched.titles.append(await printed.title())
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    await accessible(page)
    await page.go_back()
    await expect(page.locator("[data-refusal='session-missing']")).to_be_visible()
    await expect(page.locator("[data-record]")).to_have_count(0)
    await page.goto(f"{sandbox.gateway}/viewer/patient")
    await expect(page.get_by_role("heading", name="This cannot be shown")).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-error")


@pytest.mark.parametrize(
    ("case", "seen"),
    [
        ("withheld", "Information has been withheld"),
        ("recently_registered", "Recently registered: this record may be incomplete"),
        ("no_data", "The practice holds no significant data"),
        ("blank_optout", "The patient has chosen not to store information here"),
        ("nullified", "Entries marked as withdrawn"),
        ("empty_allergies", "This table came without entries."),
        ("deceased", "Died"),
        ("superseded", "That number has been replaced"),
        ("awkward_text", "Ó MURCHÚ, Seán Łukasz (Mr)"),
        ("captions_only", "Parts of this record"),
        ("hostile_markup", "Parts of the document that could act by themselves were left out."),
    ],
)
async def test_what_matters_about_a_record_is_plain_to_see(watched: Watched, case: str, seen: str) -> None:
    page = await watched.page()
    await to_record(page, watched.sandbox, case)
    await expect(page.get_by_text(seen).first).to_be_visible()
    await expect(page.locator("[data-created]")).to_be_visible()
    if case in {"withheld", "nullified", "deceased", "captions_only"}:
        await accessible(page)
    await shot(page, f"record-{case.replace('_', '-')}", full=False)


async def test_an_override_warns_and_says_what_its_note_lacks(watched: Watched) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, "910000000109")
    await work_in(page, "Acute assessment")
    await find(page, PATIENTS["ask"])
    await relate(page)
    await answer(page, "The patient cannot be asked")
    await expect(page.get_by_text("This access will be reviewed")).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-without-permission")
    await page.get_by_label("Emergency: the patient cannot answer").check()
    await page.get_by_label("The patient is unconscious").check()
    await page.get_by_label("Explain why").fill("because")
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_role("alert")).to_contain_text("needs a note that explains why")
    await expect(page.get_by_label("Explain why")).to_have_value("because")
    await accessible(page)
    await shot(page, "viewer-without-permission-error")
    await page.get_by_label("Explain why").fill("Brought in unconscious after a fall at home")
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_text("This access was reported to your privacy officer.")).to_be_visible()


async def test_a_wrong_number_is_told_before_anything_is_asked(watched: Watched) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, "910000000158")
    await work_in(page, "Mental health")
    for typed, told in (("999 200 0482", "check digit"), ("12345", "10 digits, this has 5"), ("", "Enter the patient")):
        await page.get_by_label("NHS number").fill(typed)
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_role("alert")).to_contain_text(told)
        await expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    await accessible(page)
    await shot(page, "viewer-find-error")


async def test_details_find_one_patient_and_never_list_several(watched: Watched) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, "910000000158")
    await work_in(page, "Mental health")
    await page.get_by_role("link", name="Find by name and date of birth").click()
    await accessible(page)

    async def search(family: str, day: str, month: str, year: str) -> None:
        await page.get_by_label("Family name").fill(family)
        for label, value in (("Day", day), ("Month", month), ("Year", year)):
            await page.get_by_label(label, exact=True).fill(value)
        await page.get_by_role("button", name="Find").click()

    await search("Crowther", "24", "4", "1944")
    await expect(page.get_by_role("alert")).to_contain_text("do not find exactly one patient")
    assert "Jean" not in await page.content()
    await accessible(page)
    await shot(page, "viewer-details")
    await search("Ashworth", "14", "7", "1945")
    await expect(page.locator("[data-name]")).to_have_text("ASHWORTH, Evelyn (Mrs)")
