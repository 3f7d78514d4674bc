"""The stub of SystmOne: plain XML over POST, the user's ID token in Authorization. Written from the served schema alone.

A simulated profile: the product's real interface is not public. It judges an answer by the problem document's own kind.
"""

from dataclasses import dataclass, field

from lxml import etree

from vendor_stubs import xml
from vendor_stubs.calling import access_facts, answers, preparation, raw
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.record_xml import find_record, notices, read_record
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import wire_time
from vendor_stubs.xml import Element, add, qname

DOOR = "/viewers/systmone"
NAMESPACE = "urn:scr-gateway:systmone:1"
PROBLEM = "urn:ietf:rfc:7807"
MEDIA_TYPE = "application/xml; charset=utf-8"
VERSION = "1.0"
_KINDS = frozenset({"refused", "no_record", "invalid", "unavailable"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the bytes of an answer say. All None: neither a response nor a problem."""

    response: Element | None = field(default=None, repr=False)
    code: str | None = None
    """The problem's stable code."""
    kind: str | None = None
    title: str | None = None


def view_request(request: ViewRequest, request_id: str, created: str) -> bytes:
    """The VIEW request."""
    root = etree.Element(qname(NAMESPACE, "ScrRequest"), nsmap={"s1": NAMESPACE})
    for name, text in (("version", VERSION), ("function", "VIEW"), ("requestId", request_id), ("created", created)):
        root.set(name, text)
    asked = add(root, "View")
    add(asked, "NhsNumber", request.nhs_number)
    facts = access_facts.said(request)
    role = preparation.role_of(request.uid, request.role)
    if role is not None:
        facts["RoleProfile"] = role
    if facts:
        access = add(asked, "Access")
        for name in access_facts.ORDER:
            if name in facts:
                add(access, name, facts[name])
    return xml.serialise(root)


def read_answer(exchange: Exchange) -> Answer:
    """Bytes -> Answer."""
    try:
        root = xml.parse(exchange.body)
    except xml.NotXml:
        return Answer()
    if root.tag == qname(NAMESPACE, "ScrResponse"):
        return Answer(response=root)
    if root.tag != qname(PROBLEM, "problem"):
        return Answer()
    code, kind, title = (root.findtext(qname(PROBLEM, name)) for name in ("code", "kind", "title"))
    return Answer(code=code, kind=kind if kind in _KINDS else None, title=title)


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """VIEW. Raises NoAnswer, WrongUsage."""
    token = await preparation.id_token(calls, request.uid, request.role)
    request_id = calls.new_id()
    body = view_request(request, request_id, wire_time(calls.now()))
    done = await raw.send_file(calls, DOOR, body, MEDIA_TYPE, Authorization=f"Bearer {token}")
    answer = read_answer(done)
    if answer.response is None:
        fallback = answer.title or f"The gateway answered with HTTP {done.status} and no problem document."
        return await answers.not_shown(calls, done, wire_code=answer.code, outcome=answer.kind, fallback=fallback)
    if answer.response.get("requestId") != request_id:
        raise NoAnswer("the answer relates to another request than the one sent")
    record = find_record(answer.response)
    if record is None:
        raise NoAnswer("the answer says success but holds no record")
    read = read_record(record)
    return answers.record_from(done, read, asked=request.nhs_number, wire_code=None, notices=notices(read))


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or with a new id and time; the token stands outside it, so --as sends one. Raises NoAnswer, WrongUsage."""
    body = _refreshed(request, calls) if request.fresh else request.body
    headers = {}
    if request.uid is not None:
        headers["Authorization"] = f"Bearer {await preparation.id_token(calls, request.uid, request.role)}"
    done = await raw.send_file(calls, DOOR, body, request.content_type or MEDIA_TYPE, **headers)
    answer = read_answer(done)
    if answer.response is not None:
        return RawResult(exchange=done, outcome="record" if find_record(answer.response) is not None else "answered")
    return RawResult(exchange=done, outcome=answer.kind or "failed")


def _refreshed(request: RawRequest, calls: Calls) -> bytes:
    try:
        root = xml.parse(request.body)
    except xml.NotXml as error:
        raise WrongUsage(f"--fresh needs a well-formed message, and this one is {error}") from error
    root.set("requestId", calls.new_id())
    root.set("created", wire_time(calls.now()))
    return xml.serialise(root)


PRODUCT = Product(name="systmone", view=view, raw=send_raw)
