"""The page for engineers in a real browser: everything is there, reads well on a phone, and what it gives to paste works as it stands."""

import asyncio
import json
import shutil

import pytest
from playwright.async_api import expect

from gateway.adapters.symphony import ROUTES
from gateway.pages.docs import DOORS
from tests.browser.conftest import Watched, accessible, shot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_an_engineer_finds_every_door_and_operation(watched: Watched) -> None:
    page, sandbox = await watched.page(), watched.sandbox
    await page.goto(f"{sandbox.gateway}/docs")
    await accessible(page)
    await shot(page, "docs", full=False)
    for door in DOORS:
        await expect(page.get_by_role("rowheader", name=door.name, exact=True)).to_be_visible()
    for path, methods in ROUTES.items():
        for method in methods:
            await expect(page.get_by_role("heading", name=f"{method} /fhir/R4{path}", exact=True)).to_be_visible()
    for name in ("Authorization", "X-SCR-System", "X-SCR-Access", "NHSD-Session-URID", "X-Request-ID"):
        await expect(page.get_by_role("rowheader", name=name, exact=True)).to_be_visible()
    for name in ("OpenAPI document", "Postman collection", "CapabilityStatement"):
        address = await page.get_by_role("link", name=name).get_attribute("href")
        answer = await page.request.get(f"{sandbox.gateway}{address}")
        assert answer.ok
        assert await answer.json()
    await page.get_by_role("link", name="codes").click()
    await expect(page.get_by_role("link", name="permission-missing")).to_be_visible()


async def test_what_is_copied_works_in_a_shell(watched: Watched) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the page's commands are not run")
    await watched.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await watched.page()
    await page.goto(f"{watched.sandbox.gateway}/docs")
    copied = []
    for name in ("Copy the first commands", "Copy Is there a summary, and which is the newest?", "Copy The summary"):
        await page.get_by_role("button", name=name, exact=True).click()
        await expect(page.get_by_role("button", name=name.replace("Copy", "Copied", 1), exact=True)).to_be_visible()
        copied.append(await page.evaluate("navigator.clipboard.readText()"))
    shell = await asyncio.create_subprocess_exec("sh", "-c", "\n".join(copied), stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(shell.communicate(), 60)
    event, record = said.decode().split("\n", 1)
    assert json.loads(record)["entry"][0]["resource"]["id"] == event


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
async def test_without_script_nothing_is_missing_but_the_copying(watched: Watched) -> None:
    page = await watched.page()
    await page.goto(f"{watched.sandbox.gateway}/docs")
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.get_by_text("TOKEN=$(curl")).to_be_visible()


@pytest.mark.parametrize("watched", [{"viewport": {"width": 390, "height": 800}}], indirect=True)
async def test_a_phone_scrolls_the_tables_and_not_the_page(watched: Watched) -> None:
    page = await watched.page()
    await page.goto(f"{watched.sandbox.gateway}/docs")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await accessible(page)
