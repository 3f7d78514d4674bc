"""From a launch's first page to the record: the steps every one-click stub walks alike, as a browser does."""

import re

from vendor_stubs import cast
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import Part, ViewRequest
from vendor_stubs.calling.products import EVERYTHING
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.pages import Browser, Page
from vendor_stubs.scra import answer, result

CARRIES = EVERYTHING - {Part.SETTING}
"""A launched session works in the host's own setting."""


def known(request: ViewRequest) -> None:
    """Raises WrongUsage: nobody has this card."""
    if cast.user(request.uid) is None:
        raise WrongUsage("--as names nobody of the cast")


async def pressed(browser: Browser, page: Page) -> Page:
    """Presses "Open record" where the page asks for it. Raises NoAnswer."""
    for action in ("/launch/open", "/launch/pharmoutcomes", "/launch/lorenzo"):
        if page.exchange.code is None and page.find(f"//form[@action='{action}']"):
            return await browser.post(page, action, {})
    return page


async def sign_in(browser: Browser, page: Page, request: ViewRequest) -> Page:
    """The identity service's pages, where the launch leads there. Raises NoAnswer."""
    if page.path != "/authorize":
        return page
    if page.find("//form[@action='/authorize/card']"):
        page = await browser.post(page, "/authorize/card", {"uid": request.uid, "pin": request.uid[-4:]})
    offered = page.find("//input[@name='roleid']/@value")
    if not offered:
        return page
    chosen = request.role if request.role in offered else str(offered[0])
    return await browser.post(page, "/authorize/role", {"roleid": chosen})


async def walk(browser: Browser, page: Page, request: ViewRequest, calls: Calls) -> ViewResult:
    """Button, sign-in, patient, permission, record. Raises NoAnswer."""
    page = await arrive(browser, page, request)
    if page.exchange.code is None and page.path == "/viewer/patient":
        page = await answer(browser, page, request)
    return await result(calls, page, request)


async def arrive(browser: Browser, page: Page, request: ViewRequest) -> Page:
    """As far as the patient's page. Raises NoAnswer."""
    return await sign_in(browser, await pressed(browser, page), request)


def clean(address: str) -> bool:
    """Whether an address holds no run of ten digits, such as an NHS number."""
    return re.search(r"\d{10}", address) is None
