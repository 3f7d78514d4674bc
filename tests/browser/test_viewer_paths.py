"""Every way from the patient to the record, and away from it: no, extended, best interests, a legal basis, an emergency after a refusal."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import PATIENTS, answer, find, relate, sign_in, work_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]
STONE = "910000000109"
"""May use every way there is."""
TOLD = "This access was reported to your privacy officer."


async def at_permission(watched: Watched, case: str, uid: str = STONE, setting: str = "Acute assessment") -> Page:
    """Signed in, the patient found and confirmed."""
    page = await watched.page()
    await sign_in(page, watched.sandbox, uid)
    await work_in(page, setting)
    await find(page, PATIENTS[case])
    await relate(page)
    return page


async def override(page: Page, way: str, *more: str, note: str) -> None:
    """The page without permission, filled in and sent."""
    await answer(page, "The patient cannot be asked")
    await expect(page.get_by_text("This access will be reviewed")).to_be_visible()
    for label in (way, *more):
        await page.get_by_label(label).check()
    await page.get_by_label("Explain why").fill(note)
    await page.get_by_role("button", name="Open the record").click()


async def test_a_no_is_kept_and_an_emergency_needs_a_change_after_it(watched: Watched) -> None:
    page = await at_permission(watched, "nullified")
    await page.get_by_label("No", exact=True).check()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("[data-refusal='permission-refused']")).to_be_visible()
    await expect(page.locator("[data-record]")).to_have_count(0)
    await accessible(page)
    await shot(page, "viewer-refused-permission")
    await page.get_by_role("link", name="Back to this patient").click()
    await relate(page)
    await expect(page.get_by_role("heading", name="A refusal is on record")).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-permission-after-refusal")
    await override(
        page, "Emergency: the patient cannot answer", "The patient is unconscious", note="Found on the floor"
    )
    await expect(page.get_by_text("The patient refused here within the last 24 hours")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Explain why")).to_have_value("Found on the floor")
    await accessible(page)
    await shot(page, "viewer-emergency-after-refusal")
    await page.get_by_label("The patient's condition has changed since the refusal").check()
    await page.get_by_label("How has it changed?").fill("Was awake, is now unconscious")
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_text("Emergency: the patient could not be asked")).to_be_visible()
    await expect(page.get_by_text(TOLD)).to_be_visible()


async def test_a_refusal_loaded_again_sends_no_answer_a_second_time(watched: Watched) -> None:
    page = await at_permission(watched, "several_versions")
    await page.get_by_label("No", exact=True).check()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.is_navigation_request() else None)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("[data-refusal='permission-refused']")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="A refusal is on record")).to_be_visible()
    await page.go_back()
    await expect(page.locator("h1")).to_be_visible()
    await page.go_forward()
    await expect(page.get_by_role("heading", name="A refusal is on record")).to_be_visible()
    # and so is the form without permission, which came back with what is wrong in it
    await answer(page, "The patient cannot be asked")
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="View without the patient's permission")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert sent.count("POST") == 3, "the no, the way without permission, and the form that lacked an answer: each once"


@pytest.mark.parametrize(
    ("ways", "note", "basis"),
    [
        (("The patient's best interests",), "Cannot say what he wants, carer agrees", "The patient's best interests"),
        (("A legal basis", "A court order"), "Order seen by the duty manager today", "A court order"),
        (("A legal basis", "A statute"), "Notifiable disease, act of 1984", "A statute"),
        (("A legal basis", "The public interest"), "Danger to the other residents here", "The public interest"),
    ],
)
async def test_a_way_without_permission_warns_and_is_told(
    watched: Watched, ways: tuple[str, ...], note: str, basis: str
) -> None:
    page = await at_permission(watched, "captions_only")
    await override(page, *ways, note=note)
    await expect(page.locator("dd", has_text=basis)).to_be_visible()
    await expect(page.get_by_text(TOLD)).to_be_visible()


async def test_a_record_opened_without_permission_survives_a_reload(watched: Watched) -> None:
    page = await at_permission(watched, "captions_only")
    await override(page, "The patient's best interests", note="Reading again what the page said before")
    await expect(page.locator("[data-record]")).to_have_count(1)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.url.endswith("/record") else None)
    await page.reload()
    await expect(page.locator("[data-record]")).to_have_count(1)
    await expect(page.locator("dd", has_text="The patient's best interests")).to_be_visible()
    # back and forward again is no dead end, and sends no form twice
    await page.go_back()
    await expect(page.get_by_role("heading", name="View without the patient's permission")).to_be_visible()
    await page.go_forward()
    await expect(page.locator("[data-record]")).to_have_count(1)
    assert sent == ["GET", "GET"]


async def test_a_legal_basis_must_be_named(watched: Watched) -> None:
    page = await at_permission(watched, "captions_only")
    await override(page, "A legal basis", note="A letter of the court came this morning")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("[data-record]")).to_have_count(0)
    await accessible(page)
    await shot(page, "viewer-legal-error")
    await page.get_by_label("A court order").check()
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.locator("dd", has_text="A court order")).to_be_visible()
    # the same words a second time explain nothing
    await page.get_by_role("link", name="Close and find another patient").click()
    await find(page, PATIENTS["captions_only"])
    await relate(page)
    await override(page, "A legal basis", "A court order", note="A letter of the court came this morning")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_text("the words of your last notes are not taken again")).to_be_visible()


async def test_a_yes_for_a_time_is_not_asked_for_again(watched: Watched) -> None:
    page = await at_permission(watched, "empty_allergies", "910000000141", "Community care")
    await expect(page.locator(".scr-question")).to_contain_text("Castle Community Services")
    await answer(page, "Yes, and for later views up to 28 days")
    await expect(page.get_by_text("The patient agreed, for a time")).to_be_visible()
    await page.get_by_role("link", name="Close and find another patient").click()
    await find(page, PATIENTS["empty_allergies"])
    await relate(page)
    held = page.get_by_label("Not asked again: permission is on record until")
    await expect(held).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-permission-held")
    await held.check()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("The patient agreed, for a time")).to_be_visible()


async def test_who_may_not_use_a_way_is_not_offered_it(watched: Watched) -> None:
    """A nurse without the emergency activity; a doctor without the legal one."""
    nurse = await at_permission(watched, "core", "910000000141", "Community care")
    await expect(nurse.get_by_label("The patient cannot be asked")).to_have_count(0)
    await nurse.get_by_role("button", name="Sign out").click()
    await expect(nurse.get_by_role("heading", name="You are signed out")).to_be_visible()
    doctor = await at_permission(watched, "core", "910000000018")
    await answer(doctor, "The patient cannot be asked")
    await expect(doctor.get_by_label("Emergency: the patient cannot answer")).to_be_visible()
    await expect(doctor.get_by_label("A legal basis")).to_have_count(0)
