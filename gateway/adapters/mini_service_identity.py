"""Whom a mini-service request names and by what it would prove them: audit identity, tokens, access facts.

It reads what is claimed and proves nothing. The same rules raise at the door and are listed by the explain pass.
"""

from collections.abc import Iterator

from lxml import etree

from gateway.adapters.mini_service_payload import IdentityUnusable
from gateway.domain.errors import InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import OdsCode, RoleProfileId, UserId
from gateway.domain.permission import AccessClaims
from gateway.service.calls import Credentials
from gateway.service.claims import claims_from
from gateway.xml.access_facts import ACCESS_FACTS_TAG, AccessFactsBlock, placed
from gateway.xml.faults import Fault
from gateway.xml.findings import finding, gateway_code
from gateway.xml.itk import ItkRequest
from gateway.xml.names import ACCESS_FACTS, ITK, JWT_TOKEN, OID_SDS_ROLE_PROFILE, OID_SDS_USER, WSSE, qname
from gateway.xml.paths import elements, first
from gateway.xml.signatures import X509_TOKEN
from gateway.xml.soap import Envelope
from gateway.xml.tokens import compact_token

IDENTITY = "urn:nhs-uk:identity:ods:"
_TYPED = {
    OID_SDS_USER: (UserId, Fault.USER_ID, "an SDS user id of twelve digits"),
    OID_SDS_ROLE_PROFILE: (RoleProfileId, Fault.ROLE_PROFILE_ID, "a role profile id of twelve digits"),
}


def organisation_of(uri: str) -> str:
    """The ODS code of a Toolkit identity."""
    return uri.removeprefix(IDENTITY).split(":")[0]


def identity_findings(envelope: Envelope) -> Iterator[Finding]:
    """Ids of the audit identity that cannot be what their type says."""
    identity = first(envelope.payload, qname(ITK, "header"), qname(ITK, "auditIdentity"))
    for one in elements(identity, qname(ITK, "id")) if identity is not None else ():
        kind, fault, expected = _TYPED.get(one.get("type", ""), (None, None, ""))
        uri = one.get("uri", "").strip()
        if kind is None or fault is None or not uri:
            continue
        try:
            kind(uri)
        except InvalidValue:
            yield finding(fault, one, "uri", expected=expected)


def token_type_findings(envelope: Envelope) -> Iterator[Finding]:
    """Binary tokens that are neither a user's JWT nor a signature's certificate: one that is overlooked proves nobody."""
    security = envelope.block(qname(WSSE, "Security"))
    for token in elements(security, qname(WSSE, "BinarySecurityToken")) if security is not None else ():
        kind = token.get("ValueType")
        if kind not in {JWT_TOKEN, X509_TOKEN}:
            place = None if kind is None else "ValueType"
            yield finding(Fault.TOKEN_TYPE, token, place, expected=f'ValueType="{JWT_TOKEN}" for a user\'s token')


def token_findings(envelope: Envelope, facts: AccessFactsBlock | None) -> Iterator[Finding]:
    """Two tokens that are not the same: which of them is meant is not guessed."""
    if len(set(_tokens(envelope, facts))) > 1:
        stated = first(envelope.block(ACCESS_FACTS_TAG), qname(ACCESS_FACTS, "UserToken"))
        security = envelope.block(qname(WSSE, "Security"))
        tokens = list(elements(security, qname(WSSE, "BinarySecurityToken"))) if security is not None else []
        second = stated if stated is not None else tokens[-1]
        yield finding(Fault.TWO_PROOFS, second, clause="gateway interface, user token", expected="one token")


def _tokens(envelope: Envelope, facts: AccessFactsBlock | None) -> list[str]:
    security = envelope.security
    tokens = [compact_token(token) for token in security.tokens if token.value_type == JWT_TOKEN] if security else []
    if facts is not None and facts.user_token is not None:
        tokens.append(facts.user_token)
    return tokens


def read_credentials(request: ItkRequest, facts: AccessFactsBlock | None) -> Credentials:
    """The user's token, and whom the audit identity names: typed SDS ids before the Toolkit's URI.

    Raises MessageInvalid (two tokens), IdentityUnusable (an id that cannot be one).
    """
    if twice := tuple(token_findings(request.envelope, facts)):
        raise MessageInvalid(gateway_code(twice), twice)
    if unusable := (*token_type_findings(request.envelope), *identity_findings(request.envelope)):
        raise IdentityUnusable(gateway_code(unusable), unusable)
    named = {audit.type: audit.uri for audit in request.audit_ids}
    toolkit = next((a.uri for a in request.audit_ids if a.uri.startswith(IDENTITY)), "")
    role = named.get(OID_SDS_ROLE_PROFILE)
    tokens = _tokens(request.envelope, facts)
    try:
        users = list(_named_users(request))
        return Credentials(
            token=tokens[0] if tokens else None,
            named_user=users[0] if users else None,
            also_named=frozenset(users[1:]),
            named_role=RoleProfileId(role) if role else None,
            named_organisation=OdsCode(organisation_of(toolkit)) if toolkit else None,
        )
    except InvalidValue as error:
        raise IdentityUnusable(Fault.USER_ID.entry.code) from error


def _named_users(request: ItkRequest) -> Iterator[UserId]:
    """Every user the audit identity names: the typed ids, then what stands last in Toolkit identities, if it is a user id.

    Raises InvalidValue.
    """
    yield from (UserId(one.uri) for one in request.audit_ids if one.type == OID_SDS_USER and one.uri)
    for one in request.audit_ids:
        last = one.uri.rpartition(":")[2]
        behind_the_organisation = one.uri.startswith(IDENTITY) and one.uri.count(":") > IDENTITY.count(":")
        if behind_the_organisation and last.isdigit() and len(last) == 12:
            yield UserId(last)


def read_claims(facts: AccessFactsBlock | None, block: etree._Element | None) -> AccessClaims:
    """The claims of an AccessFacts block. Raises MessageInvalid, its findings placed at the block's own parts."""
    texts = {name: getattr(facts, name) for name in AccessFactsBlock.__slots__} if facts is not None else {}
    try:
        return claims_from(texts)
    except MessageInvalid as invalid:
        if block is None:
            raise
        found = tuple(placed(one, block) for one in invalid.findings)
        raise MessageInvalid(invalid.code, found, rules=invalid.rules) from invalid
