"""queryPTV and createPTV: the permission to view, and how long one is to last.

A permission belongs to one professional in one role profile; it is never widened here to a team or an organisation.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TypeVar

from lxml import etree

from gateway.adapters.mini_service_payload import (
    Asked,
    Fields,
    Unguaranteed,
    broken,
    find,
    needed,
    read_number,
)
from gateway.adapters.mini_service_scr_answers import succeed
from gateway.domain.access import Scope
from gateway.domain.errors import InternalError, InvalidValue, MessageInvalid
from gateway.domain.identifiers import NhsNumber, RoleProfileId, UserId
from gateway.domain.instants import LONDON, WireTime
from gateway.domain.permission import PermissionAnswer
from gateway.service.calls import Call, QueryPermissionCall, RecordPermissionCall
from gateway.service.outcomes import Outcome, PermissionOnRecord, Recorded
from gateway.xml.faults import Fault
from gateway.xml.itk import ItkRequest
from gateway.xml.names import HL7, OID_SDS_ROLE_PROFILE, OID_SDS_USER, qname
from gateway.xml.paths import elements

_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "wk": timedelta(weeks=1)}
_MOST = 10_000
Id = TypeVar("Id", UserId, RoleProfileId)
_SKEW = timedelta(minutes=1)


# durations


def read_duration(element: etree._Element | None, now: datetime) -> datetime | None:
    """IVL_TS of a permission -> its end; None where absent or zero (the provider's default).

    Forms: `width` with unit min, h, d or wk; `low` with `high` or `width`; `high` or a value alone: until then. A day
    counts whole. Raises MessageInvalid: another form, a start still to come, an end that is over.
    """
    if element is None:
        return None
    low, high, width, centre = (find(element, name) for name in ("low", "high", "width", "center"))
    if centre is not None or (high is not None and width is not None):
        raise _wrong(element)
    start = now
    if low is not None:
        start = _start(low, now)
    if high is None and width is not None:
        length = _width(width)
        return None if not length else _to_come(start + length, now, width)
    bound = high if high is not None else element if element.get("value") is not None else None
    if bound is not None:
        return _to_come(_instant(bound, whole_day=True), now, bound)
    if low is not None:
        raise _wrong(element)
    return None


def _start(low: etree._Element, now: datetime) -> datetime:
    """Where a period begins; today, without a time, is now."""
    start = _instant(low)
    if start > now + _SKEW:
        raise broken(Fault.DURATION, low, "a start that is not still to come", attribute="value")
    has_time = len(low.get("value", "")) > len("YYYYMMDD")
    return start if has_time or start.astimezone(LONDON).date() != now.astimezone(LONDON).date() else now


def _width(width: etree._Element) -> timedelta:
    unit = _UNITS.get(width.get("unit", "1"))
    try:
        amount = Decimal(width.get("value", ""))
    except InvalidOperation as error:
        raise _wrong(width) from error
    if unit is None or not amount.is_finite() or not 0 <= amount <= _MOST:
        raise _wrong(width)
    return unit * float(amount)


def _to_come(end: datetime, now: datetime, element: etree._Element) -> datetime:
    if end <= now:
        raise broken(Fault.DURATION, element, "an end that is still to come", attribute="value")
    return end


def _wrong(element: etree._Element) -> MessageInvalid:
    expected = "a width with unit min, h, d or wk, a high, or a low with either"
    return broken(Fault.DURATION, element, expected)


def _instant(element: etree._Element, *, whole_day: bool = False) -> datetime:
    try:
        moment = WireTime(element.get("value", ""))
    except InvalidValue as error:
        raise _wrong(element) from error
    if moment.date is None:
        raise _wrong(element)
    if whole_day and not moment.has_time:
        return moment.instant.replace(hour=23, minute=59, second=59).astimezone(UTC)
    return moment.instant.astimezone(UTC)  # lengths of time are not to be added to a wall clock


# queryPTV


def _asked_of(fields: Fields) -> NhsNumber:
    return read_number(fields, needed(fields.payload, "queryPTVGrouper/person.NHSNumber/value"))


def query_ptv_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The field rules of queryPTV."""
    yield lambda: _asked_of(fields)


def read_query_ptv(asked: Asked) -> QueryPermissionCall:
    """QueryPTVRequest -> QueryPermissionCall. Raises MessageInvalid."""
    return QueryPermissionCall(**asked.common, patient=_asked_of(asked))


def write_query_ptv(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """PermissionOnRecord -> QueryPTVResponse."""
    if not isinstance(outcome, PermissionOnRecord):
        raise InternalError
    root = succeed(request.operation, payload_id)
    flag = etree.SubElement(etree.SubElement(root, qname(HL7, "component")), qname(HL7, "pTVStatusFlag"))
    etree.SubElement(flag, qname(HL7, "value"), value="true" if outcome.held else "false")
    return root


# createPTV


def create_ptv_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The field rules of createPTV: how long, whose record, for whom."""
    yield lambda: read_duration(find(fields.payload, "effectiveTime"), fields.now)
    yield lambda: _granting(fields)
    for subject in elements(fields.payload, qname(HL7, "subject1")):
        yield partial(_professional, subject)
    yield lambda: _each_once(fields.payload)


def read_create_ptv(asked: Asked) -> RecordPermissionCall:
    """CreatePTVRequest -> RecordPermissionCall for the professionals named. Raises MessageInvalid.

    Without a duration the permission is for one view each, as if asked just before it.
    """
    until = read_duration(find(asked.payload, "effectiveTime"), asked.now)
    number = _granting(asked)
    people = tuple(_professional(subject) for subject in elements(asked.payload, qname(HL7, "subject1")))
    _each_once(asked.payload)
    return RecordPermissionCall(
        **asked.common,
        patient=number,
        answer=PermissionAnswer.YES,
        kind="single" if until is None else "extended",
        scope=Scope.INDIVIDUAL,
        until=until,
        beneficiaries=people,
    )


def _granting(fields: Fields) -> NhsNumber:
    return read_number(fields, needed(fields.payload, "subject/patient/id"))


def _each_once(payload: etree._Element) -> None:
    """No professional is named twice; one that cannot be read is `_professional`'s business."""
    seen: set[tuple[UserId, RoleProfileId]] = set()
    for subject in elements(payload, qname(HL7, "subject1")):
        try:
            person = _professional(subject)
        except MessageInvalid:
            continue
        if person in seen:
            raise broken(Fault.PROFESSIONAL, subject, "each professional once")
        seen.add(person)


def _professional(named: etree._Element) -> tuple[UserId, RoleProfileId]:
    """Two ids: by their roots, or where both have none the user's first, then the role profile's."""
    subject = needed(named, "sDSSubject")
    ids = list(elements(subject, qname(HL7, "id")))
    if len(ids) != 2:
        raise Unguaranteed("sDSSubject/id")
    roots = [one.get("root") for one in ids]
    if roots == [OID_SDS_ROLE_PROFILE, OID_SDS_USER]:
        ids.reverse()
    elif roots not in ([OID_SDS_USER, OID_SDS_ROLE_PROFILE], [None, None]):
        expected = f"roots {OID_SDS_USER} (user) and {OID_SDS_ROLE_PROFILE} (role profile)"
        raise broken(Fault.PROFESSIONAL, subject, expected)
    return (
        _twelve_digits(UserId, ids[0], "an SDS user id of twelve digits"),
        _twelve_digits(RoleProfileId, ids[1], "a role profile id of twelve digits"),
    )


def _twelve_digits(kind: type[Id], element: etree._Element, expected: str) -> Id:
    try:
        return kind(element.get("extension", ""))
    except InvalidValue as error:
        raise broken(Fault.PROFESSIONAL, element, expected, attribute="extension") from error


def write_create_ptv(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Recorded -> CreatePTVResponse: id and value, no permission id."""
    if not isinstance(outcome, Recorded):
        raise InternalError
    return succeed(request.operation, payload_id)
