"""The PDS mini service's responses: a verdict, a number, or a patient's details, in the public schemas' order.

It never writes an address, telecom or practice that demographics do not carry: those of protected patients carry none.
"""

import re

from lxml import etree

from gateway.adapters.mini_service_codes import SUCCESS, SUPERSEDED
from gateway.domain.errors import InternalError
from gateway.domain.identifiers import NhsNumber
from gateway.domain.spine import Address, Confidentiality, Demographics
from gateway.service.calls import Call
from gateway.service.outcomes import Outcome, Traced
from gateway.xml.itk import ItkRequest
from gateway.xml.itk_answers import hl7_element
from gateway.xml.names import (
    HL7,
    OID_GENDER,
    OID_GP_PRACTICE,
    OID_NHS_NUMBER,
    OID_PDS_MESSAGE,
    OID_PDS_RESPONSE,
    OID_VALID_IDENTIFIER,
    qname,
)
from gateway.xml.operations import Operation

ADDRESS_LINES = 5
MOST_ADDRESSES = 3
_ADDRESS_USES = frozenset({"H", "HP", "HV", "TMP", "PST", "PHYS", "BAD", "WP"})
_TELECOM_USES = frozenset({"H", "HP", "HV", "WP", "AS", "EC", "MC", "PG"})
_GENDERS = frozenset({"0", "1", "2", "9"})
_URL = re.compile(r"[+\-0-9a-z]+:.*", re.ASCII)
_NUMBER_ALONE = frozenset({Confidentiality.VERY_RESTRICTED, Confidentiality.REDACTED, Confidentiality.UNKNOWN})
"""Nothing but the number is told of these patients."""


def fail(operation: Operation, payload_id: str, code: str) -> etree._Element:
    """A failure is id, code and value, nothing else."""
    root = hl7_element(operation.response_root, classCode="OBS", moodCode="EVN")
    _add(root, "id", root=payload_id)
    _add(root, "code", code=operation.response_root, codeSystem=OID_PDS_MESSAGE)
    _add(root, "value", code=code, codeSystem=OID_PDS_RESPONSE)
    return root


def _answer(request: ItkRequest, outcome: Outcome, payload_id: str) -> tuple[etree._Element, Demographics]:
    """The response's root with its code, and whom it is about. A superseded number's answer is about the current one."""
    if not isinstance(outcome, Traced):
        raise InternalError
    patient = outcome.patient
    return fail(request.operation, payload_id, SUPERSEDED if patient.requested else SUCCESS), patient


def write_verdict(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Traced -> verifyNHSNumberResponse: the number is this person's. What does not agree never comes here: it is DEMOG-0040."""
    root, patient = _answer(request, outcome, payload_id)
    verdict = _add(_add(root, "component", typeCode="COMP"), "validIdentifier", classCode="OBS", moodCode="EVN")
    _add(verdict, "code", code="VI", codeSystem=OID_VALID_IDENTIFIER)
    _add(verdict, "value", value="true")
    _number(_add(_add(verdict, "subject", typeCode="SBJ"), "patient", classCode="PAT"), patient.nhs_number)
    return root


def write_number(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Traced -> getNHSNumberResponse."""
    root, patient = _answer(request, outcome, payload_id)
    _patient(root, request, patient)
    return root


def write_details(request: ItkRequest, _: Call, outcome: Outcome, payload_id: str) -> etree._Element:
    """Traced -> getPatientDetailsResponse. Nothing is told of a very restricted patient but the number."""
    root, patient = _answer(request, outcome, payload_id)
    element = _patient(root, request, patient)
    if patient.confidentiality in _NUMBER_ALONE:
        return root
    _name(element, patient)
    for address in patient.addresses[:MOST_ADDRESSES]:
        _address(element, address)
    for use, value in patient.telecoms:
        telecom = _add(element, "telecom", value=value if _URL.fullmatch(value) else f"tel:{value}")
        if use in _TELECOM_USES:
            telecom.set("use", str(use))
    _person(element, patient)
    return root


def _patient(root: etree._Element, request: ItkRequest, patient: Demographics) -> etree._Element:
    """subject/patient with the NHS number and, where the caller gave one, its own id of the patient."""
    element = _add(_add(root, "subject", typeCode="SBJ"), "patient", classCode="PAT")
    _number(element, patient.nhs_number)
    steps = ("queryEvent", "Person.LocalIdentifier", "value")
    local = request.payload.find("/".join(qname(HL7, step) for step in steps))
    if local is not None:
        _add(element, "id", root=local.get("root", ""), extension=local.get("extension", ""))
    return element


def _number(parent: etree._Element, number: NhsNumber) -> None:
    _add(parent, "id", root=OID_NHS_NUMBER, extension=number.value)


def _name(element: etree._Element, patient: Demographics) -> None:
    """Prefix, at most two given parts, family: further given names stand with the second."""
    if not (patient.prefix or patient.given or patient.family):
        return
    name = _add(element, "name")
    given = (*patient.given[:1], " ".join(patient.given[1:]))
    for local, text in (("prefix", patient.prefix), *(("given", one) for one in given), ("family", patient.family)):
        if text:
            _add(name, local).text = text


def _address(element: etree._Element, address: Address) -> None:
    """The postcode, then exactly five lines: further lines stand with the fifth, missing ones are empty."""
    addr = _add(element, "addr")
    if address.use in _ADDRESS_USES:
        addr.set("use", str(address.use))
    if address.postcode:
        _add(addr, "postalCode").text = address.postcode
    lines = [*address.lines[: ADDRESS_LINES - 1], ", ".join(address.lines[ADDRESS_LINES - 1 :])]
    for line in (*lines, *[""] * ADDRESS_LINES)[:ADDRESS_LINES]:
        _add(addr, "streetAddressLine").text = line or None


def _person(element: etree._Element, patient: Demographics) -> None:
    person = _add(element, "patientPerson", classCode="PSN", determinerCode="INSTANCE")
    if patient.gender in _GENDERS:
        _add(person, "administrativeGenderCode", code=str(patient.gender), codeSystem=OID_GENDER)
    for local, moment in (("birthTime", patient.birth), ("deceasedTime", patient.deceased)):
        if moment is not None:
            _add(person, local, value=moment.text.replace("-", ""))
    if patient.practice is not None:
        practice = _add(person, "gPPractice", classCode="SDLOC")
        organisation = _add(practice, "locationOrganization", classCode="ORG", determinerCode="INSTANCE")
        _add(organisation, "id", root=OID_GP_PRACTICE, extension=patient.practice.value)


def _add(parent: etree._Element, local: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, qname(HL7, local), attributes)
