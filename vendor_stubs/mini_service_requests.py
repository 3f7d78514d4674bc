"""The request payloads of the eleven mini-service operations, as trees in the public schemas' order.

What is not said is left out; nothing is checked here that the service checks.
"""

from datetime import date

from lxml import etree

from vendor_stubs.calling import itk
from vendor_stubs.calling.itk import OID_ROLE_PROFILE, OID_USER, item
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.xml import HL7, Element, add, qname

OID_NHS_NUMBER = "2.16.840.1.113883.2.1.4.1"
OID_GENDER = "2.16.840.1.113883.2.1.3.2.4.16.25"
OID_PDS_MESSAGE = "2.16.840.1.113883.2.1.3.2.4.17.284"
GENDERS = {"not-known": "0", "male": "1", "female": "2", "not-specified": "9"}
REPORTS = {"01": "Report By Date", "02": "Report By Patient", "03": "Report By Care Professional"}


def flag(*, value: bool) -> str:
    """A boolean as HL7 writes it."""
    return "true" if value else "false"


def query_scr(request: ViewRequest, message_id: str) -> Element:
    """QuerySCRRequest. An override's note is the reason; an extended permission's last day its duration."""
    emergency = request.permission in {"emergency", "best-interests"}
    root = itk.payload_root("QuerySCRRequest", message_id)
    group = add(root, "querySCRGrouper")
    item(group, "createPTV.Value", value=flag(value=request.permission in {"yes", "extended", "proxy"}))
    item(group, "emergencyAccess.Value", value=flag(value=emergency))
    if emergency and request.note:
        item(group, "emergencyAccessReason.Value").text = request.note
    item(group, "person.NHSNumber", extension=request.nhs_number)
    if request.permission == "extended" and request.until is not None:
        add(item(group, "pTVDuration.Value"), "high", value=_digits(request.until))
    item(group, "selfClaimLR.Value", value=flag(value=request.relationship == "self-claimed"))
    return root


def get_scr_status(nhs_number: str, message_id: str) -> Element:
    """GetSCRStatusRequest."""
    root = itk.payload_root("GetSCRStatusRequest", message_id)
    item(add(root, "getSCRStatusRequestGrouper"), "person.NHSNumber", extension=nhs_number)
    return root


def get_rbac_status(message_id: str) -> Element:
    """GetRBACStatusRequest: the user stands in the envelope."""
    return itk.payload_root("GetRBACStatusRequest", message_id)


def query_ptv(nhs_number: str, message_id: str) -> Element:
    """QueryPTVRequest."""
    root = itk.payload_root("QueryPTVRequest", message_id)
    item(add(root, "queryPTVGrouper"), "person.NHSNumber", extension=nhs_number)
    return root


def create_ptv(
    nhs_number: str,
    professionals: tuple[tuple[str, str], ...],
    message_id: str,
    *,
    until: date | None = None,
    hours: int | None = None,
) -> Element:
    """CreatePTVRequest for (user id, role profile id) of one to fifty professionals, until a day, for hours, or as the provider's default."""
    times: tuple[Element, ...] = ()
    if until is not None or hours is not None:
        time = etree.Element(qname(HL7, "effectiveTime"))
        if until is not None:
            add(time, "high", value=_digits(until))
        else:
            add(time, "width", value=str(hours), unit="h")
        times = (time,)
    root = itk.payload_root("CreatePTVRequest", message_id, before_id=times)
    add(add(add(root, "subject"), "patient"), "id", extension=nhs_number)
    for uid, role in professionals:
        person = add(add(root, "subject1"), "sDSSubject")
        add(person, "id", root=OID_USER, extension=uid)
        add(person, "id", root=OID_ROLE_PROFILE, extension=role)
    return root


def query_scr_activity(
    start: date, end: date, message_id: str, *, nhs_number: str | None = None, user: str | None = None
) -> Element:
    """QuerySCRActivityRequest: by date, or by patient or professional where one is named."""
    kind = "03" if user is not None else "02" if nhs_number is not None else "01"
    code = etree.Element(qname(HL7, "code"), {"code": kind, "displayName": REPORTS[kind]})
    root = itk.payload_root("QuerySCRActivityRequest", message_id, before_id=(code,))
    group = add(root, "querySCRActivityRequestGrouper")
    period = item(group, "parameter.Period")
    add(period, "low", value=_digits(start))
    add(period, "high", value=_digits(end))
    if nhs_number is not None:
        item(group, "person.NHSNumber", extension=nhs_number)
    if user is not None:
        item(group, "subject.SDSUserId", extension=user)
    return root


def _digits(day: date) -> str:
    return day.strftime("%Y%m%d")


def person_query(
    operation: str,
    message_id: str,
    *,
    born: str,
    gender: str | None = None,
    nhs_number: str | None = None,
    family: str | None = None,
    given: str | None = None,
    postcode: str | None = None,
) -> Element:
    """The request of a PDS operation, such as verifyNHSNumber. `born`: YYYYMMDD, or less of it; `gender`: a name of GENDERS."""
    # the one root without "Request"
    name = operation if operation == "getPatientDetails" else f"{operation}Request"
    root = itk.payload_root(f"{name}-v1-0", message_id)
    root.set("classCode", "CACT")
    root.set("moodCode", "EVN")
    add(root, "code", code=f"{operation}Request-v1-0", codeSystem=OID_PDS_MESSAGE)
    event = add(root, "queryEvent")
    _part(event, "DateOfBirth", value=born)
    if gender is not None:
        _part(event, "Gender", code=GENDERS[gender], codeSystem=OID_GENDER)
    if nhs_number is not None:
        _part(event, "NHSNumber", root=OID_NHS_NUMBER, extension=nhs_number)
    if family is not None or given is not None:
        value = _part(event, "Name")
        for part, text in (("given", given), ("family", family)):
            if text is not None:
                add(value, part, text)
    if postcode is not None:
        add(_part(event, "Postcode"), "postalCode", postcode)
    return root


def _part(event: Element, name: str, **value: str) -> Element:
    part = add(event, f"Person.{name}")
    held = add(part, "value", **value)
    add(part, "semanticsText", f"Person.{name}")
    return held
