"""Organisations, interest forms and codes in a real browser."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import sign_in, work_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_organisations_interest_and_codes(watched: Watched) -> None:
    page, sandbox = await watched.page(), watched.sandbox
    await page.goto(f"{sandbox.gateway}/interest")
    await accessible(page)
    await page.get_by_role("button", name="Send: express interest for a new care setting").click()
    await expect(page.get_by_role("alert")).to_contain_text("Fill in")
    await accessible(page)
    await shot(page, "interest-error")
    await page.goto(f"{sandbox.gateway}/errors/setting-not-approved")
    await expect(page.get_by_text("An organisation may express its interest")).to_be_visible()
    await accessible(page)
    await shot(page, "error-code")
    await page.goto(f"{sandbox.gateway}/errors")
    await accessible(page)
    await sign_in(page, sandbox, "910000000158")
    await work_in(page, "Mental health")
    await page.get_by_role("link", name="Organisations").click()
    await expect(page.get_by_role("heading", name="Fenwick Mental Health NHS Trust (RZZ02) – yours")).to_be_visible()
    await accessible(page)
    await shot(page, "organisations", full=False)


async def test_a_person_of_several_roles_chooses_and_is_refused_by_name(watched: Watched) -> None:
    page, sandbox = await watched.page(), watched.sandbox
    await sign_in(page, sandbox, "910000000299", role="555000000130")
    await expect(page.get_by_role("heading", name="Find the patient")).to_be_visible()
    await page.get_by_label("NHS number").fill("9992000112")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("[data-sentence]")).to_contain_text("This care setting is not approved")
    await accessible(page)
    await shot(page, "viewer-refused")


async def test_the_pages_on_the_way_in(watched: Watched) -> None:
    """Card, role and the pages that only say something: each accessible, each seen."""
    page, sandbox = await watched.page(), watched.sandbox
    await page.goto(f"{sandbox.gateway}/viewer/sign-in")
    await accessible(page)
    await shot(page, "sign-in-card")
    await page.get_by_label("Smartcard").select_option("910000000042")
    await page.get_by_label("PIN").fill("0042")
    await page.get_by_role("button", name="Sign in").click()
    await accessible(page)
    await shot(page, "sign-in-role")
    await page.locator("input[value='555000000105']").check()
    await page.get_by_role("button", name="Continue").click()
    await work_in(page, "Mental health")
    await page.goto(f"{sandbox.gateway}/viewer/role")
    await expect(page.get_by_role("heading", name="Which role are you working in?")).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-role")
    await page.locator("input[value='555000000104']").check()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("[data-refusal='role-not-held']")).to_be_visible()
    for path, name in (
        ("/viewer/find/details", "viewer-details-empty"),
        ("/launch", "launch-nothing"),
        ("/errors", "error-codes"),
        ("/interest", "interest"),
    ):
        await page.goto(sandbox.gateway + path)
        await accessible(page)
        await shot(page, name, full=name != "error-codes")
