"""A session in several tabs, at its last hour, in a computer that slept; and what the page says while one types."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import find, sign_in, to_record, work_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]
ENDED = "Your session has ended"


async def ends_in(page: Page, seconds: int) -> None:
    """The record page as it would be this long before the session's last moment."""

    async def answer(route: Route) -> None:
        told = await route.fetch()
        body, changed = re.subn(r'data-left-seconds="\d+"', f'data-left-seconds="{seconds}"', await told.text())
        assert changed == 1
        await route.fulfill(response=told, body=body)

    await page.route("**/viewer/record", answer)


async def test_nobody_stays_signed_in_past_the_last_hour(watched: Watched) -> None:
    page = await watched.page()
    await page.clock.install()
    await ends_in(page, 300)
    await to_record(page, watched.sandbox, "core")
    warning = page.get_by_role("alertdialog", name="You are about to be signed out")
    await page.clock.fast_forward(181_000)
    await expect(warning).to_contain_text("whatever you do")
    await expect(warning).not_to_contain_text("without use", use_inner_text=True)
    await accessible(page)
    await shot(page, "viewer-timeout-final", full=False)
    await page.get_by_role("button", name="Go on until then").click()
    await expect(warning).to_be_hidden()
    await expect(page.locator("[data-record]")).to_be_visible()
    await page.clock.fast_forward(120_000)
    await expect(page.get_by_role("heading", name=ENDED)).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-timed-out")


async def test_a_computer_that_slept_shows_no_record_when_it_wakes(watched: Watched) -> None:
    page = await watched.page()
    await page.clock.install()
    await to_record(page, watched.sandbox, "core")
    # no timer has run: only the clock on the wall went on
    await page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=20))
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(page.get_by_role("heading", name=ENDED)).to_be_visible()


async def test_the_tabs_of_a_session_count_as_one(watched: Watched) -> None:
    """Work in one keeps the other; signing out of one empties the other."""
    first = await watched.page()
    await first.clock.install()
    await to_record(first, watched.sandbox, "core")
    await first.clock.fast_forward(13 * 60 * 1000 + 1000)
    warning = first.get_by_role("alertdialog")
    await expect(warning).to_be_visible()
    async with watched.context.expect_page() as opened:
        await first.get_by_role("button", name="Print view").click()
    second = await opened.value
    await expect(second.get_by_text("Confidential – patient data.")).to_be_visible()
    await expect(warning).to_be_hidden()
    await second.get_by_role("button", name="Sign out").click()
    await expect(second.get_by_role("heading", name="You are signed out")).to_be_visible()
    await shot(second, "viewer-signed-out")
    await expect(first.get_by_role("heading", name="You are signed out")).to_be_visible()
    await expect(first.locator("[data-record]")).to_have_count(0)


async def test_a_wrong_digit_is_told_while_it_is_typed(watched: Watched) -> None:
    page = await watched.page()
    await sign_in(page, watched.sandbox, "910000000158")
    await work_in(page, "Mental health")
    box, told = page.get_by_label("NHS number"), page.get_by_role("status")
    for typed, words in (
        ("999 200 04", ""),
        ("999 200 0482", "its check digit does not fit"),
        ("999-200-0481", ""),
        ("99920004811", "An NHS number has 10 digits, this has 11."),
        ("999 200 O481", "digits only"),
    ):
        await box.fill(typed)
        await expect(told).to_have_text(re.compile(re.escape(words)) if words else "")
    await box.fill("999 200 04")
    await box.blur()
    await expect(told).to_have_text("An NHS number has 10 digits, this has 8.")
    await accessible(page)
    # as it is copied from a letter: spaces around, and ones that do not break
    await find(page, "\u00a0999\u00a0200 0481 ")
    await expect(page.locator("[data-nhs-number]")).to_have_attribute("data-nhs-number", "9992000481")


async def test_back_past_the_patient_never_says_that_a_session_has_ended(watched: Watched) -> None:
    """The sign-in's own pages lie behind the first page, and going back there asks for the return that was used."""
    page = await watched.page()
    await to_record(page, watched.sandbox, "core")
    visited = []
    for _ in range(12):
        if await page.go_back() is None:
            break
        visited.append(page.url)
        await expect(page.locator("[data-refusal]")).to_have_count(0)
    assert any("/authorize" in address for address in visited), "as far as the sign-in"
    assert not [address for address in visited if "/refused" in address]
    await page.goto(f"{watched.sandbox.gateway}/viewer/callback?code=used&state=used")
    # a return of nobody's is refused, and whoever is signed in stays so
    await expect(page).to_have_url(re.compile("/viewer/refused$"))
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
