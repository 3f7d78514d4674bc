"""The stub of EMIS Web: a GP system that speaks to Spine in two steps, and to the gateway with one header block more.

A simulated profile: the product's real interface is not public. It takes the first event listed, as such clients do.
"""

from collections.abc import Mapping

from vendor_stubs import emis_web_messages as messages
from vendor_stubs import xml
from vendor_stubs.calling import access_facts, answers, preparation, raw
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls, Exchange
from vendor_stubs.calling.options import RawRequest, ViewRequest
from vendor_stubs.calling.products import Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.emis_web_messages import EVENT, LIST, Answer
from vendor_stubs.xml import HL7, WSA_2004, qname

DOOR = "/viewers/emis-web"
MEDIA_TYPE = "text/xml"
FIRST_STEP = ("UserToken", "RoleProfile", "Purpose", "Setting")
"""The facts that say who asks; the others belong to the view itself, and go with the second step."""
OUTCOMES = {"210": "no_record", "400": "invalid", "401": "invalid", "420": "refused"}
"""General classes of an AE answer -> outcome; of a fault the gateway's own code says it."""


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """Event list, then the event. Raises NoAnswer, WrongUsage."""
    facts = {"UserToken": await preparation.id_token(calls, request.uid, request.role), **access_facts.said(request)}
    done, answer, listed = await _read(request, calls, facts)
    if (
        listed and _outcome(answer) == "no_record"
    ):  # the event may have been replaced since it was listed: list once more
        done, answer, _ = await _read(request, calls, facts)
    if answer.kind != "AA":
        return await _not_shown(calls, done, answer)
    if answer.summary is None:
        raise NoAnswer("the answer says success but holds no GP Summary")
    return answers.record(done, answer.summary, asked=request.nhs_number, wire_code=answer.kind)


async def _read(request: ViewRequest, calls: Calls, facts: Mapping[str, str]) -> tuple[Exchange, Answer, bool]:
    """Both steps, as far as they go, and whether an event was listed. Raises NoAnswer."""
    first_facts = {name: text for name, text in facts.items() if name in FIRST_STEP}
    done, answer = await _ask(calls, LIST, request.nhs_number, None, first_facts)
    if answer.kind != "AA":
        return done, answer, False
    if not answer.event_ids:
        raise NoAnswer("the answer lists no event and gives no reason")
    done, answer = await _ask(calls, EVENT, request.nhs_number, answer.event_ids[0], facts)
    return done, answer, True


async def _ask(
    calls: Calls, interaction: str, number: str, event_id: str | None, facts: Mapping[str, str]
) -> tuple[Exchange, Answer]:
    """One query. Raises NoAnswer, also where the answer belongs to another message."""
    sent = messages.Sent(message_id=calls.new_id(), moment=calls.now(), asid=calls.system.asid, to=calls.gateway + DOOR)
    body = messages.query(interaction, sent, number, event_id, facts)
    done = await raw.send_file(calls, DOOR, body, MEDIA_TYPE, SOAPAction=messages.action(interaction))
    answer = messages.read_answer(done)
    if answer.kind in {"AA", "AE"} and answer.relates_to != sent.message_id:
        raise NoAnswer("the answer relates to another message than the one sent")
    return done, answer


def _outcome(answer: Answer) -> str | None:
    return OUTCOMES.get(answer.codes[0]) if answer.kind == "AE" and answer.codes else None


async def _not_shown(calls: Calls, done: Exchange, answer: Answer) -> ViewResult:
    fallback = answer.display or f"The gateway answered with HTTP {done.status} and nothing Spine says."
    return await answers.not_shown(calls, done, wire_code=answer.wire_code, outcome=_outcome(answer), fallback=fallback)


async def send_raw(request: RawRequest, calls: Calls) -> RawResult:
    """A file as it is, or refreshed where asked; SOAPAction as its wsa:Action says. Raises NoAnswer, WrongUsage."""
    body = await _refreshed(request, calls) if request.fresh else request.body
    done = await raw.send_file(calls, DOOR, body, request.content_type or MEDIA_TYPE, SOAPAction=_action(body))
    answer = messages.read_answer(done)
    if answer.kind == "AA":
        return RawResult(exchange=done, outcome="record" if answer.summary is not None else "answered")
    kind = (await answers.explain(calls, done.code)).kind
    return RawResult(exchange=done, outcome=_outcome(answer) or kind or "failed")


def _action(body: bytes) -> str:
    try:
        found = next(xml.parse(body).iter(qname(WSA_2004, "Action")), None)
    except xml.NotXml:
        found = None
    text = (found.text or "").strip() if found is not None else ""
    return text if text.isprintable() and text.isascii() and text else messages.action(LIST)


async def _refreshed(request: RawRequest, calls: Calls) -> bytes:
    """New message id, time and token; all else stays. Raises WrongUsage, NoAnswer."""
    try:
        root = xml.parse(request.body)
    except xml.NotXml as error:
        raise WrongUsage(f"--fresh needs a well-formed message, and this one is {error}") from error
    message_id = calls.new_id()
    for element in root.iter(qname(WSA_2004, "MessageID")):
        element.text = f"uuid:{message_id}"
    for interaction in (LIST, "QUPC_IN180000UK04", EVENT):
        for message in root.iter(qname(HL7, interaction)):
            for element in message.iterchildren(qname(HL7, "id")):
                element.set("root", message_id)
            for element in message.iterchildren(qname(HL7, "creationTime")):
                element.set("value", messages.wire_time(calls.now()))
    for place in root.iter(qname(access_facts.ACCESS_FACTS, "UserToken")):
        if request.uid is None:
            raise WrongUsage("the message carries a token and does not say whose: say --as")
        place.text = await preparation.id_token(calls, request.uid, request.role)
    return xml.serialise(root)


PRODUCT = Product(name="emis-web", view=view, raw=send_raw)
