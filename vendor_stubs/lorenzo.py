"""The stub of Lorenzo: a SMART App Launch 2.x EHR launch. The vendor desk plays the host's FHIR server and authorisation.

A simulated profile: the product's real interface is not public.
"""

import json
from urllib.parse import urlencode, urlsplit, urlunsplit

from vendor_stubs import launching
from vendor_stubs.calling import preparation
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.launch_commands import launch_command
from vendor_stubs.launch_raw import link_in, opened
from vendor_stubs.launched import CARRIES, known, walk
from vendor_stubs.pages import Browser

DOOR = "/launch/lorenzo"


def desk_of(calls: Calls) -> str:
    """The vendor desk beside a sandbox's identity stub: one port up."""
    parts = urlsplit(calls.identity)
    if parts.port is None:
        raise WrongUsage("the vendor desk's address cannot be told from an --identity without a port")
    return urlunsplit((parts.scheme, f"{parts.hostname}:{parts.port + 1}", "", "", ""))


async def launch_handle(request: ViewRequest, calls: Calls, fault: str | None = None) -> str:
    """The host remembers who opens whom, and gives the handle it will know that by. Raises NoAnswer."""
    said = {
        "uid": request.uid,
        "role": preparation.role_of(request.uid, request.role),
        "nhs_number": request.nhs_number,
        "purpose": request.purpose,
        "birthdate": request.date_of_birth.isoformat() if request.date_of_birth is not None else None,
        "fault": fault,
    }
    answer = await calls.wire.send(
        "POST",
        f"{desk_of(calls)}/fhir/{calls.system.id}/launches",
        headers={"Content-Type": "application/json"},
        body=json.dumps({name: value for name, value in said.items() if value is not None}).encode(),
    )
    handle = preparation.json_object(answer).get("launch")
    if answer.status != 201 or not isinstance(handle, str):
        raise NoAnswer("the vendor desk did not take the launch: is it running?")
    return handle


def address_of(issuer: str, handle: str) -> str:
    """The app's launch address as the host opens it."""
    return f"{DOOR}?{urlencode({'iss': issuer, 'launch': handle})}"


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """The launch address, the host's authorisation, then as in a browser. Raises NoAnswer, WrongUsage."""
    known(request)
    issuer = launching.smart_issuer(desk_of(calls), calls.system)
    browser = Browser(calls)
    page = await browser.get(address_of(issuer, await launch_handle(request, calls)))
    return await walk(browser, page, request, calls)


async def whole_link(request: ViewRequest, calls: Calls) -> str:
    """What the host opens in its user's browser, good once. Raises NoAnswer, WrongUsage."""
    issuer = launching.smart_issuer(desk_of(calls), calls.system)
    return calls.gateway + address_of(issuer, await launch_handle(request, calls))


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A launch address as it is. Raises NoAnswer, WrongUsage."""
    if request.fresh:
        raise WrongUsage("--fresh: a launch handle is the host's own; `vendor-stub lorenzo launch` prints a new link")
    return await opened(calls, link_in(request, DOOR))


PRODUCT = Product(
    name="lorenzo", view=view, carries=CARRIES, commands=(launch_command("lorenzo", whole_link),), raw=send_raw
)
