"""The stub of a system with Spine mini-service links: ITK SOAP by zeep against the WSDL the gateway serves.

It judges an answer by the wire's own codes first, as any such client must, and by the gateway's headers where those say more.
"""

from vendor_stubs.calling import access_facts, answers, itk, itk_refresh, raw
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.itk import Answer
from vendor_stubs.calling.itk_exchange import DOOR, SUCCESS, exchange, not_shown, outcome_of, sender
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.mini_service_commands import COMMANDS
from vendor_stubs.mini_service_requests import query_scr
from vendor_stubs.xml import Element, elements, local_name

QUERY_SCR = itk.scr_operation("querySCR")
MEDIA_TYPE = "text/xml; charset=utf-8"


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """querySCR. Raises NoAnswer, WrongUsage."""
    who = await sender(calls, request.uid, request.role)
    done, answer = await exchange(calls, QUERY_SCR, who, query_scr(request, calls.new_id()), facts_of(request))
    if answer.is_fault or answer.wire_code != SUCCESS:
        return await not_shown(calls, done, answer)
    summary = _summary(answer)
    if summary is None:
        raise NoAnswer("the answer says success but holds no GP Summary")
    return answers.record(done, summary, asked=request.nhs_number, wire_code=answer.wire_code)


def _summary(answer: Answer) -> Element | None:
    """text > (wrapper) > GPSummary: the wrapper has two namespaces in the wild, so it is found by its place."""
    text = answer.element("text")
    for wrapper in elements(text) if text is not None else []:
        for child in (wrapper, *elements(wrapper)):
            if local_name(child) == "GPSummary":
                return child
    return None


def facts_of(request: ViewRequest) -> dict[str, str]:
    """What the payload cannot say. The role is named in the audit identity, the relationship by its own flag.

    `yes` and `emergency` are flags of the payload, and the note of an emergency travels there as its reason.
    """
    facts = access_facts.said(request)
    left_out = {"RoleProfile", "Relationship"}
    if request.permission in {"yes", "emergency"}:
        left_out.add("Permission")
    if request.permission in {"emergency", "best-interests"}:
        left_out.add("Note")
    return {name: text for name, text in facts.items() if name not in left_out}


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or refreshed where asked. Raises NoAnswer, WrongUsage."""
    body = await itk_refresh.refreshed(request, calls) if request.fresh else request.body
    done = await raw.send_file(calls, DOOR, body, request.content_type or MEDIA_TYPE)
    answer = itk.read_answer(done)
    if answer.wire_code == SUCCESS and not answer.is_fault:
        return RawResult(exchange=done, outcome="record" if _summary(answer) is not None else "answered")
    kind = (await answers.explain(calls, done.code)).kind
    return RawResult(exchange=done, outcome=outcome_of(answer) or kind or "failed")


PRODUCT = Product(name="mini-service", view=view, raw=send_raw, commands=COMMANDS)
