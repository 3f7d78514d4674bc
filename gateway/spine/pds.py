"""PDS: retrieval by NHS number and simple trace, written and read. Pure.

It must never give the address, telecoms or practice of a sensitive record, nor a record under a number that is neither
the one asked for nor its recorded successor.
"""

from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import InvalidValue, NoRecord, WrongPatient
from gateway.domain.identifiers import Asid, MessageId, NhsNumber, NhsNumbers, OdsCode
from gateway.domain.instants import WireTime
from gateway.domain.spine import Address, Confidentiality, Demographics, Traits
from gateway.spine.envelope import Answer, add, hl7, read_answer, semantics, write_query
from gateway.spine.interactions import (
    OID_HISTORIC_INDICATOR,
    OID_PDS_ORGANISATION,
    PDS_RETRIEVAL,
    PDS_TRACE,
    Interaction,
    SpineAddressing,
)
from gateway.spine.outcomes import Issue, refuse, unusable
from gateway.xml.names import OID_NHS_NUMBER
from gateway.xml.paths import elements, first, local_name, text_of

_OUTCOMES = {"1": Code.PATIENT_NOT_FOUND, "7": Code.PATIENT_NOT_UNIQUE, "22": Code.NUMBER_INVALIDATED}
_CONFIDENTIALITY = {
    "N": Confidentiality.UNRESTRICTED,
    "U": Confidentiality.UNRESTRICTED,
    "S": Confidentiality.SENSITIVE,
    "R": Confidentiality.SENSITIVE,
    "V": Confidentiality.VERY_RESTRICTED,
    "REDACTED": Confidentiality.REDACTED,
    "B": Confidentiality.UNDER_REVIEW,
}
_STRICTEST = (
    Confidentiality.REDACTED,
    Confidentiality.VERY_RESTRICTED,
    Confidentiality.SENSITIVE,
    Confidentiality.UNKNOWN,
    Confidentiality.UNDER_REVIEW,
)
_INVALIDATED = "I"
_LOCATED = frozenset({Confidentiality.UNRESTRICTED, Confidentiality.UNDER_REVIEW})
"""Only these keep address, telecoms and practice."""
_PRIMARY_CARE = "1"
_PROVIDER = hl7("playedOtherProviderPatient")


def pds_retrieval(
    addressing: SpineAddressing, number: NhsNumber, *, message_id: MessageId, sender: Asid, moment: datetime
) -> bytes:
    """Bytes of the PDS retrieval of all data under one NHS number, without history."""
    query = etree.Element(hl7("query"))
    semantics(query, "historicDataIndicator", "historicDataIndicator", code="0", codeSystem=OID_HISTORIC_INDICATOR)
    semantics(query, "person.id", "person.id", root=OID_NHS_NUMBER, extension=number.value)
    add(add(query, "retrievalItem"), "semanticsText", "person.allData")
    return _message(addressing, addressing.pds_retrieval, query, message_id, sender, moment)


def pds_trace(
    addressing: SpineAddressing, traits: Traits, *, message_id: MessageId, sender: Asid, moment: datetime
) -> bytes:
    """Bytes of the simple trace by details; those not given are left out."""
    query = etree.Element(hl7("query"))
    if traits.postcode:
        add(semantics(query, "person.address", "Person.address"), "postalCode", traits.postcode)
    if traits.gender:
        semantics(query, "person.administrativeGenderCode", "Person.administrativeGenderCode", code=traits.gender)
    semantics(query, "person.birthTime", "Person.birthTime", value=traits.birth)
    name = semantics(query, "person.name", "Person.name", use="L")
    if traits.given:
        add(name, "given", traits.given)
    add(name, "family", traits.family)
    return _message(addressing, addressing.pds_trace, query, message_id, sender, moment)


def _message(
    addressing: SpineAddressing,
    interaction: Interaction,
    query: etree._Element,
    message_id: MessageId,
    sender: Asid,
    moment: datetime,
) -> bytes:
    return write_query(
        addressing, interaction, query, url=addressing.pds_url, message_id=message_id, sender=sender, moment=moment
    )


def read_demographics(
    data: bytes, asked: NhsNumber, numbers: NhsNumbers, interaction: Interaction = PDS_RETRIEVAL
) -> Demographics:
    """Reply to a retrieval -> Demographics; see `demographics_of`. Raises also what `read_answer` raises."""
    return demographics_of(read_answer(data, interaction), asked, numbers)


def read_traced(data: bytes, numbers: NhsNumbers, interaction: Interaction = PDS_TRACE) -> Demographics:
    """Reply to a trace -> the one match; see `demographics_of`. Raises also what `read_answer` raises."""
    return demographics_of(read_answer(data, interaction), None, numbers)


def demographics_of(answer: Answer, asked: NhsNumber | None, numbers: NhsNumbers) -> Demographics:
    """The PDS record. `asked` is None for a trace; a successor's record is accepted where it names `asked` as its prior.

    Raises NoRecord PATIENT_NOT_FOUND (1), PATIENT_NOT_UNIQUE (7), NUMBER_INVALIDATED (22); WrongPatient; SpineFailure
    SPINE_FAULT for other issues, SPINE_UNUSABLE where a part is missing or not what its type allows.
    """
    if not answer.fulfilled:
        _raise_outcome(answer.issues)
    response = first(answer.control_act, hl7("subject"), hl7("PDSResponse"))
    roles = [] if response is None else list(response.iter(hl7("patientRole")))
    if len(roles) > 1 and asked is None:
        raise NoRecord(Code.PATIENT_NOT_UNIQUE)
    if response is None or len(roles) != 1:
        raise unusable()
    role = roles[0]
    number = _number(role, numbers)
    requested = None if asked is None or number == asked else _predecessor(role, asked)
    return _demographics(role, number, requested, _serial(response))


def _raise_outcome(issues: tuple[Issue, ...]) -> None:
    code = _OUTCOMES.get(issues[0].code) if issues else None
    if code is None:
        refuse(issues)
    raise NoRecord(code)


def _number(role: etree._Element, numbers: NhsNumbers) -> NhsNumber:
    ids = [found for found in role.iterchildren(hl7("id")) if found.get("root") == OID_NHS_NUMBER]
    if len(ids) != 1:
        raise unusable()
    try:
        return numbers.read(ids[0].get("extension", ""))
    except InvalidValue as error:
        raise unusable() from error


def _predecessor(role: etree._Element, asked: NhsNumber) -> NhsNumber:
    """`asked`, where the record says that its number replaced it."""
    for replacement in role.iterchildren(hl7("replacementOf")):
        for prior in replacement.iterchildren(hl7("priorRole")):
            for found in prior.iterchildren(hl7("id")):
                if found.get("root") == OID_NHS_NUMBER and found.get("extension") == asked.value:
                    return asked
    raise WrongPatient


def _demographics(
    role: etree._Element, number: NhsNumber, requested: NhsNumber | None, serial: str | None
) -> Demographics:
    person = first(role, hl7("patientPerson"))
    if person is None:
        raise unusable()
    confidentiality = _confidentiality(role)
    located = confidentiality in _LOCATED
    name = _name(role)
    gender = first(person, hl7("administrativeGenderCode"))
    return Demographics(
        nhs_number=number,
        requested=requested,
        family=_text(name, "family"),
        given=tuple(text_of(part) for part in name.iterchildren(hl7("given")) if text_of(part))
        if name is not None
        else (),
        prefix=_text(name, "prefix"),
        birth=_moment(person, "birthTime"),
        gender=None if gender is None else gender.get("code"),
        deceased=_moment(person, "deceasedTime"),
        practice=_practice(person) if located else None,
        confidentiality=confidentiality,
        addresses=tuple(_addresses(role)) if located else (),
        telecoms=tuple(_telecoms(role)) if located else (),
        serial_change_number=serial,
    )


def _confidentiality(role: etree._Element) -> Confidentiality:
    """The strictest code; a code not known here is UNKNOWN, which is denied. Raises NoRecord for an invalidated number."""
    found: set[Confidentiality] = set()
    for element in role.iter(hl7("confidentialityCode")):
        code = (element.get("code") or "").strip().upper()
        if code == _INVALIDATED:
            raise NoRecord(Code.NUMBER_INVALIDATED)
        found.add(_CONFIDENTIALITY.get(code, Confidentiality.UNKNOWN))
    return next((level for level in _STRICTEST if level in found), Confidentiality.UNRESTRICTED)


def _name(role: etree._Element) -> etree._Element | None:
    """The legal name, else the first one."""
    bearers = [bearer for local in ("partPerson", "patientPerson") for bearer in _own(role, local)]
    names = [name for bearer in bearers for name in elements(bearer, hl7("name"))]
    return next((name for name in names if name.get("use") == "L"), names[0] if names else None)


def _own(role: etree._Element, local: str) -> Iterator[etree._Element]:
    """Elements that say something about the patient, not about a provider."""
    return (found for found in role.iter(hl7(local)) if next(found.iterancestors(_PROVIDER), None) is None)


def _text(parent: etree._Element | None, local: str) -> str | None:
    return text_of(first(parent, hl7(local))) or None


def _moment(person: etree._Element, local: str) -> WireTime | None:
    """None only where the element is absent: a death or birth whose time cannot be read makes the answer unusable."""
    element = first(person, hl7(local))
    if element is None:
        return None
    try:
        return WireTime((element.get("value") or "").strip()[:14])
    except InvalidValue as error:
        raise unusable() from error


def _practice(person: etree._Element) -> OdsCode | None:
    """The practice of the current primary care provision (code 1, without an end)."""
    for event in person.iter(hl7("patientCareProvisionEvent")):
        code, ended = first(event, hl7("code")), first(event, hl7("effectiveTime"), hl7("high"))
        if code is None or code.get("code") != _PRIMARY_CARE or (ended is not None and ended.get("value")):
            continue
        for found in event.iter(hl7("id")):
            if found.get("root") == OID_PDS_ORGANISATION:
                try:
                    return OdsCode((found.get("extension") or "").strip().upper())
                except InvalidValue:
                    return None  # no practice is the stricter reading (P-36)
    return None


def _addresses(role: etree._Element) -> Iterator[Address]:
    for element in _own(role, "addr"):
        lines = [text_of(part) for part in elements(element) if local_name(part) != "postalCode"]
        if not len(element):
            lines = [text_of(element)]
        postcode = _text(element, "postalCode")
        if any(lines) or postcode:
            yield Address(use=element.get("use"), lines=tuple(line for line in lines if line), postcode=postcode)


def _telecoms(role: etree._Element) -> Iterator[tuple[str | None, str]]:
    for element in _own(role, "telecom"):
        value = (element.get("value") or "").strip()
        if value:
            yield element.get("use"), value


def _serial(response: etree._Element) -> str | None:
    for information in response.iterchildren(hl7("pertinentInformation")):
        value = first(information, hl7("pertinentSerialChangeNumber"), hl7("value"))
        if value is not None:
            return value.get("value")
    return None
