"""The stub of Sonar: its page posts a signed launch through the user's browser, and nothing else beside it.

A simulated profile: the product's real interface is not public.
"""

from urllib.parse import parse_qsl, urlencode

from vendor_stubs import launching
from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult, send_file
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.launch_commands import launch_command
from vendor_stubs.launch_raw import refreshed, result
from vendor_stubs.launched import CARRIES, known, walk
from vendor_stubs.pages import FORM, Browser

DOOR = "/launch/sonar"
FIELD = "launch_token"


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """The posted form, then as in a browser. Raises NoAnswer, WrongUsage."""
    known(request)
    browser = Browser(calls)
    page = await browser.bring(DOOR, {FIELD: launching.launch_token(request, calls)})
    return await walk(browser, page, request, calls)


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A form as it is, or with its token renewed. Raises NoAnswer, WrongUsage."""
    body = _renewed(request, calls) if request.fresh else request.body
    return await result(calls, await send_file(calls, DOOR, body, request.content_type or FORM))


def _renewed(request: RawRequest, calls: Calls) -> bytes:
    """The form with a fresh token, whatever else it holds. Raises WrongUsage."""
    fields = parse_qsl(request.body.decode(errors="replace").strip(), keep_blank_values=True)
    if FIELD not in dict(fields):
        raise WrongUsage(f"--fresh renews the form's {FIELD}, which the file does not hold")
    return urlencode([(n, refreshed(v, request, calls) if n == FIELD else v) for n, v in fields]).encode()


PRODUCT = Product(name="sonar", view=view, carries=CARRIES, commands=(launch_command("sonar"),), raw=send_raw)
