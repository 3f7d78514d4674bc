"""What each request asks: NHS number, event id, traits, permission. Every broken rule of a query is an AE answer.

Accepts value and semanticsText in either order, as senders differ; must not look anything up.
"""

import re
from dataclasses import dataclass, field

from vendor_stubs.cast import is_nhs_number
from vendor_stubs.spine.envelope import is_uuid
from vendor_stubs.spine.names import DISSENT_OVERRIDE, HISTORIC_INDICATOR, NHS_NUMBER
from vendor_stubs.spine.outcomes import bad_nhs_number, invalid_request
from vendor_stubs.xml import CRS, HL7, Element, elements, local_name, qname

_DATE_START = re.compile(r"[0-9]{4}([0-9]{2}){0,2}")
PERMISSIONS = {"Yes": "Yes", "No": "No", "Clear": "Ask"}


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a trace asks: family name and birth date (YYYYMMDD, or its beginning) always, the rest when given."""

    family: str = field(repr=False)
    birth: str = field(repr=False)
    given: str = field(default="", repr=False)
    gender: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class SetPermission:
    """A change of the permission to view; permission is Yes, No or Ask."""

    nhs: str = field(repr=False)
    permission: str


def _query(control_act: Element) -> Element:
    queries = control_act.findall(qname(HL7, "query"))
    if len(queries) != 1 or not elements(queries[0]):
        raise invalid_request("CONTROL_ACT_QUERY_INVALID")
    return queries[0]


def _parameter(query: Element, name: str, semantics: str) -> Element:
    """The value element of the one parameter of this name, its semanticsText checked."""
    found = query.findall(qname(HL7, name))
    if len(found) != 1:
        raise invalid_request(f"MANDATORY_FIELD_MISSING {name}")
    value = found[0].find(qname(HL7, "value"))
    text = (found[0].findtext(qname(HL7, "semanticsText")) or "").strip()
    if value is None or text.lower() != semantics.lower():
        raise invalid_request(f"MANDATORY_FIELD_MISSING {name}")
    return value


def _nhs_number(value: Element | None) -> str:
    number = "" if value is None or value.get("root") != NHS_NUMBER else value.get("extension", "")
    if not is_nhs_number(number):
        raise bad_nhs_number()
    return number


def _psis_query(control_act: Element) -> tuple[Element, str]:
    query = _query(control_act)
    override = _parameter(query, "dissentOverride", "DissentOverride")
    if override.get("codeSystem") != DISSENT_OVERRIDE:
        raise invalid_request("INVALID_OID dissentOverride")
    if override.get("code") != "0":
        raise invalid_request("dissent is never overridden in a query")
    if len(query.findall(qname(HL7, "nHSNumber"))) != 1:
        raise bad_nhs_number()
    return query, _nhs_number(_parameter(query, "nHSNumber", "NHSNumber"))


def read_event_list(control_act: Element) -> str:
    """The NHS number of an event list query."""
    query, number = _psis_query(control_act)
    if query.find(qname(HL7, "eventRecord")) is not None:
        raise invalid_request("an event list query names no event")
    return number


def read_event(control_act: Element) -> tuple[str, str]:
    """The NHS number and event id of an event query."""
    query, number = _psis_query(control_act)
    event_id = _parameter(query, "eventRecord", "EventRecord").get("root", "")
    if not is_uuid(event_id.upper()):
        raise invalid_request("eventRecord is not a UUID")
    return number, event_id.upper()


def read_retrieval(control_act: Element) -> str:
    """The NHS number of a PDS retrieval."""
    query = _query(control_act)
    historic = _parameter(query, "historicDataIndicator", "historicDataIndicator")
    if (historic.get("codeSystem"), historic.get("code")) not in {(HISTORIC_INDICATOR, "0"), (HISTORIC_INDICATOR, "1")}:
        raise invalid_request("historicDataIndicator")
    number = _nhs_number(_parameter(query, "person.id", "person.id"))
    items = query.findall(qname(HL7, "retrievalItem"))
    if not items or not all((item.findtext(qname(HL7, "semanticsText")) or "").strip() for item in items):
        raise invalid_request("MANDATORY_FIELD_MISSING retrievalItem")
    return number


def read_trace(control_act: Element) -> Traits:
    """What a simple trace asks. Elements person.name, person.birthTime, person.administrativeGenderCode, person.address."""
    query = _query(control_act)
    name = _parameter(query, "person.name", "Person.name")
    birth = _parameter(query, "person.birthTime", "Person.birthTime").get("value", "")
    family = (name.findtext(qname(HL7, "family")) or "").strip()
    if not family or not _DATE_START.fullmatch(birth):
        raise invalid_request("a trace needs a family name and a date of birth")
    gender = query.find(f"{qname(HL7, 'person.administrativeGenderCode')}/{qname(HL7, 'value')}")
    address = query.find(qname(HL7, "person.address"))
    postcode = None if address is None else address.find(f".//{qname(HL7, 'postalCode')}")
    return Traits(
        family=family,
        birth=birth,
        given=(name.findtext(qname(HL7, "given")) or "").strip(),
        gender="" if gender is None else gender.get("code", ""),
        postcode="" if postcode is None else (postcode.text or "").strip(),
    )


def read_set_permission(control_act: Element) -> SetPermission:
    """The change that crs:setResourcePermissionsRequest asks: permission to View the SCR, for everyone."""
    request = control_act.find(qname(CRS, "setResourcePermissionsRequest"))
    permissions = None if request is None else request.find(qname(CRS, "permissions"))
    if permissions is None:
        raise invalid_request("MANDATORY_FIELD_MISSING permissions")
    number = _nhs_number(permissions.find(qname(CRS, "resourceContext")))
    assertions = permissions.findall(qname(CRS, "accessControlAssertion"))
    if len(assertions) != 1:
        raise invalid_request("exactly one accessControlAssertion is needed")
    said = {
        "/".join(local_name(step) for step in (element.getparent(), element) if step is not None): element.text or ""
        for element in assertions[0].iter()
        if isinstance(element.tag, str) and not elements(element)
    }
    expected = {
        "resource/type": "SCR",
        "resource/Id": number,
        "function/context": "Consent",
        "function/code": "View",
        "accessor/type": "Everyone",
        "accessorId/name": "Everyone",
    }
    if any(said.get(path, "").strip() != text for path, text in expected.items()):
        raise invalid_request("INVALID_REQUEST accessControlAssertion")
    permission = said.get("accessControlAssertion/permission", "").strip()
    if permission not in PERMISSIONS:
        raise invalid_request("permission is not Yes, No or Clear")
    return SetPermission(nhs=number, permission=PERMISSIONS[permission])
