"""The privacy officer's workbench in a real browser: by keyboard alone, without script, two officers at once, every page accessible."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import PATIENTS
from tests.pages.privacy.officers import DOCTOR, OFFICER, VIEWING_OFFICER, alert_of, emergency
from tests.pages.privacy.test_privacy_http import spoiled
from tests.pages.walking import rows, walking
from tests.running import RunningSandbox

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

PAGES = {
    "reports/patient": "Patient access",
    "reports/user": "User access",
    "reports/enquiries": "Patient enquiries",
    "looked": "Who has looked at a patient's record",
    "permissions": "Permissions and emergencies",
    "samples": "Samples",
    "attendance": "Attendance check",
    "charts": "Views and alerts",
}


async def raised(sandbox: RunningSandbox, note: str, uid: str = DOCTOR, case: str = "core") -> str:
    """The reference of a new alert of the hospital."""
    async with walking(sandbox) as (browser, _):
        return alert_of(sandbox, await emergency(browser, PATIENTS[case], note, uid=uid))


async def at_work(page: Page, sandbox: RunningSandbox, uid: str = OFFICER) -> None:
    """Signed in, at the queue."""
    await page.goto(f"{sandbox.gateway}/privacy")
    await page.get_by_role("link", name="Sign in with your smartcard").click()
    await page.get_by_label("Smartcard").select_option(uid)
    await page.get_by_label("PIN").fill(uid[-4:])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()


async def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Presses Tab until that element has the focus, which must be seen."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


async def test_an_alert_from_new_to_closed_by_keyboard_alone(watched: Watched) -> None:
    alert_id = await raised(watched.sandbox, "Unresponsive on the pavement outside")
    page, path = await watched.page(), f"/privacy/alerts/{alert_id}"
    await page.goto(f"{watched.sandbox.gateway}/privacy")
    await accessible(page)
    await shot(page, "privacy-start")
    await tab_to(page, "#sign-in")
    await page.keyboard.press("Enter")
    await page.get_by_label("Smartcard").select_option(OFFICER)  # the identity service's page is not ours
    await page.get_by_label("PIN").fill(OFFICER[-4:])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-queue")
    await tab_to(page, f"a[href='{path}']")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-state='new']")).to_be_visible()
    await expect(page.get_by_text("Unresponsive on the pavement outside").first).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-alert")
    watched.titles.append(await page.title())
    await tab_to(page, "button:not(.scr-link-button)")  # nothing chosen, nothing written: told so
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-alert-error", full=False)
    await _answer(page, "Space", "Asking the emergency department")
    await expect(page.locator("[data-state='under-investigation']")).to_be_visible()
    await _answer(page, "Space", "The department will ring back")
    await expect(page.get_by_text("Note added")).to_be_visible()
    await accessible(page)
    await _answer(page, "ArrowDown", "Ambulance report seen: the patient could not answer")
    await expect(page.locator("[data-state='closed']")).to_be_visible()
    await expect(page.locator(".scr-history li")).to_have_count(3)
    await accessible(page)
    await shot(page, "privacy-alert-closed")
    await tab_to(page, ".scr-header__out button")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert rows(watched.sandbox, "SELECT state, acted_by FROM alert WHERE id = ?", alert_id) == [("closed", OFFICER)]


async def _answer(page: Page, choose: str, note: str) -> None:
    """The form about the alert, filled in and sent by keys: `choose` picks among the radios."""
    await tab_to(page, "input[name='to']")
    await page.keyboard.press("Space")
    if choose != "Space":
        await page.keyboard.press(choose)
    await tab_to(page, "textarea")
    await page.keyboard.type(note)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")


async def test_two_officers_at_once_lose_nothing(watched: Watched, chromium: Browser) -> None:
    alert_id = await raised(watched.sandbox, "Pulled out of the canal unconscious")
    address = f"{watched.sandbox.gateway}/privacy/alerts/{alert_id}"
    other_context = await chromium.new_context(locale="en-GB")
    try:
        one, two = await watched.page(), await other_context.new_page()
        await at_work(one, watched.sandbox)
        await at_work(two, watched.sandbox, VIEWING_OFFICER)
        await asyncio.gather(one.goto(address), two.goto(address))
        for page, note in ((one, "First officer's words"), (two, "Second officer's words")):
            await page.get_by_label("Close it").check()
            await page.get_by_label("Note").fill(note)
        await one.get_by_role("button", name="Record").click()
        await expect(one.locator("[data-state='closed']")).to_be_visible()
        await two.get_by_role("button", name="Record").click()
        await expect(two.get_by_text("Somebody else has acted on this alert meanwhile.").first).to_be_visible()
        await expect(two.get_by_text("Second officer's words")).to_be_visible()
        await expect(two.locator(".scr-history li")).to_have_count(1)
        await accessible(two)
        await shot(two, "privacy-alert-changed", full=False)
    finally:
        await other_context.close()


async def test_ones_own_access_cannot_be_closed(watched: Watched) -> None:
    alert_id = await raised(watched.sandbox, "Own patient unconscious after surgery", uid=VIEWING_OFFICER)
    page = await watched.page()
    await at_work(page, watched.sandbox, VIEWING_OFFICER)
    await page.goto(f"{watched.sandbox.gateway}/privacy/alerts/{alert_id}")
    await expect(page.get_by_text("This is your own access.")).to_be_visible()
    await expect(page.get_by_label("Close it")).to_have_count(0)
    await accessible(page)
    await shot(page, "privacy-alert-own", full=False)


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_everything_works_without_script(watched: Watched) -> None:
    alert_id = await raised(watched.sandbox, "Overcome by smoke in a house fire")
    page = await watched.page()
    await at_work(page, watched.sandbox)
    for path, heading in PAGES.items():
        await page.goto(f"{watched.sandbox.gateway}/privacy/{path}")
        await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    await page.goto(f"{watched.sandbox.gateway}/privacy/alerts/{alert_id}")
    await page.get_by_label("Close it").check()
    await page.get_by_label("Note").fill("Fire service confirms")
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator("[data-state='closed']")).to_be_visible()


async def test_every_other_page_is_accessible_and_does_its_work(watched: Watched) -> None:
    await raised(watched.sandbox, "Choking and turning blue", case="stale_document")
    number = PATIENTS["stale_document"]
    page, gateway = await watched.page(), watched.sandbox.gateway
    await at_work(page, watched.sandbox)
    for path, heading in PAGES.items():
        await page.goto(f"{gateway}/privacy/{path}")
        await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        await accessible(page)
    await shot(page, "privacy-charts")
    await page.locator("summary").first.click()
    await accessible(page)
    await page.goto(f"{gateway}/privacy/permissions")
    await shot(page, "privacy-permissions")
    await page.goto(f"{gateway}/privacy/reports/patient")
    await page.get_by_label("NHS number").fill(number)
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("[data-entries]")).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-patient-access")
    async with page.expect_download() as begun:
        await page.get_by_role("button", name="Save as CSV").click()
    saved = await begun.value
    assert saved.suggested_filename == "scr-patient.csv"
    await page.goto(f"{gateway}/privacy/looked")
    await page.get_by_label("NHS number", exact=True).fill(number)
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("Shown or printed").first).to_be_visible()
    await accessible(page)
    await page.goto(f"{gateway}/privacy/samples")
    await page.get_by_label("Share of the alerts").fill("30")
    await page.get_by_role("button", name="Draw a sample").click()
    await expect(page.locator("[data-seed]")).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-sample", full=False)


async def test_an_attendance_file_explains_and_closes(watched: Watched) -> None:
    alert_id = await raised(watched.sandbox, "Carried in by two passers-by", case="slow")
    today = datetime.now(UTC)
    lines = f"nhs_number,from,to\n{PATIENTS['slow']},{today - timedelta(days=1):%Y-%m-%d},{today:%Y-%m-%d}\n,,\n"
    page = await watched.page()
    await at_work(page, watched.sandbox)
    await page.get_by_role("link", name="Attendance check").click()
    await page.get_by_label("Attendance file").set_input_files(
        {"name": "attendance.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    )
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("heading", name="What the file explains")).to_be_visible()
    await accessible(page)
    await shot(page, "privacy-attendance")
    for one in await page.get_by_role("checkbox").all():
        await expect(one).not_to_be_checked()
    await page.locator(f"input[name='alert-{alert_id}']").check()
    await page.get_by_role("button", name="Close the chosen alerts").click()
    await expect(page.locator("[data-closed]")).to_have_text("1")
    await accessible(page)
    assert rows(watched.sandbox, "SELECT state FROM alert WHERE id = ?", alert_id) == [("closed",)]


@pytest.mark.parametrize("watched", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
async def test_a_phone_scrolls_tables_and_not_the_page(watched: Watched) -> None:
    await raised(watched.sandbox, "Knocked off a bicycle near the school")
    page = await watched.page()
    await at_work(page, watched.sandbox)
    for path in ("alerts", "charts", "permissions"):
        await page.goto(f"{watched.sandbox.gateway}/privacy/{path}")
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, path
        await accessible(page)
    await shot(page, "privacy-phone", full=False)


@pytest.mark.parametrize("watched", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
async def test_rows_that_cannot_be_read_are_told_accessibly(watched: Watched) -> None:
    alert_id = await raised(watched.sandbox, "Struck by lightning on the golf course")
    page = await watched.page()
    await at_work(page, watched.sandbox)
    with spoiled(watched.sandbox, alert_id, "alert", "state"):
        for path in ("alerts", "charts", "permissions", f"alerts/{alert_id}"):
            await page.goto(f"{watched.sandbox.gateway}/privacy/{path}")
            await expect(page.locator("[data-unreadable] li")).to_have_text(f"Alert {alert_id} cannot be read.")
            wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, path
            await accessible(page)
