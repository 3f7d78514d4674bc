"""The viewer under other conditions: no script, keyboard alone, a phone, 400 % zoom, two tabs, time running out."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import PATIENTS, find, sign_in, to_record, work_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_everything_works_without_script(watched: Watched) -> None:
    page = await watched.page()
    await to_record(page, watched.sandbox, "withheld")
    await expect(page.locator("[data-statement='withheld']").first).to_be_visible()
    # without script the page leaves by itself when the session ends
    await expect(page.locator("meta[http-equiv='refresh']")).to_have_attribute("content", "900;url=/viewer/timed-out")
    async with watched.context.expect_page() as opened:
        await page.get_by_role("button", name="Print view").click()
    await expect((await opened.value).get_by_text("Confidential – patient data.")).to_be_visible()


async def tab_to(page: Page, accessible_name: str) -> None:
    """Presses Tab until the element of that name has focus."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        name = await page.evaluate(
            "() => { const e = document.activeElement; "
            "return (e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText || e.value || '').trim() }"
        )
        if accessible_name in name:
            return
    raise AssertionError(f"no way by keyboard to {accessible_name}")


async def test_the_keyboard_is_enough(watched: Watched) -> None:
    page, sandbox = await watched.page(), watched.sandbox
    await page.goto(f"{sandbox.gateway}/viewer")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, "Sign in with your smartcard")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/authorize**")
    await page.get_by_label("Smartcard").select_option("910000000158")
    await page.get_by_label("PIN").focus()
    await page.keyboard.type("0158")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/viewer/setting")
    await tab_to(page, "Mental health")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/viewer/find")
    await tab_to(page, "NHS number")
    await page.keyboard.type("9000000734")  # related to nobody in any other test
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/viewer/patient")
    await tab_to(page, "I take part in this patient's care now")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_label("None of this: the record is needed without")).to_be_checked()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/viewer/permission")
    await tab_to(page, "Yes, for this view")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Summary Care Record", level=1)).to_be_visible()
    await tab_to(page, "Allergies and Adverse Reactions")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Allergies and Adverse Reactions")).to_be_in_viewport()


async def no_sideways_scrolling(page: Page) -> None:
    """The page is as wide as the window; a wide table scrolls inside its own box."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} pixels wider than the window"


@pytest.mark.parametrize("watched", [{"viewport": {"width": 360, "height": 740}, "is_mobile": True}], indirect=True)
async def test_a_phone_shows_all_of_it(watched: Watched) -> None:
    page = await watched.page()
    await to_record(page, watched.sandbox, "additional_information")
    await no_sideways_scrolling(page)
    await accessible(page)
    await shot(page, "record-phone", full=False)
    await page.evaluate("window.scrollTo(0, 2000)")
    await expect(page.get_by_role("region", name="Patient", exact=True)).to_be_in_viewport(ratio=1)
    await page.locator("table[data-block]").nth(1).evaluate("table => table.scrollIntoView()")
    await page.evaluate("window.scrollBy(0, -160)")  # below the banner, which stays
    await shot(page, "record-phone-scrolled", full=False)


@pytest.mark.parametrize("watched", [{"viewport": {"width": 320, "height": 256}}], indirect=True)
async def test_four_hundred_per_cent_zoom_loses_nothing(watched: Watched) -> None:
    """1280 by 1024 at 400 % is a window of 320 by 256 (WCAG 1.4.10)."""
    page = await watched.page()
    await to_record(page, watched.sandbox, "recently_registered")
    await no_sideways_scrolling(page)
    await page.evaluate("window.scrollTo(0, 900)")
    banner = page.get_by_role("region", name="Patient", exact=True)
    await expect(banner).to_be_in_viewport(ratio=1)
    box = await banner.bounding_box()
    assert box is not None
    assert box["height"] <= 90, "the banner leaves too little room for the record"
    await expect(page.locator("[data-statement]").first).to_be_visible()
    await shot(page, "record-zoomed", full=False)


async def test_another_patient_in_another_tab_closes_the_first(watched: Watched) -> None:
    first = await watched.page()
    await to_record(first, watched.sandbox, "core")
    second = await watched.page()
    await second.goto(f"{watched.sandbox.gateway}/viewer/find")
    await expect(first.get_by_role("heading", name="The patient has been closed")).to_be_visible()
    await expect(first.get_by_text("No patient is open now.")).to_be_visible()
    await accessible(first)
    await first.get_by_role("link", name="Go on").click()
    await find(first, PATIENTS["core"])
    await find(second, PATIENTS["withheld"])
    await expect(first.get_by_role("heading", name="The patient has changed")).to_be_visible()
    await accessible(first)
    await shot(first, "viewer-patient-changed")


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_a_form_of_the_patient_before_does_nothing(watched: Watched) -> None:
    first = await watched.page()
    await sign_in(first, watched.sandbox, "910000000158")
    await work_in(first, "Mental health")
    await find(first, PATIENTS["core"])
    second = await watched.page()
    await second.goto(f"{watched.sandbox.gateway}/viewer/find")
    await find(second, PATIENTS["withheld"])
    await first.get_by_label("I take part in this patient's care now").check()
    await first.get_by_role("button", name="This is the right patient").click()
    await expect(first.get_by_role("heading", name="The patient has changed")).to_be_visible()
    await expect(first.get_by_text("nothing was done with it")).to_be_visible()


async def test_an_unused_session_warns_then_takes_the_record_away(watched: Watched) -> None:
    page = await watched.page()
    await page.clock.install()
    await to_record(page, watched.sandbox, "core")
    warning = page.get_by_role("alertdialog", name="You are about to be signed out")
    await expect(warning).to_be_hidden()
    await page.clock.fast_forward(13 * 60 * 1000 + 1000)
    await expect(warning).to_be_visible()
    await accessible(page)
    await shot(page, "viewer-timeout", full=False)
    await page.get_by_role("button", name="Stay signed in").click()
    await expect(warning).to_be_hidden()
    await page.clock.fast_forward(13 * 60 * 1000 + 1000)
    await expect(warning).to_be_visible()
    await page.clock.fast_forward(3 * 60 * 1000)
    await expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    await expect(page.locator("[data-record]")).to_have_count(0)
