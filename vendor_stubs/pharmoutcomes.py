"""The stub of PharmOutcomes: a link whose one parameter is a signed launch within an encrypted token, followed in the browser.

A simulated profile: the product's real interface is not public.
"""

from urllib.parse import urlencode

from vendor_stubs import launching
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.launch_commands import launch_command
from vendor_stubs.launch_raw import link_in, opened, refreshed
from vendor_stubs.launched import CARRIES, known, walk
from vendor_stubs.pages import Browser

DOOR = "/launch/pharmoutcomes"
FIELD = "t"


def link(token: str) -> str:
    """The address that carries a token."""
    return f"{DOOR}?{urlencode({FIELD: token})}"


async def link_to(request: ViewRequest, calls: Calls) -> str:
    """The path of a good launch. Raises NoAnswer."""
    return link(launching.sealed(launching.launch_token(request, calls), await launching.gateway_key(calls)))


async def whole_link(request: ViewRequest, calls: Calls) -> str:
    """The same with the gateway's address before it. Raises NoAnswer."""
    return calls.gateway + await link_to(request, calls)


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """The link, then as in a browser. Raises NoAnswer, WrongUsage."""
    known(request)
    browser = Browser(calls)
    page = await browser.get(await link_to(request, calls))
    return await walk(browser, page, request, calls)


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A link as it is; --fresh makes one of the signed token that the file holds. Raises NoAnswer, WrongUsage."""
    if not request.fresh:
        return await opened(calls, link_in(request, DOOR))
    token = refreshed(request.body.decode(errors="replace"), request, calls)
    return await opened(calls, link(launching.sealed(token, await launching.gateway_key(calls))))


PRODUCT = Product(
    name="pharmoutcomes",
    view=view,
    carries=CARRIES,
    commands=(launch_command("pharmoutcomes", whole_link),),
    raw=send_raw,
)
