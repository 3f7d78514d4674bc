"""The stub of Adastra: SOAP 1.2 by zeep against the WSDL the gateway serves, its user proved by a SAML assertion.

A simulated profile: the product's real interface is not public.
"""

from lxml import etree

from vendor_stubs import xml
from vendor_stubs.calling import preparation, raw, viewer, viewer_refresh
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import Headers, SoapCaller
from vendor_stubs.xml import Element

DOOR = "/viewers/adastra"
NAMESPACE = "urn:scr-gateway:adastra:1"
AUDIENCE = "urn:scr-gateway"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
MEDIA_TYPE = "application/soap+xml; charset=utf-8"


async def signed_in(calls: Calls, uid: str, role: str | None) -> Element:
    """A fresh assertion for this gateway's door. Raises NoAnswer, WrongUsage."""
    text = await preparation.assertion(calls, uid, role, audience=AUDIENCE, recipient=calls.gateway + DOOR)
    return xml.parse(text.encode())


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """ViewSummary. Raises NoAnswer, WrongUsage."""
    caller = await SoapCaller.load(calls, f"{DOOR}?wsdl")
    headers = Headers(
        message_id=f"urn:uuid:{calls.new_id()}",
        to=calls.gateway + DOOR,
        created=calls.now(),
        security=(await signed_in(calls, request.uid, request.role),),
    )
    values = viewer.view_values(request)
    address = calls.gateway + DOOR
    done = await caller.call(f"{NAMESPACE}:ViewSummary", headers, values, soap12=True, address=address)
    answer = viewer.read_answer(done)
    if answer.relates_to is not None and answer.relates_to != headers.message_id:
        raise NoAnswer("the answer relates to another message than the one sent")
    return await viewer.viewed(calls, done, answer, request)


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or refreshed where asked. Raises NoAnswer, WrongUsage."""
    body = await _refreshed(request, calls) if request.fresh else request.body
    done = await raw.send_file(calls, DOOR, body, request.content_type or MEDIA_TYPE)
    return RawResult(exchange=done, outcome=viewer.outcome_of(viewer.read_answer(done)))


async def _refreshed(request: RawRequest, calls: Calls) -> bytes:
    """New id, times and assertion; the user is the one asked for, else whom the old assertion names."""
    root = viewer_refresh.parsed(request.body)
    viewer_refresh.renew(root, calls)
    for old in list(root.iter(f"{{{SAML}}}Assertion")):
        uid = request.uid or old.findtext(f"{{{SAML}}}Subject/{{{SAML}}}NameID")
        parent = old.getparent()
        if uid is None or parent is None:
            raise WrongUsage("the message names no user whose assertion could be refreshed: say --as")
        new = await signed_in(calls, uid, request.role)
        new.tail = old.tail
        parent.replace(old, new)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


PRODUCT = Product(name="adastra", view=view, raw=send_raw)
