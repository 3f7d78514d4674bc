"""The door for EMIS Web (GP practices, temporary and non-registered patients): Spine's own HL7 V3, in two steps.

A simulated profile: the product's real interface is not public. A viewer that speaks to Spine changes one address and
adds one header block, AccessFacts. The document goes through untouched; the door decides nothing.
"""

from lxml import etree

from gateway.adapters import emis_web_answers as answers
from gateway.adapters.emis_web_codes import NOT_PROCESSABLE, SpineFault, answer_for
from gateway.adapters.emis_web_headers import Heard
from gateway.adapters.emis_web_reading import (
    LIFETIME,
    LIMITS,
    SKEW,
    Query,
    Refused,
    Unproved,
    placed_at,
    read_query,
)
from gateway.adapters.viewer_charset import check_charset
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, MessageInvalid
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.service.calls import Call, Credentials, MessageRef, StatusCall, ViewCall
from gateway.service.claims import claims_from
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome, Status, Viewed
from gateway.service.ports import Ids
from gateway.xml.access_facts import AccessFactsBlock
from gateway.xml.catalogue import Catalogue
from gateway.xml.names import HL7, qname
from gateway.xml.parser import serialize

MEDIA_TYPE = "text/xml"
ANSWER = "text/xml; charset=utf-8"
PATHS = ("/viewers/emis-web", "/viewers/emis-web/sync-service")


class EmisWebDoor:
    """POST /viewers/emis-web, and the same under /sync-service."""

    name = "emis-web"
    products = frozenset({"emis-web"})
    """The products whose systems may call here (P-84)."""
    media_types = frozenset({MEDIA_TYPE})
    max_bytes = LIMITS.max_bytes

    def __init__(self, *, catalogue: Catalogue, numbers: NhsNumbers, ids: Ids, address: str) -> None:
        self._catalogue = catalogue
        self._numbers = numbers
        self._ids = ids
        self._address = address
        """Where answers say they come from."""

    def read(self, wire: WireRequest) -> Call:
        """Bytes -> StatusCall (event list) or ViewCall (event). Raises MessageInvalid, Refused, Unproved."""
        assert wire.system is not None
        check_charset(wire)
        query = read_query(
            wire.body,
            wire.headers.get("SOAPAction"),
            system=wire.system,
            catalogue=self._catalogue,
            numbers=self._numbers,
            now=wire.now,
        )
        try:
            return _call(query)
        except MessageInvalid as invalid:
            raise Refused(placed_at(query.block, invalid), query.heard) from invalid

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """Spine's answer in the frame of this exchange. Raises GatewayError (ANSWER_INVALID), InternalError."""
        heard = call.reading
        if not isinstance(heard, Heard):
            raise InternalError
        stamp = self._stamp(wire)
        if isinstance(outcome, Viewed):
            envelope = answers.passed_on(outcome.document.answer, heard, stamp)
        elif isinstance(outcome, Status) and outcome.events is not None:
            envelope = answers.passed_on(outcome.events.answer, heard, stamp)
            answers.newest_first(envelope, tuple(event.id for event in outcome.events.events))
        else:
            raise InternalError
        return self._checked(envelope, heard.interaction.answer)

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """An AE answer where the message was heard and the table says so, else a fault."""
        heard = error.heard if isinstance(error, (Refused, Unproved)) else call.reading if call is not None else None
        answer = answer_for(error, heard=isinstance(heard, Heard))
        if isinstance(answer, SpineFault) or not isinstance(heard, Heard):
            assert isinstance(answer, SpineFault)
            return self._fault(answers.fault(answer, error))
        envelope = answers.not_fulfilled(heard, self._stamp(wire), answer, error)
        try:
            return self._checked(envelope, answers.NOT_FULFILLED)
        except GatewayError as invalid:
            return self._fault(answers.fault(NOT_PROCESSABLE, invalid))

    def _stamp(self, wire: WireRequest) -> answers.Stamp:
        return answers.Stamp(message_id=self._ids.new(), moment=wire.now, address=self._address)

    def _checked(self, envelope: etree._Element, name: str) -> WireResponse:
        message = next(envelope.iter(qname(HL7, name)), None)
        if message is None or self._catalogue.validate(name, message):
            raise GatewayError(Code.ANSWER_INVALID)
        return WireResponse(status=200, media_type=ANSWER, body=serialize(envelope))

    def _fault(self, envelope: etree._Element) -> WireResponse:
        return WireResponse(status=500, media_type=ANSWER, body=serialize(envelope))


def _call(query: Query) -> Call:
    facts = query.facts
    claims = claims_from({name: getattr(facts, name) for name in AccessFactsBlock.__slots__})
    credentials = Credentials(token=facts.user_token, named_user=query.user, named_role=query.role)
    message = MessageRef(id=MessageId(query.heard.message_id), expires=query.created + LIFETIME + 2 * SKEW)
    action = query.heard.interaction.name
    if query.event_id is None:
        return StatusCall(
            action=action,
            credentials=credentials,
            claims=claims,
            message=message,
            reading=query.heard,
            patient=query.patient,
            first_step=True,
        )
    return ViewCall(
        action=action,
        credentials=credentials,
        claims=claims,
        message=message,
        reading=query.heard,
        patient=query.patient,
        rendered=False,
        event_id=query.event_id,
    )
