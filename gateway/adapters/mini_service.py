"""The mini-service door: ITK SOAP 1.1 with a distribution envelope, the public SCR and PDS operations.

Envelope trouble is a SOAP fault with ToolkitErrorInfo; once the operation is known, every outcome is a normal response
with a code in its `value`, and HTTP 200.
"""

from collections.abc import Mapping
from datetime import timedelta

from lxml import etree

from gateway.adapters import mini_service_codes as codes
from gateway.adapters.mini_service_identity import IDENTITY, organisation_of, read_claims, read_credentials
from gateway.adapters.mini_service_payload import (
    Asked,
    EnvelopeInvalid,
    Exchange,
    IdentityUnusable,
    NotNewStyle,
    PayloadInvalid,
    SenderRefused,
)
from gateway.adapters.mini_service_scr import put_record
from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumbers
from gateway.service.calls import Call, MessageRef
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome, Recorded, Viewed
from gateway.service.ports import Ids
from gateway.xml.access_facts import ACCESS_FACTS_TAG, read_access_facts
from gateway.xml.catalogue import Catalogue
from gateway.xml.header_rules import normalise_uuid
from gateway.xml.itk import ItkRequest, Leniences, payload_findings, read_request
from gateway.xml.itk_answers import build_response, build_response_message, build_toolkit_fault, response_findings
from gateway.xml.names import ITK_ADDRESS_URI, OID_ASID
from gateway.xml.operations import Family
from gateway.xml.parser import Limits, parse, serialize
from gateway.xml.signatures import condemned
from gateway.xml.soap import SoapVersion, read_envelope

XML = "text/xml"
ANSWER = "text/xml; charset=utf-8"
SKEW = timedelta(seconds=60)
"""How far the caller's clock may be off."""
LIMITS = Limits(max_bytes=256 * 1024, max_nodes=5_000)
_MOST_FINDINGS = 10


class MiniServiceDoor:
    """POST /itk."""

    name = "mini-service"
    media_types = frozenset({XML, "application/xml"})
    max_bytes = LIMITS.max_bytes

    def __init__(
        self, *, catalogue: Catalogue, numbers: NhsNumbers, ids: Ids, exchanges: Mapping[str, Exchange], provider: str
    ) -> None:
        self._catalogue = catalogue
        self._numbers = numbers
        self._ids = ids
        self._exchanges = exchanges
        self._provider = provider
        """ODS code of whoever runs this gateway, named as the responder."""

    def read(self, wire: WireRequest) -> Call:
        """Bytes -> call. Raises EnvelopeInvalid (fault 1000), SenderRefused (fault 3000), PayloadInvalid (SMSP-0001)."""
        assert wire.system is not None
        request = self._envelope(wire, wire.system)
        _check_sender(request, wire.system)
        if condemned(request.envelope, wire.system, wire.now):
            raise SenderRefused(request, Code.SYSTEM_SIGNATURE)
        findings = payload_findings(request, self._catalogue)
        if findings:
            raise PayloadInvalid(Code.MESSAGE_SCHEMA, findings, request)
        try:
            return self._exchanges[request.operation.name].read(self._asked(request, wire))
        except MessageInvalid as invalid:
            response = _response(request, invalid)
            raise PayloadInvalid(invalid.code, invalid.findings, request, response, invalid.rules) from invalid
        except InvalidValue as value:
            raise PayloadInvalid(Code.MESSAGE_VALUE, (), request) from value

    def _envelope(self, wire: WireRequest, system: System) -> ItkRequest:
        envelope = read_envelope(parse(wire.body, LIMITS), accept=frozenset({SoapVersion.V11}))
        try:
            return read_request(
                envelope,
                self._catalogue,
                now=wire.now,
                skew=SKEW,
                leniences=Leniences.from_names(system.leniences),
                soap_action=wire.headers.get("SOAPAction"),
            )
        except MessageInvalid as invalid:
            relates_to = normalise_uuid(envelope.addressing.message_id)
            raise EnvelopeInvalid(invalid.code, invalid.findings, relates_to) from invalid

    def _asked(self, request: ItkRequest, wire: WireRequest) -> Asked:
        facts = read_access_facts(request.envelope, self._catalogue)
        message = MessageRef(
            id=MessageId.read(request.message_id),
            tracking_id=request.tracking_id,
            expires=request.expires + 2 * SKEW,
        )
        return Asked(
            request=request,
            payload=request.payload,
            claims=read_claims(facts, request.envelope.block(ACCESS_FACTS_TAG)),
            credentials=read_credentials(request, facts),
            message=message,
            numbers=self._numbers,
            now=wire.now,
        )

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """A normal response. Raises GatewayError (ANSWER_INVALID) where what was built is not valid."""
        request = call.reading
        if not isinstance(request, ItkRequest):
            raise InternalError
        payload_id = self._ids.new()
        payload = self._exchanges[request.operation.name].write(request, call, outcome, payload_id)
        message = self._message(request, wire.system, payload, payload_id)
        if isinstance(outcome, Viewed):
            put_record(message, outcome)
        notes = _places("X-SCR-Warnings", request.warnings)
        if isinstance(outcome, Recorded) and outcome.until is not None:
            notes["X-SCR-Permission-Until"] = outcome.until.isoformat()  # the response itself has no place for it
        return WireResponse(status=200, media_type=ANSWER, body=serialize(message), headers=notes)

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A response with a code where the operation is known and the tables say so, else a fault."""
        known = error.request if isinstance(error, (PayloadInvalid, SenderRefused)) else call.reading if call else None
        request = known if isinstance(known, ItkRequest) else None
        answer = codes.answer_for(error, request.operation if request else None)
        if isinstance(error, PayloadInvalid) and error.response is not None:
            answer = error.response
        if isinstance(answer, codes.ToolkitFault) or request is None:
            assert isinstance(answer, codes.ToolkitFault)
            relates_to = error.relates_to if isinstance(error, EnvelopeInvalid) else None
            return self._fault(wire, answer, error, request.message_id if request else relates_to)
        payload_id = self._ids.new()
        payload = self._exchanges[request.operation.name].fail(request.operation, payload_id, answer)
        message = self._message(request, wire.system, payload, payload_id)
        return WireResponse(status=200, media_type=ANSWER, body=serialize(message), headers=_teaching(error))

    def _message(
        self, request: ItkRequest, system: System | None, payload: etree._Element, payload_id: str
    ) -> etree._Element:
        """The response around a payload, checked before it leaves. The SCR service also names the parties, PDS does not.

        Raises GatewayError (ANSWER_INVALID) where it is not valid.
        """
        scr = request.operation.family is Family.SCR
        distribution = build_response(
            request,
            payload,
            tracking_id=self._ids.new(),
            payload_id=payload_id,
            to_address=_address(request, system) if scr else None,
            audit_identity=f"{IDENTITY}{self._provider}" if scr else None,
            sender_address=f"{ITK_ADDRESS_URI}ods:{self._provider}" if scr else None,
        )
        if response_findings(request.operation, distribution, self._catalogue):
            raise GatewayError(Code.ANSWER_INVALID)
        return build_response_message(request, distribution, message_id=self._ids.new())

    def _fault(
        self, wire: WireRequest, fault: codes.ToolkitFault, error: GatewayError, relates_to: str | None
    ) -> WireResponse:
        message = build_toolkit_fault(
            message_id=self._ids.new(),
            relates_to=relates_to,
            error_id=wire.correlation_id.value,
            code=fault.code,
            text=error.sentence,
            diagnostic=codes.diagnostic(error),
            faultcode=fault.faultcode,
        )
        return WireResponse(status=500, media_type=ANSWER, body=serialize(message))


def _response(request: ItkRequest, invalid: MessageInvalid) -> str | None:
    """The PDS operations tell a number that is none from other field errors; ids of a user that are none have a code too."""
    if isinstance(invalid, IdentityUnusable):
        return codes.CREDENTIALS
    not_new_style = isinstance(invalid, NotNewStyle) and request.operation.family is Family.PDS
    return codes.NOT_NEW_STYLE if not_new_style else None


def _teaching(error: GatewayError) -> dict[str, str]:
    """A failure is an id and a value and nothing else; what is wrong where stands in a header: code, line and element, no values."""
    return _places("X-SCR-Findings", error.findings) if isinstance(error, MessageInvalid) else {}


def _places(header: str, findings: tuple[Finding, ...]) -> dict[str, str]:
    """A header of codes, lines and elements, or none where there is nothing to tell."""
    return {header: ", ".join(map(_place, findings[:_MOST_FINDINGS]))} if findings else {}


def _place(found: Finding) -> str:
    """`code;line=N;at=NAME`: the last step of the path, an attribute behind its element; what a header cannot carry is left out."""
    way, _, attribute = found.path.partition("/@")
    at = way.rpartition("/")[2] + (f"/@{attribute}" if attribute else "")
    told = (found.code, f"line={found.line}" if found.line else "", f"at={at}" if at and at.isascii() else "")
    return ";".join(filter(None, told))


def _address(request: ItkRequest, system: System | None) -> str | None:
    """Where the answer goes: the organisation of the proved system, or the sender address where it is one of its own.

    A sender address is never an authority for access (ITK facts section 3), so one of another organisation refuses
    nothing: messages come through hubs. But no answer is ever addressed to an organisation that was not proved.
    """
    if system is None or system.organisation is None:
        return None
    own = f"{ITK_ADDRESS_URI}ods:{system.organisation.value}"
    sender = (request.sender or "").strip()
    return sender if sender == own or sender.startswith(f"{own}:") else own


def _check_sender(request: ItkRequest, system: System) -> None:
    """Username, organisation and ASID in the message are those of the proved system. Raises SenderRefused.

    Not so the sender address: see `_address`.
    """
    if request.username.strip() != system.username:
        raise SenderRefused(request)
    for audit in request.audit_ids:
        if audit.type == OID_ASID and audit.uri != system.asid.value:
            raise SenderRefused(request)
        if audit.uri.startswith(IDENTITY) and (
            system.organisation is None or organisation_of(audit.uri) != system.organisation.value
        ):
            raise SenderRefused(request)
