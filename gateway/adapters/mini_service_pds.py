"""The PDS mini service's requests: five operations, their field rules beyond the schema, as traces.

A number is never searched for when its details do not agree, and details are never guessed from less than the rules ask.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from lxml import etree

from gateway.adapters.mini_service_payload import Asked, Exchange, Fields, broken, find, needed, read_number
from gateway.adapters.mini_service_pds_answers import fail, write_details, write_number, write_verdict
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import LONDON
from gateway.domain.spine import Traits
from gateway.service.calls import CrossCheck, TraceCall
from gateway.xml.faults import Fault
from gateway.xml.names import HL7, qname
from gateway.xml.paths import text_of

LONGEST = 100
"""Characters of one part of a name, or of a postcode."""
_DIGITS = re.compile(r"[0-9]{4}(?:[0-9]{2}(?:[0-9]{2})?)?", re.ASCII)
_NAME = re.compile(r"[^*]{2,}\*|[^*]+")
"""A wildcard ends a name and stands behind two characters at least."""
_POSTCODE = re.compile(r"[A-Za-z0-9 ]+", re.ASCII)
_NOT_KNOWN = "0"


def item(fields: Fields, name: str) -> etree._Element | None:
    """The value of queryEvent/Person.`name`, or None where the item is absent or nil."""
    return find(fields.payload, f"queryEvent/Person.{name}/value")


def _birth(fields: Fields, *, whole: bool) -> str:
    """The date of birth, YYYYMMDD, or where not `whole` YYYY or YYYYMM too. Raises MessageInvalid."""
    element = needed(fields.payload, "queryEvent/Person.DateOfBirth/value")
    text = element.get("value", "")
    expected = "YYYYMMDD" if whole else "YYYYMMDD, YYYYMM or YYYY"
    if not _DIGITS.fullmatch(text) or (whole and len(text) < len("YYYYMMDD")):
        raise broken(Fault.DATE_OF_BIRTH, element, expected, attribute="value")
    try:
        earliest = date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    except ValueError as error:
        raise broken(Fault.DATE_OF_BIRTH, element, f"a day of the calendar, {expected}", attribute="value") from error
    if earliest > fields.now.astimezone(LONDON).date():
        raise broken(Fault.DATE_OF_BIRTH, element, "a date that is not in the future", attribute="value")
    return text


def _name(fields: Fields, part: str, *, wildcards: bool) -> str | None:
    """`given` or `family` of Person.Name, or None where it is absent or empty. Raises MessageInvalid."""
    element, text = _part(fields, "Name", part)
    if not text:
        return None
    if len(text) > LONGEST or not _NAME.fullmatch(text) or ("*" in text and not wildcards):
        form = "a name; in a search * may stand at its end behind two letters" if wildcards else "a name without *"
        raise broken(Fault.PERSON_NAME, element, f"{form}, at most {LONGEST} characters")
    return text


def _postcode(fields: Fields) -> str | None:
    element, text = _part(fields, "Postcode", "postalCode")
    if not text:
        return None
    if len(text) > LONGEST or not _POSTCODE.fullmatch(text):
        raise broken(Fault.POSTCODE, element, "letters, digits and blanks")
    return text


def _part(fields: Fields, name: str, part: str) -> tuple[etree._Element | None, str]:
    """One part of an item's value, and its text; empty where either is absent."""
    value = item(fields, name)
    element = value.find(qname(HL7, part)) if value is not None else None
    return element, text_of(element)


def _gender(fields: Fields) -> str | None:
    value = item(fields, "Gender")
    return value.get("code") if value is not None else None


def _number(fields: Fields) -> NhsNumber:
    return read_number(fields, needed(fields.payload, "queryEvent/Person.NHSNumber/value"))


def number_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The rules of a number whose details must agree."""
    yield lambda: _birth(fields, whole=True)
    yield lambda: _number(fields)
    yield lambda: _name(fields, "given", wildcards=False)
    yield lambda: _name(fields, "family", wildcards=False)


def by_number(asked: Asked) -> TraceCall:
    """A number whose details must agree: whole date of birth and, where given, the names. Raises MessageInvalid."""
    birth = _birth(asked, whole=True)
    number = _number(asked)
    given, family = (_name(asked, part, wildcards=False) for part in ("given", "family"))
    check = CrossCheck(birth=birth, family=family, given=given)
    return TraceCall(**asked.common, patient=number, traits=None, check=check)


def _enough(fields: Fields, *, given_needed: bool) -> None:
    """Date of birth, gender and family name at least, for some operations the given name too. Raises MessageInvalid."""
    asked_for = {
        "Person.Gender": bool(_gender(fields)),
        "Person.Name/value/family": bool(_part(fields, "Name", "family")[1]),
        "Person.Name/value/given": bool(_part(fields, "Name", "given")[1]) or not given_needed,
    }
    if missing := [name for name, there in asked_for.items() if not there]:
        raise broken(Fault.SEARCH_DETAILS, needed(fields.payload, "queryEvent"), " and ".join(missing))


def search_rules(fields: Fields, *, given_needed: bool) -> Iterator[Callable[[], object]]:
    """The rules of a search by details."""
    yield lambda: _birth(fields, whole=False)
    yield lambda: _name(fields, "given", wildcards=True)
    yield lambda: _name(fields, "family", wildcards=True)
    yield lambda: _postcode(fields)
    yield lambda: _enough(fields, given_needed=given_needed)


def by_search(asked: Asked, *, given_needed: bool) -> TraceCall:
    """A search by details. Raises MessageInvalid."""
    birth = _birth(asked, whole=False)
    given, family = (_name(asked, part, wildcards=True) for part in ("given", "family"))
    postcode, gender = _postcode(asked), _gender(asked)
    _enough(asked, given_needed=given_needed)
    traits = Traits(
        family=family or "",
        birth=birth,
        gender=None if gender == _NOT_KNOWN else gender,
        given=given,
        postcode=postcode,
    )
    return TraceCall(**asked.common, patient=None, traits=traits)


def by_either(asked: Asked) -> TraceCall:
    """By number where one is given, with its details checked and no search behind it; else by search."""
    return by_number(asked) if item(asked, "NHSNumber") is not None else by_search(asked, given_needed=True)


def either_rules(fields: Fields) -> Iterator[Callable[[], object]]:
    """The rules of whichever it is."""
    return number_rules(fields) if item(fields, "NHSNumber") is not None else search_rules(fields, given_needed=True)


_searched = partial(search_rules, given_needed=False)
_search = partial(by_search, given_needed=False)

EXCHANGES: dict[str, Exchange] = {
    "verifyNHSNumber": Exchange(read=by_number, write=write_verdict, fail=fail, rules=number_rules),
    "getNHSNumber": Exchange(read=_search, write=write_number, fail=fail, rules=_searched),
    "getPatientDetailsByNHSNumber": Exchange(read=by_number, write=write_details, fail=fail, rules=number_rules),
    "getPatientDetailsBySearch": Exchange(read=_search, write=write_details, fail=fail, rules=_searched),
    "getPatientDetails": Exchange(read=by_either, write=write_details, fail=fail, rules=either_rules),
}
"""Operation name -> how its payload is read and written."""
