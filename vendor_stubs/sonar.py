"""The stub of Sonar: its page posts a signed launch through the user's browser, and nothing else beside it.

A simulated profile: the product's real interface is not public.
"""

from vendor_stubs import launching
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.launch_commands import launch_command
from vendor_stubs.launched import CARRIES, known, walk
from vendor_stubs.pages import Browser

DOOR = "/launch/sonar"
FIELD = "launch_token"


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """The posted form, then as in a browser. Raises NoAnswer, WrongUsage."""
    known(request)
    browser = Browser(calls)
    page = await browser.bring(DOOR, {FIELD: launching.launch_token(request, calls)})
    return await walk(browser, page, request, calls)


PRODUCT = Product(name="sonar", view=view, carries=CARRIES, commands=(launch_command("sonar"),))
