"""What the stubs of SOAP viewers share: values of the three operations, and what an answer's bytes say.

Written from the served schemas; knows faults of both SOAP versions, and judges an answer by what the fault itself says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vendor_stubs import xml
from vendor_stubs.calling import access_facts, answers, preparation
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.record_xml import find_record, notices, read_record
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import WSA
from vendor_stubs.xml import SOAP11, SOAP12, Element, elements, local_name, namespace_of, qname

CODES = "urn:scr-gateway:codes:1"
VERSION = "1.0"
_KINDS = frozenset({"refused", "no_record", "invalid", "unavailable"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the bytes of an answer say. All None: no SOAP message."""

    payload: Element | None = field(default=None, repr=False)
    relates_to: str | None = None
    code: str | None = None
    """The stable code of a fault's Refusal."""
    kind: str | None = None
    sentence: str | None = None


def view_values(request: ViewRequest) -> dict[str, Any]:
    """ViewSummaryRequest for zeep; what is not said is left out."""
    access = access_facts.said(request)
    role = preparation.role_of(request.uid, request.role)
    if role is not None:
        access["RoleProfile"] = role
    ordered = {name: _typed(name, access[name]) for name in access_facts.ORDER if name in access}
    return {"NhsNumber": request.nhs_number, "version": VERSION, **({"Access": ordered} if ordered else {})}


def _typed(name: str, text: str) -> Any:
    return text == "true" if name in {"ConditionChanged", "ConfirmDeceased"} else text


def read_answer(exchange: Exchange) -> Answer:
    """Bytes -> Answer; whatever is not a SOAP message is an empty one."""
    try:
        root = xml.parse(exchange.body)
    except xml.NotXml:
        return Answer()
    soap = namespace_of(root)
    body = root.find(qname(soap, "Body"))
    if soap not in {SOAP11, SOAP12} or body is None or len(elements(body)) != 1:
        return Answer()
    relates_to = root.findtext(f"{qname(soap, 'Header')}/{qname(WSA, 'RelatesTo')}")
    payload = elements(body)[0]
    if payload.tag != qname(soap, "Fault"):
        return Answer(payload=payload, relates_to=relates_to)
    refusal = next(payload.iter(qname(CODES, "Refusal")), None)
    if refusal is None:
        reason = payload.findtext("faultstring") or payload.findtext(f"{qname(soap, 'Reason')}/{qname(soap, 'Text')}")
        return Answer(relates_to=relates_to, sentence=reason)
    texts = {local_name(part): part.text for part in elements(refusal)}
    kind = texts.get("Kind")
    return Answer(
        relates_to=relates_to,
        code=texts.get("Code"),
        kind=kind if kind in _KINDS else None,
        sentence=texts.get("Sentence"),
    )


async def viewed(calls: Calls, done: Exchange, answer: Answer, request: ViewRequest) -> ViewResult:
    """The result of ViewSummary. Raises NoAnswer: a record that breaks its schema, or says success and holds none."""
    if answer.payload is None:
        fallback = answer.sentence or f"The gateway answered with HTTP {done.status} and no SOAP message."
        return await answers.not_shown(calls, done, wire_code=answer.code, outcome=answer.kind, fallback=fallback)
    record = find_record(answer.payload) if local_name(answer.payload) == "ViewSummaryResponse" else None
    if record is None:
        raise NoAnswer("the answer says success but holds no record")
    read: Mapping[str, Any] = read_record(record)
    return answers.record_from(done, read, asked=request.nhs_number, wire_code=None, notices=notices(read))


def outcome_of(answer: Answer) -> str:
    """What a raw message came to."""
    if answer.payload is None:
        return answer.kind or "failed"
    return "record" if find_record(answer.payload) is not None else "answered"
