"""One click from each host in real Chromium: from the vendor desk to the record, and the desk's own screens and lab."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Watched, accessible, shot
from tests.browser.journeys import PATIENTS, answer, relate
from vendor_stubs.desk.systems import NAMES, WAYS, screen

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

VIEWERS = [product for product in NAMES if product not in WAYS]
SHOWN = PATIENTS["core"]


async def desk_page(watched: Watched, path: str, host: str = "127.0.0.1") -> Page:
    """A page of the desk."""
    page = await watched.page()
    await page.goto(f"http://{host}:{watched.sandbox.base + 3}{path}")
    return page


async def launched(watched: Watched, product: str, number: str = SHOWN, host: str = "127.0.0.1") -> Page:
    """The window a host opens for a patient."""
    page = await desk_page(watched, f"/desk/{product}", host)
    await page.locator(f"input[value='{number}']").check()
    async with watched.context.expect_page() as opening:
        await page.get_by_role("button", name="Open Summary Care Record").click()
    window = await opening.value
    window.on("console", watched._console)
    window.on("request", watched._request)
    window.on("framenavigated", lambda frame: watched.addresses.append(frame.url))
    await window.wait_for_load_state()
    return window


async def card_in(window: Page, uid: str) -> None:
    """Anybody's smartcard and PIN."""
    await window.get_by_label("Smartcard").select_option(uid)
    await window.get_by_label("PIN").fill(uid[-4:])
    await window.get_by_role("button", name="Sign in").click()


async def signed_in(window: Page, uid: str) -> None:
    """Smartcard and PIN, as the host's user."""
    await card_in(window, uid)
    await expect(window.get_by_role("region", name="Patient", exact=True)).to_be_visible()


def user_of(product: str) -> str:
    """Who the desk signs in unless told otherwise."""
    found = screen(product)
    assert found is not None
    return found.first_user().uid


@pytest.mark.parametrize("product", list(WAYS))
async def test_one_click_opens_the_record(watched: Watched, product: str) -> None:
    desk = await desk_page(watched, f"/desk/{product}")
    await accessible(desk)
    await shot(desk, f"desk-{product}", full=False)
    window = await launched(watched, product)
    if product == "rio":
        await expect(window.get_by_role("button", name="Open record")).to_be_focused()
        await accessible(window)
        await shot(window, "launch-code")
        await window.keyboard.press("Enter")
    await signed_in(window, user_of(product))
    assert window.url.endswith("/viewer/patient")
    await accessible(window)
    await shot(window, f"launch-{product}-patient")
    await relate(window)
    await answer(window, "Yes, for this view")
    await expect(window.get_by_role("heading", name="Summary Care Record", level=1)).to_be_visible()
    await accessible(window)
    await shot(window, f"launch-{product}-record", full=False)
    await expect(window.get_by_role("link", name="Close and find another patient")).to_have_count(0)


@pytest.mark.parametrize("product", list(WAYS))
async def test_a_launch_from_another_site_is_bound_to_this_browser(watched: Watched, product: str) -> None:
    """To a browser localhost and 127.0.0.1 are two sites: no cookie of the gateway's goes with the post or link that brings a launch."""
    brought: list[str] = []
    watched.context.on("request", lambda request: brought.append(request.url))
    window = await launched(watched, product, host="localhost")
    if product == "rio":
        await window.get_by_role("button", name="Open record").click()
    await signed_in(window, user_of(product))
    assert window.url == f"{watched.sandbox.gateway}/viewer/patient"
    assert any(url.startswith("http://localhost:") for url in brought)
    kept = {cookie["name"]: cookie for cookie in await watched.context.cookies(watched.sandbox.gateway)}
    session = kept["scr-viewer"]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
    assert "scr-launch" not in kept, "the launch's own cookie is gone once it has arrived"


async def test_a_second_launch_closes_the_first_window(watched: Watched) -> None:
    """By itself, as soon as the second patient is shown."""
    first = await launched(watched, "sonar", PATIENTS["core"])
    await signed_in(first, user_of("sonar"))
    second = await launched(watched, "sonar", PATIENTS["withheld"])
    await expect(second.get_by_role("region", name="Patient", exact=True)).to_be_visible()
    await expect(first.get_by_role("heading", name="The patient has changed")).to_be_visible()


async def test_a_refused_launch_says_what_to_do(watched: Watched) -> None:
    page = await watched.page()
    await page.goto(f"{watched.sandbox.gateway}/launch?code={'A' * 43}")
    await expect(page.get_by_text("Open the record again from your system")).to_be_visible()
    await accessible(page)
    await shot(page, "launch-refused")
    window = await launched(watched, "sonar")
    await card_in(window, user_of("rio"))
    await expect(window.locator("[data-refusal='user-mismatch']")).to_be_visible()
    assert window.url == f"{watched.sandbox.gateway}/launch/refused", "code and state stay in no address"
    await accessible(window)
    await shot(window, "launch-refused-user")
    await window.reload()
    await expect(window.locator("[data-refusal='user-mismatch']")).to_be_visible()


@pytest.mark.parametrize("product", VIEWERS)
async def test_a_viewer_shows_the_record_in_its_pane(watched: Watched, product: str) -> None:
    page = await desk_page(watched, f"/desk/{product}")
    await accessible(page)
    await page.locator(f"input[value='{SHOWN}']").check()
    await page.get_by_role("button", name="Open Summary Care Record").click()
    await expect(page.locator("[data-record]")).to_be_visible()
    await expect(page.locator("[data-record] h3", has_text="Allergies")).to_be_visible()
    await accessible(page)
    await shot(page, f"desk-{product}", full=False)


async def test_the_desk_and_its_lab(watched: Watched) -> None:
    page = await desk_page(watched, "/")
    assert await page.locator(".card").count() == 9
    await accessible(page)
    await shot(page, "desk")
    await page.get_by_role("navigation").get_by_role("link", name="Launch lab").click()
    await accessible(page)
    await page.get_by_label("Host").select_option("lorenzo")
    await page.get_by_role("button", name="Launch").click()
    await expect(page.locator("tr[data-fault]").first).to_be_visible(timeout=60_000)
    assert await page.locator("tr.fail").count() == 0
    assert await page.locator("tr.pass").count() >= 15
    await accessible(page)
    await shot(page, "desk-lab")


@pytest.mark.parametrize("watched", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
async def test_the_desk_fits_a_phone(watched: Watched) -> None:
    for path in ("/", "/desk/adastra", "/lab"):
        page = await desk_page(watched, path)
        wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, path
