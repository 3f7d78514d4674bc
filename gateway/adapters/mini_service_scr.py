"""The SCR mini service's payloads: six operations, HL7 to calls and outcomes to HL7. The document inside querySCR is passed through untouched."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from lxml import etree

from gateway.adapters.mini_service import Asked, Exchange
from gateway.adapters.mini_service_codes import DISPLAY, SUCCESS
from gateway.domain.codes import Code
from gateway.domain.errors import InternalError, InvalidValue, MessageInvalid
from gateway.domain.findings import Finding
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.permission import AccessClaims, EmergencyReason, PermissionClaim, RelationshipKind
from gateway.service.calls import Call, ViewCall
from gateway.service.outcomes import Outcome, Viewed
from gateway.xml.itk import ItkRequest
from gateway.xml.itk_answers import hl7_element
from gateway.xml.names import HL7, NPFITLC, OID_SCR_RESPONSE, qname
from gateway.xml.operations import Operation
from gateway.xml.paths import line_of, path_of

MOST_REASON = 128
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "wk": timedelta(weeks=1)}


def find(element: etree._Element, path: str) -> etree._Element | None:
    """The first element at `a/b/c` in the HL7 namespace, or None."""
    return element.find("/".join(qname(HL7, step) for step in path.split("/")))


def broken(element: etree._Element | None, code: Code, rule: str, sentence: str, expected: str) -> MessageInvalid:
    """A payload rule beyond the schema is broken at `element`."""
    path, namespaces = path_of(element) if element is not None else ("", ())
    finding = Finding(
        code=rule,
        sentence=sentence,
        line=line_of(element) if element is not None else None,
        path=path,
        namespaces=namespaces,
        clause="SCR mini service 1.0",
        expected=expected,
    )
    return MessageInvalid(code, (finding,))


def read_duration(element: etree._Element | None, now: datetime) -> datetime | None:
    """IVL_TS of a permission -> its end; None where absent or zero (the provider's default).

    Forms: `width` with unit min, h, d or wk; `low` with `high` or `width`; `high` alone. Raises MessageInvalid.
    """
    if element is None:
        return None
    low, high, width = (find(element, name) for name in ("low", "high", "width"))
    start = _instant(low) if low is not None else now
    if high is not None:
        return _instant(high, end=True)
    if width is None:
        value = element.get("value")
        return None if value is None else _instant(element, end=True)
    unit = _UNITS.get(width.get("unit", "1"))
    try:
        amount = Decimal(width.get("value", ""))
    except InvalidOperation as error:
        raise _duration_wrong(width) from error
    if unit is None or not amount.is_finite() or amount < 0 or amount > 10_000:
        raise _duration_wrong(width)
    return None if amount == 0 else start + unit * float(amount)


def _duration_wrong(element: etree._Element) -> MessageInvalid:
    expected = "a width with unit min, h, d or wk, or a low and high"
    return broken(element, Code.MESSAGE_VALUE, "duration", "The duration cannot be read.", expected)


def _instant(element: etree._Element, *, end: bool = False) -> datetime:
    try:
        moment = WireTime(element.get("value", ""))
    except InvalidValue as error:
        raise _duration_wrong(element) from error
    if end and not moment.has_time:
        return moment.instant + timedelta(days=1, seconds=-1)
    return moment.instant


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


def read_number(asked: Asked, element: etree._Element) -> NhsNumber:
    """The NHS number in `@extension`. Raises MessageInvalid."""
    try:
        return asked.numbers.read(element.get("extension", ""))
    except InvalidValue as error:
        expected = "ten digits that pass Modulus 11, of the range this installation accepts"
        raise broken(element, Code.MESSAGE_VALUE, "nhs-number", "The NHS number is not valid.", expected) from error


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
        end = read_duration(find(grouper, "pTVDuration.Value/value"), asked.request.created)
        if end is not None and permission is PermissionClaim.YES:
            permission, until = PermissionClaim.EXTENDED, end.isoformat()
    if emergency and claims.note and text and claims.note != text:
        raise broken(
            reason, Code.MESSAGE_COMBINATION, "reason-and-note", "Reason and AccessFacts note differ.", "one text"
        )
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
    code = Code.MESSAGE_COMBINATION
    if emergency and create:
        at = find(grouper, "createPTV.Value")
        raise broken(at, code, "emergency-and-permission", "Emergency access creates no permission.", "createPTV false")
    if emergency and not text:
        raise broken(at, code, "emergency-reason", "Emergency access needs its reason.", "1 to 128 characters")
    if len(text) > MOST_REASON:
        raise broken(at, Code.MESSAGE_VALUE, "emergency-reason", "The reason is too long.", "at most 128 characters")
    if text and not emergency:
        raise broken(at, code, "reason-without-emergency", "A reason is given without an emergency.", "no reason")


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
        sentence = "The payload's flags and the AccessFacts permission contradict each other."
        raise broken(grouper, Code.MESSAGE_COMBINATION, "flags-and-facts", sentence, "flags that fit the permission")
    return stated


def _response(operation: Operation, payload_id: str, code: str) -> tuple[etree._Element, etree._Element]:
    """(root, value): root with its id; the caller puts what belongs between and appends the value."""
    root = hl7_element(operation.response_root)
    etree.SubElement(root, qname(HL7, "id"), root=payload_id)
    value = etree.Element(qname(HL7, "value"), code=code, codeSystem=OID_SCR_RESPONSE, displayName=DISPLAY[code])
    return root, value


def fail(operation: Operation, payload_id: str, code: str) -> etree._Element:
    """A failure is id and value, nothing else."""
    root, value = _response(operation, payload_id, code)
    root.append(value)
    return root


def write_query_scr(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> tuple[etree._Element, str]:
    """Viewed -> QuerySCRResponse with the GP Summary exactly as Spine delivered it."""
    if not isinstance(outcome, Viewed):
        raise InternalError
    root, value = _response(request.operation, payload_id, SUCCESS)
    text = etree.SubElement(root, qname(HL7, "text"))
    wrapper = etree.SubElement(text, qname(NPFITLC, "GPSummary.text"), nsmap={"npfitlc": NPFITLC})
    wrapper.append(outcome.document.summary)
    root.append(value)
    return root, SUCCESS


EXCHANGES: dict[str, Exchange] = {
    "querySCR": Exchange(read=read_query_scr, write=write_query_scr, fail=fail),
}
"""Operation name -> how its payload is read and written."""
