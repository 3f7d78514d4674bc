"""CLEO's pane in a real browser: nothing is loaded, a screen reader finds its way, statements stay in view and are printed."""

import pytest
from playwright.async_api import Browser

from gateway.adapters.rendering.pane import pane
from gateway.domain.record import Section, Statement, StatementKind, Table, Text
from tests.browser.conftest import accessible
from tests.doors.records import NOW, OLD_NUMBER, person, record, viewed

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LONG = Section("X", "Long", tuple(Text(f"Line {number}") for number in range(200)))
RECORD = record(
    statements=(
        Statement(StatementKind.WITHHELD, "One or more entries have been deliberately withheld."),
        Statement(StatementKind.RECENTLY_REGISTERED, "This patient is recently registered."),
    ),
    sections=(*record().sections, Section("Y", "Empty", (Table("Bare", ("Date",), ()),)), LONG),
    active_content_removed=True,
)
PANE = pane(RECORD, viewed(RECORD, person(requested=OLD_NUMBER)), now=NOW, reference="C0000001")


async def test_it_loads_nothing_and_is_accessible_on_screen_and_in_print(chromium: Browser) -> None:
    context = await chromium.new_context(locale="en-GB", viewport={"width": 640, "height": 480})
    page = await context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.set_content(PANE)
    assert asked == []
    assert errors == []
    await accessible(page)
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    for flag in ("Entries withheld", "Recently registered patient", "Active content removed"):
        box = await page.locator(".banner .flag", has_text=flag).bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 480, "in view however far one scrolls"
    await page.emulate_media(media="print")
    for words in ("deliberately withheld", "recently registered", "Scripts or other active content"):
        assert await page.locator(".statement", has_text=words).is_visible()
    assert await page.locator(".banner").evaluate("e => getComputedStyle(e).position") == "static"
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 640, "nothing is cut off at the side"
    await context.close()
