"""The stub of CLEO: SOAP 1.1 by zeep against the WSDL the gateway serves, its user's ID token as a BinarySecurityToken.

A simulated profile: the product's real interface is not public. Its screen would show the pane; this stub checks that it may.
"""

from vendor_stubs import xml
from vendor_stubs.calling import preparation, raw, viewer, viewer_refresh
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.itk import JWT, encoded_token
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import WSSE, Headers, SoapCaller, binary_token
from vendor_stubs.xml import Element, qname

DOOR = "/viewers/cleo"
NAMESPACE = "urn:scr-gateway:cleo:1"
MEDIA_TYPE = "text/xml; charset=utf-8"


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """ViewSummary. Raises NoAnswer, WrongUsage."""
    caller = await SoapCaller.load(calls, f"{DOOR}?wsdl")
    token = await preparation.id_token(calls, request.uid, request.role)
    headers = Headers(
        message_id=calls.new_id(),
        to=calls.gateway + DOOR,
        created=calls.now(),
        security=(binary_token(encoded_token(token), JWT),),
        addressed=False,
    )
    values = {**viewer.view_values(request), "requestId": headers.message_id}
    done = await caller.call(f"{NAMESPACE}:ViewSummary", headers, values, address=calls.gateway + DOOR)
    answer = viewer.read_answer(done)
    if answer.payload is not None:
        _check(answer.payload, headers.message_id)
    return await viewer.viewed(calls, done, answer, request)


def _check(payload: Element, request_id: str) -> None:
    """The answer is to this request, and its pane is there. Raises NoAnswer."""
    if payload.get("requestId") != request_id:
        raise NoAnswer("the answer relates to another request than the one sent")
    if not (payload.findtext(qname(NAMESPACE, "Pane")) or "").strip():
        raise NoAnswer("the answer holds no pane to show")


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or refreshed where asked. Raises NoAnswer, WrongUsage."""
    body = await _refreshed(request, calls) if request.fresh else request.body
    done = await raw.send_file(calls, DOOR, body, request.content_type or MEDIA_TYPE)
    return RawResult(exchange=done, outcome=viewer.outcome_of(viewer.read_answer(done)))


async def _refreshed(request: RawRequest, calls: Calls) -> bytes:
    """New id, times and token; a token names nobody a stub could read, so the user is the one asked for."""
    root = viewer_refresh.parsed(request.body)
    viewer_refresh.renew(root, calls)
    for place in root.iter(qname(WSSE, "BinarySecurityToken")):
        if request.uid is None:
            raise WrongUsage("the message carries a token and does not say whose: say --as")
        place.text = encoded_token(await preparation.id_token(calls, request.uid, request.role))
    return xml.serialise(root)


PRODUCT = Product(name="cleo", view=view, raw=send_raw)
