"""The SCR mini service's payloads: status, permission and the record, HL7 to calls and outcomes to HL7.

The document inside querySCR is passed through untouched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from lxml import etree

from gateway.adapters.mini_service_activity import activity_rules, read_query_activity, write_query_activity
from gateway.adapters.mini_service_payload import Asked, Exchange, Fields, broken, find, needed, read_number
from gateway.adapters.mini_service_permission import (
    create_ptv_rules,
    query_ptv_rules,
    read_create_ptv,
    read_duration,
    read_query_ptv,
    write_create_ptv,
    write_query_ptv,
)
from gateway.adapters.mini_service_scr_answers import fail, succeed
from gateway.domain.errors import InternalError
from gateway.domain.identifiers import NhsNumber
from gateway.domain.notes import STRAIGHT, turns
from gateway.domain.permission import AccessClaims, EmergencyReason, PermissionClaim, RelationshipKind
from gateway.domain.spine import Consent
from gateway.service.calls import Call, RbacCall, StatusCall, ViewCall
from gateway.service.outcomes import Outcome, Rbac, Status, Viewed
from gateway.xml.faults import Fault
from gateway.xml.itk import ItkRequest
from gateway.xml.moving import taken
from gateway.xml.names import HL7, NPFITLC, qname

MOST_REASON = 128
_RECORD_PLACE = qname(NPFITLC, "GPSummary.text")
_CONSENT = {Consent.ASK: ("2", "Ask"), Consent.YES: ("2", "Ask")}
_NO_CONSENT = ("0", "No")
"""Also where consent is told in words not known here."""


# getSCRStatus, getRBACStatus


def _status_of(fields: Fields) -> NhsNumber:
    return read_number(fields, needed(fields.payload, "getSCRStatusRequestGrouper/person.NHSNumber/value"))


def status_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The field rules of getSCRStatus."""
    yield lambda: _status_of(fields)


def read_get_scr_status(asked: Asked) -> StatusCall:
    """GetSCRStatusRequest -> StatusCall. Raises MessageInvalid."""
    return StatusCall(**asked.common, patient=_status_of(asked))


def write_get_scr_status(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Status -> GetSCRStatusResponse."""
    if not isinstance(outcome, Status):
        raise InternalError
    root = succeed(request.operation, payload_id)
    _flag_part(root, "component", "sCRExistsFlag", value=outcome.exists)
    code, display = _CONSENT.get(outcome.consent, _NO_CONSENT)
    consent = _part(_part(root, "component1"), "sCRConsent")
    etree.SubElement(consent, qname(HL7, "code"), code=code, displayName=display)
    return root


def read_get_rbac_status(asked: Asked) -> RbacCall:
    """GetRBACStatusRequest -> RbacCall: the user stands in the envelope."""
    return RbacCall(**asked.common)


def write_get_rbac_status(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Rbac -> GetRBACStatusResponse."""
    if not isinstance(outcome, Rbac):
        raise InternalError
    root = succeed(request.operation, payload_id)
    _flag_part(root, "component", "withPTV", value=outcome.with_permission)
    _flag_part(root, "component1", "inEmergency", value=outcome.in_emergency)
    return root


def _part(parent: etree._Element, local: str) -> etree._Element:
    return etree.SubElement(parent, qname(HL7, local))


def _flag_part(root: etree._Element, component: str, local: str, *, value: bool) -> None:
    flag = _part(_part(root, component), local)
    etree.SubElement(flag, qname(HL7, "value"), value="true" if value else "false")


# querySCR


@dataclass(frozen=True, slots=True)
class _Query:
    """The parts of querySCRGrouper, as far as they are there."""

    grouper: etree._Element
    create: bool
    emergency: bool
    self_claim: bool
    reason: etree._Element | None
    text: str
    """The reason's words."""


def _query(fields: Fields) -> _Query:
    grouper = needed(fields.payload, "querySCRGrouper")
    reason = find(grouper, "emergencyAccessReason.Value/value")
    create, emergency, self_claim = (
        _flag(grouper, name) for name in ("createPTV.Value", "emergencyAccess.Value", "selfClaimLR.Value")
    )
    text = " ".join((reason.text or "").split()) if reason is not None else ""
    return _Query(grouper, create, emergency, self_claim, reason, text)


def _flag(grouper: etree._Element, name: str) -> bool:
    value = find(grouper, f"{name}/value")
    return value is not None and value.get("value") == "true"


def view_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The field rules of querySCR, in the order of its parts."""
    yield lambda: _one_way(_query(fields))
    yield lambda: _reason(_query(fields))
    yield lambda: _permission(fields, _query(fields))
    yield lambda: _relationship(fields, _query(fields))
    yield lambda: _one_text(fields, _query(fields))
    yield lambda: _viewed(fields)
    yield lambda: _duration(fields, _query(fields))


def read_query_scr(asked: Asked) -> ViewCall:
    """QuerySCRRequest -> ViewCall. Raises MessageInvalid: flags that contradict each other or the access facts."""
    claims = _claims(asked)
    return ViewCall(**(asked.common | {"claims": claims}), patient=_viewed(asked), rendered=False)


def _viewed(fields: Fields) -> NhsNumber:
    return read_number(fields, needed(fields.payload, "querySCRGrouper/person.NHSNumber/value"))


def _claims(asked: Asked) -> AccessClaims:
    query, claims = _query(asked), asked.claims
    _one_way(query)
    _reason(query)
    permission, until = _permission(asked, query), claims.until
    relationship = _relationship(asked, query)
    _one_text(asked, query)
    end = _duration(asked, query)
    if end is not None and permission is PermissionClaim.YES:
        permission, until = PermissionClaim.EXTENDED, end.isoformat()
    return replace(
        claims,
        permission=permission,
        until=until,
        relationship=relationship,
        note=query.text or claims.note,
        emergency_reason=claims.emergency_reason
        or (EmergencyReason.CANNOT_ANSWER if permission is PermissionClaim.EMERGENCY else None),
    )


def _one_way(query: _Query) -> None:
    """An emergency creates no permission."""
    if query.emergency and query.create:
        value = find(query.grouper, "createPTV.Value/value")
        raise broken(Fault.EMERGENCY_AND_PERMISSION, value, "createPTV.Value false", attribute="value")


def _reason(query: _Query) -> None:
    """Only an emergency has a reason. One that says nothing is refused by the policy, as at every door: audited with who asked (P-06)."""
    if (query.text and not query.emergency) or len(query.text) > MOST_REASON or turns(query.text):
        expected = f"emergencyAccessReason.Value with 1 to {MOST_REASON} characters, {STRAIGHT}"
        raise broken(
            Fault.ACCESS_REASON, query.reason, expected if query.emergency else "no reason without an emergency"
        )


def _one_text(fields: Fields, query: _Query) -> None:
    """The reason and the note of the access facts say the same, or one of them says nothing."""
    note = fields.claims.note
    if query.emergency and note and query.text and note != query.text:
        raise broken(Fault.REASON_AND_NOTE, query.reason, "one text")


def _duration(fields: Fields, query: _Query) -> datetime | None:
    """When a permission created with this view ends; without one the duration says nothing."""
    return read_duration(find(query.grouper, "pTVDuration.Value/value"), fields.now) if query.create else None


def _permission(fields: Fields, query: _Query) -> PermissionClaim:
    """The payload's flags and the AccessFacts block say the same, or one of them says nothing."""
    stated, create, emergency = fields.claims.permission, query.create, query.emergency
    if emergency and create:  # `_one_way` says so
        return stated
    from_flags = {
        (True, False): {PermissionClaim.YES, PermissionClaim.EXTENDED, PermissionClaim.PROXY},
        (False, True): {PermissionClaim.EMERGENCY, PermissionClaim.BEST_INTERESTS},
        (False, False): {PermissionClaim.NOT_ASKED, PermissionClaim.NO, PermissionClaim.LEGAL},
    }[create, emergency]
    if stated is PermissionClaim.NOT_ASKED:
        if create:
            return PermissionClaim.YES
        return PermissionClaim.EMERGENCY if emergency else PermissionClaim.NOT_ASKED
    if stated not in from_flags:
        expected = f"createPTV.Value and emergencyAccess.Value that fit the permission {stated.value}"
        raise broken(Fault.FLAGS_AND_FACTS, query.grouper, expected)
    return stated


def _relationship(fields: Fields, query: _Query) -> RelationshipKind | None:
    """selfClaimLR and the relationship of the AccessFacts block say the same, or one of them says nothing."""
    claims, stated = fields.claims, fields.claims.relationship
    value = find(query.grouper, "selfClaimLR.Value/value")
    self_claimed = stated is RelationshipKind.SELF_CLAIMED
    other = claims.no_relationship or (stated is not None and not self_claimed)
    if other if query.self_claim else self_claimed and value is not None:
        expected = "selfClaimLR.Value true with the relationship self-claimed, false with any other or none"
        raise broken(Fault.FLAGS_AND_FACTS, value, expected, attribute="value")
    return RelationshipKind.SELF_CLAIMED if query.self_claim else stated


def write_query_scr(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Viewed -> QuerySCRResponse around the place where the GP Summary goes (`put_record`)."""
    if not isinstance(outcome, Viewed):
        raise InternalError
    text = etree.Element(qname(HL7, "text"))
    etree.SubElement(text, _RECORD_PLACE, nsmap={"npfitlc": NPFITLC})
    return succeed(request.operation, payload_id, text)


def put_record(message: etree._Element, viewed: Viewed) -> None:
    """Moves the GP Summary, exactly as Spine delivered it, into its place in a message that is otherwise complete.

    Last of all, because moving so large a part into each wrapper in turn costs as much as copying it.
    """
    (place,) = message.iter(_RECORD_PLACE)
    place.append(taken(viewed.document.summary))


EXCHANGES: dict[str, Exchange] = {
    "getSCRStatus": Exchange(read=read_get_scr_status, write=write_get_scr_status, fail=fail, rules=status_rules),
    "getRBACStatus": Exchange(read=read_get_rbac_status, write=write_get_rbac_status, fail=fail),
    "queryPTV": Exchange(read=read_query_ptv, write=write_query_ptv, fail=fail, rules=query_ptv_rules),
    "createPTV": Exchange(read=read_create_ptv, write=write_create_ptv, fail=fail, rules=create_ptv_rules),
    "querySCR": Exchange(read=read_query_scr, write=write_query_scr, fail=fail, rules=view_rules),
    "querySCRActivity": Exchange(read=read_query_activity, write=write_query_activity, fail=fail, rules=activity_rules),
}
"""Operation name -> how its payload is read and written."""
