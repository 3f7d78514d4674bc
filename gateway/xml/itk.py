"""ITK mini-service requests: a SOAP envelope that holds a distribution envelope -> one frozen value, with every
envelope rule of the Toolkit checked.

It must never judge what the payload asks for, nor who the caller is: signature, username and token are proved
elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Self

from lxml import etree

from gateway.domain.errors import MessageInvalid
from gateway.domain.findings import Finding
from gateway.xml import itk_envelope_rules, itk_header_rules
from gateway.xml.catalogue import Catalogue
from gateway.xml.faults import Fault
from gateway.xml.findings import gateway_code
from gateway.xml.header_rules import normalise_uuid, read_time
from gateway.xml.itk_naming import contradiction_findings, find_operation, scr_meant
from gateway.xml.itk_outline import envelope_findings
from gateway.xml.itk_parts import manifest_items, payload_wrappers, specs
from gateway.xml.names import HL7, ITK, ITK_INTERACTION_KEY, OID_IDENTITY_TYPE, OID_NHS_NUMBER, qname
from gateway.xml.operations import Family, Operation, other_spelling
from gateway.xml.paths import elements, first, path_of
from gateway.xml.soap import Envelope

_DEFAULT_SKEW = timedelta(seconds=60)
_DEFAULT_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leniences:
    """Tolerances a registered system may be granted; all off unless its registration names them.

    Granted to everybody, because the Toolkit itself does: no SOAPAction, any charset label, any prefix, a lower-case
    or prefixed MessageID, no
    wsa:From, no senderAddress, no wsu:Id, comments and indentation; blank attributes and identities or addresses of
    another style only warn.
    """

    missing_to: bool = False
    """wsa:To may be absent."""
    reused_ids: bool = False
    """MessageID, wsu:Id, tracking id and payload id may be the same UUID."""
    sibling_profile: bool = False
    """A PDS message may name the profile of another PDS operation."""
    long_lifetime: bool = False
    """The message may live longer than the door's limit."""

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Self:
        """From names as in the registry, such as `missing-to`. Raises ValueError on an unknown one."""
        wanted = {name.replace("-", "_") for name in names}
        if unknown := wanted - {one.name for one in fields(cls)}:
            raise ValueError(f"unknown leniences: {', '.join(sorted(unknown))}")
        return cls(**dict.fromkeys(wanted, True))


STRICT = Leniences()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditId:
    """One itk:auditIdentity/id: `type` is an OID (the Toolkit's own by default), `uri` as written."""

    type: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItkRequest:
    """One mini-service request whose envelope is in order. The payload is not yet checked: see `payload_findings`."""

    operation: Operation
    message_id: str
    """UUID, capitals, without prefix"""
    tracking_id: str
    created: datetime
    expires: datetime
    username: str = field(repr=False)
    audit_ids: tuple[AuditId, ...] = field(repr=False)
    addresses: tuple[str, ...]
    sender: str | None
    profile: str | None
    interaction: str | None
    specs: tuple[tuple[str, str], ...]
    payload: etree._Element = field(repr=False)
    envelope: Envelope = field(repr=False)
    warnings: tuple[Finding, ...] = ()

    @property
    def response_profile(self) -> str:
        """The response's profile id, for SCR in the caller's spelling (`-v-1-0` or `-v1-0`)."""
        own, asked = self.operation.response_profile, self.operation.request_profile
        scr = self.operation.family is Family.SCR
        return other_spelling(own) if scr and self.profile == other_spelling(asked) else own

    @property
    def response_interaction(self) -> str | None:
        """The response's interaction in the caller's spelling; None for PDS."""
        own, asked = self.operation.response_interaction, self.operation.request_interaction
        if own is None or asked is None:
            return None
        return other_spelling(own) if self.interaction == other_spelling(asked) else own


def read_request(
    envelope: Envelope,
    catalogue: Catalogue,
    *,
    now: datetime,
    skew: timedelta = _DEFAULT_SKEW,
    max_lifetime: timedelta = _DEFAULT_LIFETIME,
    leniences: Leniences = STRICT,
    soap_action: str | None = None,
) -> ItkRequest:
    """Envelope -> ItkRequest. `now` is aware; `soap_action` is the HTTP header as received, or None.

    Raises MessageInvalid with all findings, in the order of the Toolkit tester's list; its code is that of the first.
    """
    operation, findings = request_findings(
        envelope,
        catalogue,
        now=now,
        skew=skew,
        max_lifetime=max_lifetime,
        leniences=leniences,
        soap_action=soap_action,
    )
    if findings or operation is None:
        raise MessageInvalid(gateway_code(findings), findings)
    return _value(envelope, operation)


def request_findings(
    envelope: Envelope,
    catalogue: Catalogue,
    *,
    now: datetime,
    skew: timedelta = _DEFAULT_SKEW,
    max_lifetime: timedelta = _DEFAULT_LIFETIME,
    leniences: Leniences = STRICT,
    soap_action: str | None = None,
) -> tuple[Operation | None, tuple[Finding, ...]]:
    """Everything wrong with headers and distribution envelope (rows 3 to 21), and the operation where one can be
    told.
    """
    findings = header_findings(
        envelope, now=now, skew=skew, max_lifetime=max_lifetime, leniences=leniences, soap_action=soap_action
    )
    schema = envelope_findings(catalogue, envelope.payload)  # rows 12 and 13
    operation, rules = rule_findings(envelope, leniences, soap_action)
    return operation, _once([*findings, *schema, *rules])


def header_findings(
    envelope: Envelope,
    *,
    now: datetime,
    skew: timedelta = _DEFAULT_SKEW,
    max_lifetime: timedelta = _DEFAULT_LIFETIME,
    leniences: Leniences = STRICT,
    soap_action: str | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with the SOAP headers (rows 3 to 10), with the leniences applied."""
    return tuple(
        itk_header_rules.check(
            envelope,
            now=now,
            skew=skew,
            max_lifetime=None if leniences.long_lifetime else max_lifetime,
            to_required=not leniences.missing_to,
            soap_action=soap_action,
        )
    )


def rule_findings(
    envelope: Envelope, leniences: Leniences, soap_action: str | None = None
) -> tuple[Operation | None, tuple[Finding, ...]]:
    """What the Toolkit's rules (14 to 21, and 4) say of the distribution envelope, and the operation where one can be
    told.
    """
    distribution = envelope.payload
    if distribution.tag != qname(ITK, "DistributionEnvelope"):
        return None, ()
    findings = itk_envelope_rules.check(envelope, distribution, ids_may_repeat=leniences.reused_ids)
    operation, named = find_operation(envelope, any_profile=leniences.sibling_profile, soap_action=soap_action)
    return operation, (*findings, *named)


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    """One finding per node and fault: the schema and the rules may say the same thing twice."""
    return tuple({(f.code, f.path, f.expected): f for f in reversed(findings)}.values())[::-1]


def _value(envelope: Envelope, operation: Operation) -> ItkRequest:
    distribution = envelope.payload
    header = first(distribution, qname(ITK, "header"))
    message_id = normalise_uuid(envelope.addressing.message_id)
    security = envelope.security
    assert header is not None
    assert message_id is not None
    assert security is not None
    assert security.username is not None
    assert security.timestamp is not None
    created, expires = read_time(security.timestamp.created), read_time(security.timestamp.expires)
    assert created is not None
    assert expires is not None
    sender = first(header, qname(ITK, "senderAddress"))
    identity = first(header, qname(ITK, "auditIdentity"))
    addresses = first(header, qname(ITK, "addresslist"))
    handling = specs(distribution)
    return ItkRequest(
        operation=operation,
        message_id=message_id,
        tracking_id=str(header.get("trackingid")),
        created=created,
        expires=expires,
        username=security.username,
        audit_ids=tuple(
            AuditId(type=one.get("type", OID_IDENTITY_TYPE), uri=one.get("uri", "").strip())
            for one in (elements(identity, qname(ITK, "id")) if identity is not None else ())
        ),
        addresses=tuple(one.get("uri", "") for one in (elements(addresses) if addresses is not None else ())),
        sender=sender.get("uri") if sender is not None else None,
        profile=manifest_items(distribution)[0].get("profileid"),
        interaction=next((value.strip() for key, value in handling if key.strip() == ITK_INTERACTION_KEY), None),
        specs=handling,
        payload=next(elements(payload_wrappers(distribution)[0])),
        envelope=envelope,
        warnings=tuple(itk_envelope_rules.warnings(envelope, distribution)),
    )


def payload_findings(request: ItkRequest, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Row 22: everything wrong with the payload by contradiction of names or by its schema; the answer to it is
    SMSP-0001.
    """
    distribution, operation = request.envelope.payload, request.operation
    meant = scr_meant(distribution, operation)
    contradictions = contradiction_findings(distribution, operation)
    return (*contradictions, *schema_findings(meant.request_root, request.payload, catalogue))


def schema_findings(name: str, payload: etree._Element, catalogue: Catalogue) -> tuple[Finding, ...]:
    """The payload against the schema called `name`, with the one tolerance of the SCR operations (see `tolerated`)."""
    found = catalogue.validate(name, payload)
    if not any(f.code == Fault.ATTRIBUTE_UNEXPECTED.slug for f in found):
        return found
    ignored = {path_of(element, "root")[0] for element in tolerated(payload)}
    return tuple(f for f in found if not (f.code == Fault.ATTRIBUTE_UNEXPECTED.slug and f.path in ignored))


def tolerated(payload: etree._Element) -> frozenset[etree._Element]:
    """NHS numbers of an SCR payload that carry `root` = the NHS number's OID: their schema prohibits it, real senders
    write it.
    """
    steps = (("person.NHSNumber", "value"), ("patient", "id"))
    return frozenset(
        value
        for parent, tag in steps
        for element in payload.iter(qname(HL7, parent))
        for value in elements(element, qname(HL7, tag))
        if value.get("root") == OID_NHS_NUMBER
    )
