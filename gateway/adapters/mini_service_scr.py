"""The SCR mini service's payloads: status, permission and the record, HL7 to calls and outcomes to HL7.

The document inside querySCR is passed through untouched.
"""

from dataclasses import replace

from lxml import etree

from gateway.adapters.mini_service_activity import read_query_activity, write_query_activity
from gateway.adapters.mini_service_payload import Asked, Exchange, broken, find, needed, read_number
from gateway.adapters.mini_service_permission import (
    read_create_ptv,
    read_duration,
    read_query_ptv,
    write_create_ptv,
    write_query_ptv,
)
from gateway.adapters.mini_service_scr_answers import fail, succeed
from gateway.domain.errors import InternalError
from gateway.domain.permission import AccessClaims, EmergencyReason, PermissionClaim, RelationshipKind
from gateway.domain.spine import Consent
from gateway.service.calls import Call, RbacCall, StatusCall, ViewCall
from gateway.service.outcomes import Outcome, Rbac, Status, Viewed
from gateway.xml.findings import Fault
from gateway.xml.itk import ItkRequest
from gateway.xml.moving import taken
from gateway.xml.names import HL7, NPFITLC, qname

MOST_REASON = 128
_RECORD_PLACE = qname(NPFITLC, "GPSummary.text")
_CONSENT = {Consent.ASK: ("2", "Ask"), Consent.YES: ("2", "Ask")}
_NO_CONSENT = ("0", "No")
"""Also where consent is told in words not known here."""


# getSCRStatus, getRBACStatus


def read_get_scr_status(asked: Asked) -> StatusCall:
    """GetSCRStatusRequest -> StatusCall. Raises MessageInvalid."""
    number = needed(asked.payload, "getSCRStatusRequestGrouper/person.NHSNumber/value")
    return StatusCall(**asked.common, patient=read_number(asked, number))


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


def _flag(grouper: etree._Element, name: str) -> bool:
    value = find(grouper, f"{name}/value")
    return value is not None and value.get("value") == "true"


def read_query_scr(asked: Asked) -> ViewCall:
    """QuerySCRRequest -> ViewCall. Raises MessageInvalid: flags that contradict each other or the access facts."""
    grouper = find(asked.payload, "querySCRGrouper")
    number = find(asked.payload, "querySCRGrouper/person.NHSNumber/value")
    assert grouper is not None
    assert number is not None
    claims = _claims(asked, grouper)
    return ViewCall(**(asked.common | {"claims": claims}), patient=read_number(asked, number), rendered=False)


def _claims(asked: Asked, grouper: etree._Element) -> AccessClaims:
    create, emergency, self_claim = (
        _flag(grouper, name) for name in ("createPTV.Value", "emergencyAccess.Value", "selfClaimLR.Value")
    )
    reason = find(grouper, "emergencyAccessReason.Value/value")
    text = " ".join((reason.text or "").split()) if reason is not None else ""
    _combinations(grouper, create=create, emergency=emergency, reason=reason, text=text)
    claims = asked.claims
    permission = _permission(claims.permission, create=create, emergency=emergency, grouper=grouper)
    until = claims.until
    if create:
        end = read_duration(find(grouper, "pTVDuration.Value/value"), asked.now)
        if end is not None and permission is PermissionClaim.YES:
            permission, until = PermissionClaim.EXTENDED, end.isoformat()
    if emergency and claims.note and text and claims.note != text:
        raise broken(Fault.REASON_AND_NOTE, reason, "one text")
    return replace(
        claims,
        permission=permission,
        until=until,
        relationship=RelationshipKind.SELF_CLAIMED if self_claim else claims.relationship,
        note=text or claims.note,
        emergency_reason=claims.emergency_reason
        or (EmergencyReason.CANNOT_ANSWER if permission is PermissionClaim.EMERGENCY else None),
    )


def _combinations(
    grouper: etree._Element, *, create: bool, emergency: bool, reason: etree._Element | None, text: str
) -> None:
    """What the schema leaves open: an emergency needs a reason, and only an emergency has one; it creates no permission."""
    at = reason if reason is not None else find(grouper, "emergencyAccess.Value")
    if emergency and create:
        raise broken(Fault.EMERGENCY_AND_PERMISSION, find(grouper, "createPTV.Value"), "createPTV false")
    if emergency is not bool(text) or len(text) > MOST_REASON:
        expected = f"1 to {MOST_REASON} characters" if emergency else "no reason without an emergency"
        raise broken(Fault.ACCESS_REASON, at, expected)


def _permission(stated: PermissionClaim, *, create: bool, emergency: bool, grouper: etree._Element) -> PermissionClaim:
    """The payload's flags and the AccessFacts block say the same, or one of them says nothing."""
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
        raise broken(Fault.FLAGS_AND_FACTS, grouper, "flags that fit the permission")
    return stated


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
    "getSCRStatus": Exchange(read=read_get_scr_status, write=write_get_scr_status, fail=fail),
    "getRBACStatus": Exchange(read=read_get_rbac_status, write=write_get_rbac_status, fail=fail),
    "queryPTV": Exchange(read=read_query_ptv, write=write_query_ptv, fail=fail),
    "createPTV": Exchange(read=read_create_ptv, write=write_create_ptv, fail=fail),
    "querySCR": Exchange(read=read_query_scr, write=write_query_scr, fail=fail),
    "querySCRActivity": Exchange(read=read_query_activity, write=write_query_activity, fail=fail),
}
"""Operation name -> how its payload is read and written."""
