"""querySCRActivity: who opened records, as a CSV report in base64.

It writes what the audit says and leaves nothing out but what the caller's own limits cut; the first line tells how much
that is.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway.adapters.mini_service_payload import Asked, Fields, broken, find, needed, number_expected
from gateway.adapters.mini_service_scr_answers import succeed
from gateway.domain.cells import safe_cell
from gateway.domain.decision import AuditEntry
from gateway.domain.errors import InternalError, InvalidValue
from gateway.domain.identifiers import NhsNumber, UserId
from gateway.domain.instants import LONDON, WireTime, to_hl7
from gateway.service.calls import ActivityCall, Call
from gateway.service.outcomes import Activity, Outcome
from gateway.xml.faults import Fault
from gateway.xml.itk import ItkRequest
from gateway.xml.names import HL7, OID_NHS_NUMBER, OID_SDS_USER, qname

MOST_ROWS = 1000
"""Accesses a report returns at most, the oldest of those found."""
LINE_END = "\r\n"
_BREAKS = re.compile(r"[\t\r\n]+")
BY_DATE, BY_PATIENT, BY_PROFESSIONAL = "01", "02", "03"
_NAMES = {
    BY_DATE: "Report By Date",
    BY_PATIENT: "Report By Patient",
    BY_PROFESSIONAL: "Report By Care Professional",
}
_GROUPER = "querySCRActivityRequestGrouper"


def activity_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The field rules of a report: its kind, its period, and whom it is about."""
    yield lambda: _kind(fields.payload)
    yield lambda: _period(fields.payload)
    yield lambda: _patient(fields)
    yield lambda: _user(fields.payload)
    yield lambda: _whom(fields.payload)


def read_query_activity(asked: Asked) -> ActivityCall:
    """QuerySCRActivityRequest -> ActivityCall; the period's last day counts. Raises MessageInvalid."""
    _kind(asked.payload)
    start, end = _period(asked.payload)
    patient, user = _patient(asked), _user(asked.payload)
    _whom(asked.payload)
    return ActivityCall(**asked.common, start=start, end=end, patient=patient, user=user, limit=MOST_ROWS)


def _kind(payload: etree._Element) -> None:
    """The report's code and its name say the same."""
    code = needed(payload, "code")
    name = _NAMES.get(code.get("code", ""))
    if name is None or name != code.get("displayName"):
        expected = f"the name of the code: {name}" if name else "the name of the code"
        raise broken(Fault.REPORT_KIND, code, expected, attribute="displayName")


def _whom(payload: etree._Element) -> None:
    """A report by patient names one, a report by care professional names one."""
    kind, grouper = needed(payload, "code").get("code"), needed(payload, _GROUPER)
    for asks, part in ((BY_PATIENT, "person.NHSNumber"), (BY_PROFESSIONAL, "subject.SDSUserId")):
        if kind == asks and find(grouper, f"{part}/value") is None:
            raise broken(Fault.REPORT_KIND, grouper, f"{part}: {_NAMES[asks]} asks about one")


def _period(payload: etree._Element) -> tuple[datetime, datetime]:
    """First instant, and the first instant behind the period."""
    period = needed(payload, f"{_GROUPER}/parameter.Period")
    value = find(period, "value")
    low, high = (find(value, name) if value is not None else None for name in ("low", "high"))
    if low is None or high is None:
        raise broken(Fault.PERIOD, value if value is not None else period, "low and high, YYYYMMDD")
    start, end = _moment(low).instant.astimezone(UTC), _moment(high)
    after = end.instant.astimezone(UTC) + timedelta(seconds=1) if end.has_time else _next_day(end)
    if after <= start:
        raise broken(Fault.PERIOD, high, "high not before low", attribute="value")
    return start, after


def _moment(element: etree._Element) -> WireTime:
    try:
        moment = WireTime(element.get("value", ""))
    except InvalidValue as error:
        raise broken(Fault.PERIOD, element, "YYYYMMDD", attribute="value") from error
    if moment.date is None:
        raise broken(Fault.PERIOD, element, "YYYYMMDD", attribute="value")
    return moment


def _next_day(moment: WireTime) -> datetime:
    assert moment.date is not None
    day = moment.date + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def _patient(fields: Fields) -> NhsNumber | None:
    value = find(fields.payload, f"{_GROUPER}/person.NHSNumber/value")
    if value is None:
        return None
    try:
        if value.get("root", OID_NHS_NUMBER) == OID_NHS_NUMBER:
            return fields.numbers.read(value.get("extension", ""))
    except InvalidValue:
        pass
    if value.get("root", OID_NHS_NUMBER) != OID_NHS_NUMBER:
        raise broken(Fault.NHS_NUMBER, value, f"root {OID_NHS_NUMBER}, or none", attribute="root")
    raise broken(Fault.NHS_NUMBER, value, number_expected(fields.numbers), attribute="extension")


def _user(payload: etree._Element) -> UserId | None:
    value = find(payload, f"{_GROUPER}/subject.SDSUserId/value")
    if value is None:
        return None
    try:
        if value.get("root", OID_SDS_USER) == OID_SDS_USER:
            return UserId(value.get("extension", ""))
    except InvalidValue:
        pass
    if value.get("root", OID_SDS_USER) != OID_SDS_USER:
        raise broken(Fault.USER_ID, value, f"root {OID_SDS_USER}, or none", attribute="root")
    raise broken(Fault.USER_ID, value, "an SDS user id of twelve digits", attribute="extension")


def write_query_activity(request: ItkRequest, call: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Activity -> QuerySCRActivityResponse with the report as base64 text/csv."""
    if not isinstance(outcome, Activity) or not isinstance(call, ActivityCall):
        raise InternalError
    text = etree.Element(qname(HL7, "text"), mediaType="text/csv", representation="B64")
    text.text = base64.b64encode(report(request.payload, call, outcome).encode("utf-8")).decode("ascii")
    return succeed(request.operation, payload_id, text)


def report(payload: etree._Element, call: ActivityCall, activity: Activity) -> str:
    """The CSV: a line about the report, then one line an access, oldest first; every field quoted, lines parted by CR LF."""
    period = (needed(payload, f"{_GROUPER}/parameter.Period/value/{name}").get("value") for name in ("low", "high"))
    head = (
        to_hl7(activity.made),
        str(len(activity.rows)),
        str(activity.found),
        *period,
        call.patient.value if call.patient else None,
        call.user.value if call.user else None,
    )
    name = activity.organisation.name
    return LINE_END.join(map(_line, [head, *(_access(row, name) for row in activity.rows)]))


def _access(row: AuditEntry, organisation_name: str) -> tuple[str | None, ...]:
    return (
        row.organisation.value if row.organisation else None,
        organisation_name,
        row.patient.value if row.patient else None,
        row.user.value if row.user else None,
        row.role,
        row.user_name,
        "T" if row.emergency else "F",
        row.note,
        to_hl7(row.at),
    )


def _line(fields: Iterable[str | None]) -> str:
    """Each field in double quotes on one line; a quote inside is doubled (RFC 4180), and none is a formula."""
    texts = (safe_cell(_BREAKS.sub(" ", field or "")) for field in fields)
    return ",".join('"' + text.replace('"', '""') + '"' for text in texts)
