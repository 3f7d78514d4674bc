"""The mini-service door: ITK SOAP 1.1 with a distribution envelope, the public SCR and PDS operations.

Envelope trouble is a SOAP fault with ToolkitErrorInfo; once the operation is known, every outcome is a normal response
with a code in its `value`, and HTTP 200.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from lxml import etree

from gateway.adapters import mini_service_codes as codes
from gateway.domain.codes import Code
from gateway.domain.errors import GatewayError, InternalError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import MessageId, NhsNumbers, OdsCode, RoleProfileId, UserId
from gateway.domain.permission import AccessClaims
from gateway.service.calls import Call, Credentials, MessageRef
from gateway.service.claims import claims_from
from gateway.service.doors import WireRequest, WireResponse
from gateway.service.outcomes import Outcome
from gateway.service.ports import Ids
from gateway.xml.access_facts import AccessFactsBlock, read_access_facts
from gateway.xml.catalogue import Catalogue
from gateway.xml.itk import ItkRequest, Leniences, payload_findings, read_request
from gateway.xml.itk_answers import build_response, build_response_message, build_toolkit_fault
from gateway.xml.names import JWT_TOKEN, OID_SDS_ROLE_PROFILE, OID_SDS_USER
from gateway.xml.operations import Operation
from gateway.xml.parser import Limits, parse, serialize
from gateway.xml.soap import SoapVersion, read_envelope
from gateway.xml.tokens import compact_token

XML = "text/xml"
ANSWER = "text/xml; charset=utf-8"
_IDENTITY = "urn:nhs-uk:identity:ods:"
_LIMITS = Limits(max_bytes=256 * 1024, max_nodes=5_000)


class PayloadInvalid(MessageInvalid):
    """The envelope is in order, so the operation is known; its payload is not: SMSP-0001, not a fault."""

    def __init__(self, code: Code, findings: tuple[Finding, ...], request: ItkRequest) -> None:
        super().__init__(code, findings)
        self.request = request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose envelope and payload are valid, with what all operations share."""

    request: ItkRequest
    credentials: Credentials
    claims: AccessClaims
    facts: AccessFactsBlock | None
    message: MessageRef
    numbers: NhsNumbers

    @property
    def payload(self) -> etree._Element:
        """The HL7 payload."""
        return self.request.payload

    @property
    def common(self) -> dict[str, Any]:
        """The members every call has."""
        return {
            "action": self.request.operation.name,
            "credentials": self.credentials,
            "claims": self.claims,
            "message": self.message,
            "reading": self.request,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How one operation's payload is read and its response payload written."""

    read: Callable[[Asked], Call]
    write: Callable[[ItkRequest, Call, Outcome, str], tuple[etree._Element, str]]
    """(request, call, outcome, payload id) -> (response payload, response code)."""
    fail: Callable[[Operation, str, str], etree._Element]
    """(operation, payload id, response code) -> response payload of a failure."""


class MiniServiceDoor:
    """POST /itk."""

    name = "mini-service"
    media_types = frozenset({XML, "application/xml"})
    max_bytes = _LIMITS.max_bytes

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
        """Bytes -> call. Raises MessageInvalid (fault 1000), PayloadInvalid (SMSP-0001)."""
        assert wire.system is not None
        root = parse(wire.body, _LIMITS)
        request = read_request(
            read_envelope(root, accept=frozenset({SoapVersion.V11})),
            self._catalogue,
            now=wire.now,
            leniences=Leniences.from_names(wire.system.leniences),
            soap_action=wire.headers.get("SOAPAction"),
        )
        findings = payload_findings(request, self._catalogue)
        if findings:
            raise PayloadInvalid(Code.MESSAGE_SCHEMA, findings, request)
        exchange = self._exchanges.get(request.operation.name)
        if exchange is None:
            raise MessageInvalid(Code.MESSAGE_UNKNOWN_SERVICE)
        try:
            return exchange.read(self._asked(request))
        except PayloadInvalid:
            raise
        except MessageInvalid as invalid:
            raise PayloadInvalid(invalid.code, invalid.findings, request) from invalid
        except InvalidValue as value:
            raise PayloadInvalid(Code.MESSAGE_VALUE, (), request) from value

    def _asked(self, request: ItkRequest) -> Asked:
        facts = read_access_facts(request.envelope, self._catalogue)
        texts = {name: getattr(facts, name) for name in AccessFactsBlock.__slots__} if facts else {}
        claims = claims_from(texts)
        message = MessageRef(
            id=MessageId.read(request.message_id),
            tracking_id=request.tracking_id,
            expires=request.expires + timedelta(minutes=2),
        )
        return Asked(
            request=request,
            credentials=_credentials(request, facts),
            claims=claims,
            facts=facts,
            message=message,
            numbers=self._numbers,
        )

    def write(self, wire: WireRequest, call: Call, outcome: Outcome) -> WireResponse:
        """A normal response. Raises InternalError where what was built is not valid (SMSP-0002 through `refuse`)."""
        request = call.reading
        if not isinstance(request, ItkRequest):
            raise InternalError
        payload_id = self._ids.new()
        payload, _ = self._exchanges[request.operation.name].write(request, call, outcome, payload_id)
        return self._respond(request, payload, payload_id)

    def refuse(self, wire: WireRequest, call: Call | None, error: GatewayError) -> WireResponse:
        """A response with a code where the operation is known and the tables say so, else a fault."""
        request = error.request if isinstance(error, PayloadInvalid) else call.reading if call is not None else None
        answer = codes.answer_for(error, request.operation if isinstance(request, ItkRequest) else None)
        if isinstance(answer, codes.ToolkitFault) or not isinstance(request, ItkRequest):
            assert isinstance(answer, codes.ToolkitFault)
            return self._fault(wire, answer, error, request.message_id if isinstance(request, ItkRequest) else None)
        payload_id = self._ids.new()
        payload = self._exchanges[request.operation.name].fail(request.operation, payload_id, answer)
        return self._respond(request, payload, payload_id)

    def _respond(self, request: ItkRequest, payload: etree._Element, payload_id: str) -> WireResponse:
        if self._catalogue.validate(request.operation.response_root, payload):
            raise GatewayError(Code.ANSWER_INVALID)
        identity = f"urn:nhs-uk:identity:ods:{self._provider}"
        distribution = build_response(
            request,
            payload,
            tracking_id=self._ids.new(),
            payload_id=payload_id,
            audit_identity=identity,
            sender_address=f"urn:nhs-uk:addressing:ods:{self._provider}",
        )
        message = build_response_message(request, distribution, message_id=self._ids.new())
        return WireResponse(status=200, media_type=ANSWER, body=serialize(message))

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


def _credentials(request: ItkRequest, facts: AccessFactsBlock | None) -> Credentials:
    """The user's token, and whom the audit identity names: typed SDS ids before the Toolkit's URI."""
    security = request.envelope.security
    tokens = [compact_token(token) for token in security.tokens if token.value_type == JWT_TOKEN] if security else []
    if facts is not None and facts.user_token is not None:
        tokens.append(facts.user_token)
    if len(set(tokens)) > 1:
        raise MessageInvalid(Code.MESSAGE_COMBINATION)
    named = {audit.type: audit.uri for audit in request.audit_ids}
    toolkit = next((a.uri for a in request.audit_ids if a.uri.startswith(_IDENTITY)), "")
    parts = toolkit.removeprefix(_IDENTITY).split(":") if toolkit else []
    user, role = named.get(OID_SDS_USER), named.get(OID_SDS_ROLE_PROFILE)
    if user is None and len(parts) > 1 and parts[-1].isdigit() and len(parts[-1]) == 12:
        user = parts[-1]
    try:
        return Credentials(
            token=tokens[0] if tokens else None,
            named_user=UserId(user) if user else None,
            named_role=RoleProfileId(role) if role else None,
            named_organisation=OdsCode(parts[0]) if parts and parts[0] else None,
        )
    except InvalidValue as error:
        raise MessageInvalid(Code.MESSAGE_VALUE) from error


def with_claims(asked: Asked, **changes: Any) -> dict[str, Any]:
    """The common members with some claims changed."""
    return asked.common | {"claims": replace(asked.claims, **changes)}
