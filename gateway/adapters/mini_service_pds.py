"""The PDS mini service's requests: five operations, their field rules beyond the schema, as traces.

A number is never searched for when its details do not agree, and details are never guessed from less than the rules ask.
"""

import re
from datetime import date
from functools import partial

from lxml import etree

from gateway.adapters.mini_service_payload import Asked, Exchange, broken, find, needed, read_number
from gateway.adapters.mini_service_pds_answers import fail, write_details, write_number, write_verdict
from gateway.domain.instants import LONDON
from gateway.domain.spine import Traits
from gateway.service.calls import CrossCheck, TraceCall
from gateway.xml.findings import Fault
from gateway.xml.names import HL7, qname
from gateway.xml.paths import text_of

LONGEST = 100
"""Characters of one part of a name, or of a postcode."""
_DIGITS = re.compile(r"[0-9]{4}(?:[0-9]{2}(?:[0-9]{2})?)?", re.ASCII)
_NAME = re.compile(r"[^*]{2,}\*|[^*]+")
"""A wildcard ends a name and stands behind two characters at least."""
_POSTCODE = re.compile(r"[A-Za-z0-9 ]+", re.ASCII)
_NOT_KNOWN = "0"


def item(asked: Asked, name: str) -> etree._Element | None:
    """The value of queryEvent/Person.`name`, or None where the item is absent or nil."""
    return find(asked.payload, f"queryEvent/Person.{name}/value")


def _birth(asked: Asked, *, whole: bool) -> str:
    """The date of birth, YYYYMMDD, or where not `whole` YYYY or YYYYMM too. Raises MessageInvalid."""
    element = needed(asked.payload, "queryEvent/Person.DateOfBirth/value")
    text = element.get("value", "")
    expected = "YYYYMMDD" if whole else "YYYYMMDD, YYYYMM or YYYY"
    if not _DIGITS.fullmatch(text) or (whole and len(text) < len("YYYYMMDD")):
        raise broken(Fault.DATE_OF_BIRTH, element, expected)
    try:
        earliest = date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    except ValueError as error:
        raise broken(Fault.DATE_OF_BIRTH, element, expected) from error
    if earliest > asked.now.astimezone(LONDON).date():
        raise broken(Fault.DATE_OF_BIRTH, element, "a date in the past")
    return text


def _name(asked: Asked, part: str, *, wildcards: bool) -> str | None:
    """`given` or `family` of Person.Name, or None where it is absent or empty. Raises MessageInvalid."""
    value = item(asked, "Name")
    element = value.find(qname(HL7, part)) if value is not None else None
    text = text_of(element)
    if element is None or not text:
        return None
    if len(text) > LONGEST or not _NAME.fullmatch(text) or ("*" in text and not wildcards):
        expected = "letters; in a search * may stand behind two of them" if wildcards else "letters, no wildcard"
        raise broken(Fault.PERSON_NAME, element, expected)
    return text


def _postcode(asked: Asked) -> str | None:
    value = item(asked, "Postcode")
    element = value.find(qname(HL7, "postalCode")) if value is not None else None
    text = text_of(element)
    if not text:
        return None
    if len(text) > LONGEST or not _POSTCODE.fullmatch(text):
        raise broken(Fault.POSTCODE, element, "letters and digits")
    return text


def _gender(asked: Asked) -> str | None:
    value = item(asked, "Gender")
    return value.get("code") if value is not None else None


def by_number(asked: Asked) -> TraceCall:
    """A number whose details must agree: whole date of birth and, where given, the names. Raises MessageInvalid."""
    birth = _birth(asked, whole=True)
    family, given = (_name(asked, part, wildcards=False) for part in ("family", "given"))
    number = read_number(asked, needed(asked.payload, "queryEvent/Person.NHSNumber/value"))
    check = CrossCheck(birth=birth, family=family, given=given)
    return TraceCall(**asked.common, patient=number, traits=None, check=check)


def by_search(asked: Asked, *, given_needed: bool) -> TraceCall:
    """A search by details: date of birth, family name and gender at least. Raises MessageInvalid."""
    birth = _birth(asked, whole=False)
    family, given = (_name(asked, part, wildcards=True) for part in ("family", "given"))
    gender, postcode = _gender(asked), _postcode(asked)
    event = needed(asked.payload, "queryEvent")
    missing = [
        name
        for name, value, asks in (
            ("family name", family, True),
            ("given name", given, given_needed),
            ("gender", gender, True),
        )
        if asks and value is None
    ]
    if missing or family is None:
        raise broken(Fault.SEARCH_DETAILS, event, " and ".join(missing))
    traits = Traits(
        family=family,
        birth=birth,
        gender=None if gender == _NOT_KNOWN else gender,
        given=given,
        postcode=postcode,
    )
    return TraceCall(**asked.common, patient=None, traits=traits)


def by_either(asked: Asked) -> TraceCall:
    """By number where one is given, with its details checked and no search behind it; else by search."""
    return by_number(asked) if item(asked, "NHSNumber") is not None else by_search(asked, given_needed=True)


_search = partial(by_search, given_needed=False)

EXCHANGES: dict[str, Exchange] = {
    "verifyNHSNumber": Exchange(read=by_number, write=write_verdict, fail=fail),
    "getNHSNumber": Exchange(read=_search, write=write_number, fail=fail),
    "getPatientDetailsByNHSNumber": Exchange(read=by_number, write=write_details, fail=fail),
    "getPatientDetailsBySearch": Exchange(read=_search, write=write_details, fail=fail),
    "getPatientDetails": Exchange(read=by_either, write=write_details, fail=fail),
}
"""Operation name -> how its payload is read and written."""
