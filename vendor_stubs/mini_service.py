"""The stub of a system with Spine mini-service links: ITK SOAP by zeep against the WSDL the gateway serves.

It judges an answer by the wire's own codes first, as any such client must, and by the gateway's headers where those say more.
"""

from vendor_stubs.calling import access_facts, answers, itk, itk_refresh, preparation, raw
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.itk import Answer, Operation, Sender
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import SoapCaller
from vendor_stubs.xml import Element, add, elements, local_name

DOOR = "/itk"
QUERY_SCR = itk.scr_operation("querySCR")

OUTCOMES = {
    "SMSP-0001": "invalid",
    "SMSP-0002": "unavailable",
    "SMSP-0004": "unavailable",
    "SMSP-0005": "refused",
    "SCR-0001": "refused",
    "SCR-0002": "refused",
    "SCR-0003": "refused",
    "SCR-0004": "no_record",
    "1000": "invalid",
    "3000": "refused",
}
"""Response and fault codes that say by themselves what an answer comes to; the others need the gateway's own code."""
SUCCESS = "SMSP-0000"


async def sender(calls: Calls, uid: str, role: str | None) -> Sender:
    """The user signed in, with the role profile to name (none where several are held and none is chosen)."""
    return Sender(
        organisation=calls.system.organisation or "",
        uid=uid,
        role=preparation.role_of(uid, role),
        token=await preparation.id_token(calls, uid, role),
    )


async def exchange(
    calls: Calls, operation: Operation, who: Sender, payload: Element, facts: dict[str, str] | None = None
) -> tuple[Exchange, Answer]:
    """One operation: message out, answer in. Raises NoAnswer, also where the answer belongs to another message."""
    caller = await SoapCaller.load(calls, operation.wsdl)
    block = access_facts.block(facts or {})
    headers = itk.soap_headers(calls, who, to=calls.gateway + DOOR, blocks=() if block is None else (block,))
    values = itk.envelope_values(operation, who, payload, calls)
    done = await caller.call(operation.service, headers, values, address=calls.gateway + DOOR)
    answer = itk.read_answer(done)
    if answer.relates_to is not None and answer.relates_to != headers.message_id:
        raise NoAnswer("the answer relates to another message than the one sent")
    return done, answer


def outcome_of(answer: Answer) -> str | None:
    """What the wire's own code says; None where it says nothing certain."""
    return OUTCOMES.get(answer.wire_code or "")


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """querySCR. Raises NoAnswer, WrongUsage."""
    who = await sender(calls, request.uid, request.role)
    done, answer = await exchange(calls, QUERY_SCR, who, query_payload(request, calls.new_id()), facts_of(request))
    if answer.wire_code != SUCCESS:
        return await answers.not_shown(
            calls, done, wire_code=answer.wire_code, outcome=outcome_of(answer), fallback=_fallback(done, answer)
        )
    summary = _summary(answer)
    if summary is None:
        raise NoAnswer("the answer says success but holds no GP Summary")
    return answers.record(done, summary, asked=request.nhs_number, wire_code=answer.wire_code)


def _fallback(done: Exchange, answer: Answer) -> str:
    return answer.display or f"The gateway answered with HTTP {done.status} and nothing a mini service says."


def _summary(answer: Answer) -> Element | None:
    """text > (wrapper) > GPSummary: the wrapper has two namespaces in the wild, so it is found by its place."""
    text = answer.element("text")
    for wrapper in elements(text) if text is not None else []:
        for child in (wrapper, *elements(wrapper)):
            if local_name(child) == "GPSummary":
                return child
    return None


def query_payload(request: ViewRequest, message_id: str) -> Element:
    """QuerySCRRequest; the order of its items is the schema's."""
    emergency = request.permission in {"emergency", "best-interests"}
    root = itk.payload_root("QuerySCRRequest", message_id)
    group = add(root, "querySCRGrouper")
    itk.item(group, "createPTV.Value", value=_flag(request.permission in {"yes", "extended", "proxy"}))
    itk.item(group, "emergencyAccess.Value", value=_flag(emergency))
    if emergency and request.note:
        itk.item(group, "emergencyAccessReason.Value").text = request.note
    itk.item(group, "person.NHSNumber", extension=request.nhs_number)
    if request.permission == "extended" and request.until is not None:
        add(itk.item(group, "pTVDuration.Value"), "high", value=request.until.strftime("%Y%m%d"))
    itk.item(group, "selfClaimLR.Value", value=_flag(request.relationship == "self-claimed"))
    return root


def _flag(value: bool) -> str:
    return "true" if value else "false"


_BY_FLAGS_ALONE = frozenset({"yes", "not-asked"})


def facts_of(request: ViewRequest) -> dict[str, str]:
    """What the payload's flags cannot say. The role is named in the audit identity, the relationship by its own flag."""
    facts = access_facts.said(request)
    for name in ("RoleProfile", "Relationship"):
        facts.pop(name, None)
    if request.permission in _BY_FLAGS_ALONE:
        facts.pop("Permission", None)
    if request.permission == "emergency":
        # the flag says it; the reason travels in the payload, and only the kind of reason needs the block
        facts.pop("Permission")
    if request.permission in {"emergency", "best-interests"}:
        facts.pop("Note", None)
    return facts


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or refreshed where asked. Raises NoAnswer, WrongUsage."""
    body = request.body
    if request.fresh:
        body = await itk_refresh.refreshed(request, calls)
    done = await raw.send_file(calls, DOOR, body, request.content_type or "text/xml; charset=utf-8")
    answer = itk.read_answer(done)
    if answer.wire_code == SUCCESS:
        return RawResult(exchange=done, outcome="record" if _summary(answer) is not None else "answered")
    kind = (await answers.explain(calls, done.code)).kind
    return RawResult(exchange=done, outcome=outcome_of(answer) or kind or "failed")


PRODUCT = Product(name="mini-service", view=view, raw=send_raw)
