"""Every mini-service operation beside the view itself: message out, and what its answer says as plain values."""

import base64
import binascii
import csv
import io
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from vendor_stubs.calling import itk
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.itk import Answer
from vendor_stubs.calling.itk_exchange import ask, sender
from vendor_stubs.calling.preparation import role_of
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.mini_service_requests import (
    create_ptv,
    get_rbac_status,
    get_scr_status,
    person_query,
    query_ptv,
    query_scr_activity,
)
from vendor_stubs.xml import HL7, Element, elements, local_name, qname

REPORT_FIELDS = ("made", "returned", "found", "from", "to", "nhs_number", "user")
ACCESS_FIELDS = (
    "organisation",
    "organisation_name",
    "nhs_number",
    "user",
    "role_profile",
    "name",
    "emergency",
    "reason",
    "at",
)
"""The fields of the report's first line and of each access behind it."""


# SCR operations


async def status(calls: Calls, uid: str, role: str | None, *, nhs_number: str) -> ViewResult:
    """getSCRStatus."""
    payload = get_scr_status(nhs_number, calls.new_id())
    return await ask(calls, itk.scr_operation("getSCRStatus"), await sender(calls, uid, role), payload, _read_status)


def _read_status(answer: Answer) -> Mapping[str, Any]:
    return {
        "exists": _flag(answer, "component/sCRExistsFlag/value"),
        "consent": answer.value("component1/sCRConsent/code", "displayName"),
    }


async def rbac(calls: Calls, uid: str, role: str | None) -> ViewResult:
    """getRBACStatus."""
    payload = get_rbac_status(calls.new_id())
    return await ask(calls, itk.scr_operation("getRBACStatus"), await sender(calls, uid, role), payload, _read_rbac)


def _read_rbac(answer: Answer) -> Mapping[str, Any]:
    return {
        "with_permission": _flag(answer, "component/withPTV/value"),
        "in_emergency": _flag(answer, "component1/inEmergency/value"),
    }


async def ptv_query(calls: Calls, uid: str, role: str | None, *, nhs_number: str) -> ViewResult:
    """queryPTV."""
    payload = query_ptv(nhs_number, calls.new_id())

    def read(answer: Answer) -> Mapping[str, Any]:
        return {"permission": _flag(answer, "component/pTVStatusFlag/value")}

    return await ask(calls, itk.scr_operation("queryPTV"), await sender(calls, uid, role), payload, read)


async def ptv_create(
    calls: Calls,
    uid: str,
    role: str | None,
    *,
    nhs_number: str,
    others: tuple[str, ...],
    until: date | None,
    hours: int | None,
) -> ViewResult:
    """createPTV: for the user alone, or for those named as UID:ROLEID."""
    if until is not None and hours is not None:
        raise WrongUsage("--until and --hours say the same thing twice: one of them")
    people = tuple((person, profile) for person, _, profile in (other.partition(":") for other in others))
    if not people:
        own = role_of(uid, role)
        if own is None:
            raise WrongUsage("a permission belongs to one role profile, and the user holds several: say --role")
        people = ((uid, own),)
    if not all(person and profile for person, profile in people):
        raise WrongUsage("--for is a user id and a role profile id, as UID:ROLEID")
    payload = create_ptv(nhs_number, people, calls.new_id(), until=until, hours=hours)
    return await ask(
        calls, itk.scr_operation("createPTV"), await sender(calls, uid, role), payload, lambda _: {"created": True}
    )


async def activity(
    calls: Calls,
    uid: str,
    role: str | None,
    *,
    start: date,
    end: date,
    nhs_number: str | None,
    user: str | None,
) -> ViewResult:
    """querySCRActivity."""
    payload = query_scr_activity(start, end, calls.new_id(), nhs_number=nhs_number, user=user)
    operation = itk.scr_operation("querySCRActivity")
    return await ask(calls, operation, await sender(calls, uid, role), payload, read_report)


def read_report(answer: Answer) -> Mapping[str, Any]:
    """The report's first line and its accesses. Raises NoAnswer: not base64 CSV of the public form."""
    text = answer.element("text")
    if text is None or text.get("representation") != "B64" or text.get("mediaType") != "text/csv":
        raise NoAnswer("the answer holds no report in base64 text/csv")
    try:
        content = base64.b64decode("".join((text.text or "").split()), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise NoAnswer("the report cannot be decoded") from error
    rows = [row for row in csv.reader(io.StringIO(content, newline="")) if row]
    if not rows or len(rows[0]) != len(REPORT_FIELDS) or any(len(row) != len(ACCESS_FIELDS) for row in rows[1:]):
        raise NoAnswer("the report does not have the fields it should have")
    return {
        "report": dict(zip(REPORT_FIELDS, rows[0], strict=True)),
        "accesses": [dict(zip(ACCESS_FIELDS, row, strict=True)) for row in rows[1:]],
    }


# PDS operations


async def verify(calls: Calls, uid: str, role: str | None, *, born: str, **said: str | None) -> ViewResult:
    """verifyNHSNumber."""

    def read(answer: Answer) -> Mapping[str, Any]:
        verdict = "component/validIdentifier"
        return {
            "valid": _flag(answer, f"{verdict}/value"),
            "nhs_number": answer.value(f"{verdict}/subject/patient/id", "extension"),
        }

    return await _person(calls, uid, role, "verifyNHSNumber", read, born=born, **said)


async def trace(calls: Calls, uid: str, role: str | None, *, born: str, **said: str | None) -> ViewResult:
    """getNHSNumber."""

    def read(answer: Answer) -> Mapping[str, Any]:
        return {"nhs_number": answer.value("subject/patient/id", "extension")}

    return await _person(calls, uid, role, "getNHSNumber", read, born=born, **said)


BY = {
    "number": "getPatientDetailsByNHSNumber",
    "search": "getPatientDetailsBySearch",
    "either": "getPatientDetails",
}


async def details(
    calls: Calls, uid: str, role: str | None, *, by: str | None, born: str, **said: str | None
) -> ViewResult:
    """One of the three getPatientDetails operations: by number where one is given, else by search, unless said."""
    way = by or ("number" if said["nhs_number"] is not None else "search")
    return await _person(calls, uid, role, BY[way], read_details, born=born, **said)


async def _person(
    calls: Calls,
    uid: str,
    role: str | None,
    operation: str,
    read: Callable[[Answer], Mapping[str, Any]],
    *,
    born: str,
    **said: str | None,
) -> ViewResult:
    payload = person_query(operation, calls.new_id(), born=born.replace("-", ""), **said)
    return await ask(calls, itk.pds_operation(operation), await sender(calls, uid, role), payload, read)


def read_details(answer: Answer) -> Mapping[str, Any]:
    """What a details answer says of the patient; None for what it leaves out."""
    patient, person = "subject/patient", "subject/patient/patientPerson"
    name = answer.element(f"{patient}/name")
    organisation = f"{person}/gPPractice/locationOrganization"
    practice = answer.element(f"{organisation}/name")
    return {
        "nhs_number": answer.value(f"{patient}/id", "extension"),
        "name": {local_name(part): part.text for part in elements(name)} if name is not None else None,
        "gender": answer.value(f"{person}/administrativeGenderCode", "code"),
        "date_of_birth": answer.value(f"{person}/birthTime"),
        "deceased": answer.value(f"{person}/deceasedTime"),
        "addresses": [_address(element) for element in _all(answer, "addr")],
        "telecoms": [str(element.get("value")) for element in _all(answer, "telecom")],
        "practice": answer.value(f"{organisation}/id", "extension"),
        "practice_name": None if practice is None else practice.text,
    }


def _all(answer: Answer, name: str) -> list[Element]:
    patient = answer.element("subject/patient")
    return [] if patient is None else patient.findall(qname(HL7, name))


def _address(element: Element) -> dict[str, Any]:
    lines = [part.text for part in elements(element) if local_name(part) == "streetAddressLine" and part.text]
    postcode = next((part.text for part in elements(element) if local_name(part) == "postalCode"), None)
    return {"use": element.get("use"), "lines": lines, "postcode": postcode}


def _flag(answer: Answer, path: str) -> bool | None:
    return {"true": True, "false": False}.get(answer.value(path) or "")
