"""One mini-service operation from the caller's side: sign in, message out by zeep, answer in, and what its codes come to."""

from collections.abc import Callable, Mapping
from typing import Any

from vendor_stubs.calling import access_facts, answers, itk, preparation
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.itk import Answer, Operation, Sender
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.calling.soap import SoapCaller
from vendor_stubs.xml import Element

DOOR = "/itk"
SUCCESS = "SMSP-0000"

OUTCOMES = {
    "SMSP-0001": "invalid",
    "SMSP-0002": "unavailable",
    "SMSP-0004": "unavailable",
    "SMSP-0005": "refused",
    "SCR-0001": "refused",
    "SCR-0002": "refused",
    "SCR-0003": "refused",
    "SCR-0004": "no_record",
    "DEMOG-0001": "no_record",
    "DEMOG-0007": "no_record",
    "DEMOG-0022": "no_record",
    "DEMOG-0040": "no_record",
    "DEMOG-0042": "invalid",
    "1000": "invalid",
    "3000": "refused",
}
"""Response and fault codes that say by themselves what an answer comes to; the others need the gateway's own code."""

ANSWERED = {
    SUCCESS: (),
    "SMSP-0003": ("Spine could not be reached: these are details held locally.",),
    "DEMOG-0017": ("The number asked with was superseded: use the one in the answer.",),
}
"""Codes of an answer with content -> what people must know beside it."""


async def sender(calls: Calls, uid: str, role: str | None) -> Sender:
    """The user signed in, with the role profile to name (none where several are held and none is chosen)."""
    return Sender(
        organisation=calls.system.organisation or "",
        uid=uid,
        role=preparation.role_of(uid, role),
        token=await preparation.id_token(calls, uid, role),
    )


async def exchange(
    calls: Calls, operation: Operation, who: Sender, payload: Element, facts: Mapping[str, str] | None = None
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


async def not_shown(calls: Calls, done: Exchange, answer: Answer) -> ViewResult:
    """The result of an answer without content."""
    fallback = answer.display or f"The gateway answered with HTTP {done.status} and nothing a mini service says."
    return await answers.not_shown(
        calls, done, wire_code=answer.wire_code, outcome=outcome_of(answer), fallback=fallback
    )


async def ask(
    calls: Calls,
    operation: Operation,
    who: Sender,
    payload: Element,
    read: Callable[[Answer], Mapping[str, Any]],
) -> ViewResult:
    """An operation other than a view, with its answer read by `read`. Raises NoAnswer."""
    done, answer = await exchange(calls, operation, who, payload)
    notices = None if answer.is_fault else ANSWERED.get(answer.wire_code or "")
    if notices is None:
        return await not_shown(calls, done, answer)
    return ViewResult(
        outcome="answered",
        code=done.code or "ok",
        wire_code=answer.wire_code,
        sentence=answer.display or "Answered.",
        correlation_id=done.correlation_id,
        answer=read(answer),
        notices=notices,
    )
