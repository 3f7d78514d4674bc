"""The stub of RiO: its back channel asks for a launch code with a signed token, then its user's browser opens the code's address.

A simulated profile: the product's real interface is not public.
"""

from urllib.parse import urlencode

from vendor_stubs import launching
from vendor_stubs.calling import answers, preparation
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult, send_file
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.launch_commands import launch_command
from vendor_stubs.launch_raw import refreshed, result
from vendor_stubs.launched import CARRIES, known, walk
from vendor_stubs.pages import Browser

DOOR = "/launch/rio"
JWT = "application/jwt"


async def ask(calls: Calls, token: str) -> Exchange:
    """The back channel: a signed launch for a code. Raises NoAnswer."""
    headers = {"Content-Type": JWT, "Accept": "application/json"}
    return await calls.send_to_door("POST", DOOR, headers=headers, body=token.encode())


def address_of(asked: Exchange) -> str:
    """Where the browser goes with the code. Raises NoAnswer."""
    code = preparation.json_object(asked).get("code")
    if not isinstance(code, str) or not code:
        raise NoAnswer("the gateway gave no launch code")
    return "/launch?" + urlencode({"code": code})


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """Back channel, browser, record. Raises NoAnswer, WrongUsage."""
    known(request)
    asked = await ask(calls, launching.launch_token(request, calls))
    if asked.status != 201:
        words = f"The gateway answered with HTTP {asked.status}."
        return await answers.not_shown(calls, asked, wire_code=None, outcome=None, fallback=words)
    browser = Browser(calls)
    return await walk(browser, await browser.get(address_of(asked)), request, calls)


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A token as it is, or renewed. Raises NoAnswer, WrongUsage."""
    body = refreshed(request.body.decode(errors="replace"), request, calls).encode() if request.fresh else request.body
    return await result(calls, await send_file(calls, DOOR, body, request.content_type or JWT))


PRODUCT = Product(name="rio", view=view, carries=CARRIES, commands=(launch_command("rio"),), raw=send_raw)
