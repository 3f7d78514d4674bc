"""A real Chromium for the tests of pages: one for the session, a fresh context for each test, and everything it did wrong noted."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from tests.running import ROOT, RunningSandbox

CHROMIUM = os.environ.get("SCR_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Chromium without a window takes half of what the whole browser does, and runs the pages with the same engine."""
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
HAVE_AXE = AXE.is_file()
SCREENS = ROOT / "docs" / "screens"
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _needed(what: str) -> None:
    """Skips with the one reason, or fails where a browser is required."""
    if os.environ.get("SCR_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, and SCR_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(f"{what}: browser tests do not run")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium, closed with the session."""
    if CHROMIUM is None:
        _needed("Chromium is not installed")
    if not HAVE_AXE:
        _needed("axe-core is not installed (make assets)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-dev-shm-usage", LOOPBACK_ONLY]
        )
        yield browser
        await browser.close()


@dataclass
class Watched:
    """A browser context and what happened in it."""

    context: BrowserContext
    sandbox: RunningSandbox
    errors: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    async def page(self) -> Page:
        """A new tab whose console, errors, requests and addresses are watched."""
        page = await self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)
        page.on("framenavigated", lambda frame: self.addresses.append(frame.url))
        return page

    def _console(self, message: ConsoleMessage) -> None:
        # a refusal's own status is reported as a failed resource; it is the page's status, not an error of the page
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        self.requests.append((request.url, dict(request.headers)))

    def clean(self) -> None:
        """No console error, nothing asked of another host, no NHS number in any address, Referer or title."""
        assert self.errors == []
        for url, headers in self.requests:
            assert url.startswith(("http://127.0.0.1:", "http://localhost:", "data:")), url
            assert not has_number(headers.get("referer", "")), "a Referer holds an NHS number"
        for text in (*(url for url, _ in self.requests), *self.addresses, *self.titles):
            assert not has_number(text), "an address or title holds an NHS number"


def has_number(text: str) -> bool:
    """Whether a text holds ten digits that begin with 9, grouped or not."""
    # UUIDs, which may hold ten digits in a row, are no numbers
    digits = UUID.sub("", text).replace(" ", "").replace("%20", "").replace("+", "")
    return any(digits[at : at + 10].isdigit() and digits[at] == "9" for at in range(len(digits) - 9))


@pytest_asyncio.fixture(loop_scope="session")
async def watched(chromium: Browser, sandbox: RunningSandbox, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    """A fresh browser context. Parameters of `new_context` come by indirect parametrisation."""
    options: dict[str, Any] = getattr(request, "param", {})
    context = await chromium.new_context(locale="en-GB", **options)
    context.set_default_timeout(20_000)
    watched = Watched(context, sandbox)
    yield watched
    watched.clean()
    await context.close()


async def accessible(page: Page) -> None:
    """axe finds nothing serious or critical on the page as it stands."""
    await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = await page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})"
        ".then(r => r.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 200))]))",
        RULES,
    )
    assert [row for row in found if row[1] in {"serious", "critical", "moderate"}] == [], await page.title()


async def shot(page: Page, name: str, *, full: bool = True) -> None:
    """A screenshot for docs/screens, taken where SCR_SCREENS=1 asks for it."""
    if os.environ.get("SCR_SCREENS") == "1":
        SCREENS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SCREENS / f"{name}.png", full_page=full)
