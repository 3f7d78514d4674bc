"""Demographics (PDS): retrieval by NHS number and simple trace.

What an answer says beyond the plain record, in the form this stub gives it:
- confidentiality: `patientRole/confidentialityCode/@code`, S sensitive (restricted), V very restricted, B business flag
  (record under review); absent for everybody else. S and V answers carry no address, telecom or registered practice.
- death: `patientPerson/deceasedTime/@value` (yyyyMMdd).
- superseded number: the answer is AA and is the current record, `patientRole/id` its current number and
  `patientRole/replacementOf/priorRole/id` the number asked for.
- registered practice: `patientPerson/playedOtherProviderPatient/subjectOf/patientCareProvisionEvent` with code 1 and
  `performer/assignedEntity/id` (root 2.16.840.1.113883.2.1.4.3).
- no such person: QUQI_IN010000UK14, AE, code 1 (and RT003); invalidated number: code 22; several matches of a trace:
  code 7; all ER in code system 2.16.840.1.113883.2.1.3.2.4.17.42.

A trace finds the cast only: exact family name (or its beginning before a `*`) and birth date (or its beginning), with given
name, gender and postcode where asked; never somebody superseded, invalidated, very restricted or generated, nor a sensitive patient by postcode.
"""

from lxml import etree

from vendor_stubs import cast
from vendor_stubs.cast import Patient
from vendor_stubs.cast.generated import digest_of
from vendor_stubs.spine import names
from vendor_stubs.spine.coding import uuid_of
from vendor_stubs.spine.outcomes import no_match, number_invalidated, several_matches
from vendor_stubs.spine.queries import Traits
from vendor_stubs.xml import HL7, Element, add, fragment, qname

_CONFIDENTIALITY = {"sensitive": "S", "very_restricted": "V", "under_review": "B"}
_WITHOUT_LOCATION = frozenset({"sensitive", "very_restricted"})
_NEVER_TRACED = frozenset({"not_on_pds", "invalidated", "superseded", "very_restricted"})
_GENDER = {"male": "1", "female": "2", "other": "9"}


def retrieve(nhs: str) -> bytes:
    """The serialised subject of the answer to a retrieval. Raises NotFulfilled: no such person, or number invalidated."""
    asked = cast.patient(nhs)
    if asked is None or asked.case == "not_on_pds":
        raise no_match()
    if asked.case == "invalidated":
        raise number_invalidated()
    current = cast.patient(asked.superseded_by) if asked.superseded_by else asked
    if current is None:
        raise no_match()
    return _subject(current, nhs)


def trace(traits: Traits) -> bytes:
    """The serialised subject of the answer to a simple trace: the one match. Raises NotFulfilled: none, or several."""
    matching = [patient for patient in cast.patients() if _matches(patient, traits)]
    if not matching:
        raise no_match()
    if len(matching) > 1:
        raise several_matches()
    return _subject(matching[0], matching[0].nhs)


def _matches(patient: Patient, traits: Traits) -> bool:
    if patient.case in _NEVER_TRACED:
        return False
    if traits.postcode and (patient.case in _WITHOUT_LOCATION or _bare(traits.postcode) != _bare(patient.postcode)):
        return False
    given = patient.name.given.casefold()
    return (
        _fits(traits.family, patient.name.family)
        and patient.dob.replace("-", "").startswith(traits.birth)
        and (not traits.given or any(_fits(traits.given, name) for name in (given, given.split()[0])))
        and (not traits.gender or traits.gender == _GENDER[patient.gender])
    )


def _fits(asked: str, name: str) -> bool:
    """Whether a name is the one asked for, capitals aside, or begins so where a `*` ends what is asked."""
    asked, name = asked.casefold(), name.casefold()
    return name.startswith(asked[:-1]) if asked.endswith("*") else name == asked


def _bare(postcode: str) -> str:
    return "".join(postcode.split()).upper()


def _subject(patient: Patient, asked: str) -> bytes:
    # None is lxml's name for the default namespace
    subject = etree.Element(qname(HL7, "subject"), typeCode="SUBJ", nsmap={None: HL7})  # type: ignore[dict-item]
    response = add(subject, "PDSResponse", classCode="OBS", moodCode="EVN")
    serial = add(add(response, "pertinentInformation", typeCode="PERT"), "pertinentSerialChangeNumber")
    add(serial, "code", code="2", codeSystem=names.PDS_ATTRIBUTE)
    add(serial, "value", value=str(1 + digest_of("serial", patient.nhs)[0] % 40))
    role = add(add(response, "subject", typeCode="SBJ"), "patientRole", classCode="PAT")
    add(role, "id", root=names.NHS_NUMBER, extension=patient.nhs)
    if patient.case in _CONFIDENTIALITY:
        add(role, "confidentialityCode", code=_CONFIDENTIALITY[patient.case])
    located = patient.case not in _WITHOUT_LOCATION
    if located:
        add(role, "telecom", use="HP", value=f"tel:{patient.phone.replace(' ', '')}")
    _person(role, patient, located=located)
    if asked != patient.nhs:
        prior = add(add(role, "replacementOf", typeCode="RPLC"), "priorRole", classCode="PAT")
        add(prior, "id", root=names.NHS_NUMBER, extension=asked)
    return fragment(subject)


def _person(role: Element, patient: Patient, *, located: bool) -> None:
    person = add(role, "patientPerson", classCode="PSN", determinerCode="INSTANCE")
    add(person, "administrativeGenderCode", code=_GENDER[patient.gender])
    add(person, "birthTime", value=patient.dob.replace("-", ""))
    if patient.died:
        add(person, "deceasedTime", value=patient.died.replace("-", ""))
    if located:
        _registered_practice(person, patient)
        part = add(person, "COCT_MT000201UK02.PartOfWhole", classCode="PART")
        address = add(part, "addr", use="H")
        for line in patient.address:
            add(address, "streetAddressLine", line)
        add(address, "postalCode", patient.postcode)
        add(part, "id", root=uuid_of("address", patient.nhs))
    part = add(person, "COCT_MT000203UK02.PartOfWhole", classCode="PART")
    named = add(part, "partPerson", classCode="PSN", determinerCode="INSTANCE")
    name = add(named, "name", use="L")
    add(name, "prefix", patient.name.title)
    for given in patient.name.given.split():
        add(name, "given", given)
    add(name, "family", patient.name.family)
    add(part, "id", root=uuid_of("name", patient.nhs))


def _registered_practice(person: Element, patient: Patient) -> None:
    played = add(person, "playedOtherProviderPatient", classCode="PAT")
    event = add(add(played, "subjectOf", typeCode="SBJ"), "patientCareProvisionEvent", classCode="PCPR", moodCode="EVN")
    add(event, "code", code="1", codeSystem=names.CARE_PROVISION)
    add(event, "id", root=uuid_of("registration", patient.nhs))
    entity = add(add(event, "performer", typeCode="PRF"), "assignedEntity", classCode="ASSIGNED")
    add(entity, "id", root=names.PDS_ORGANISATION, extension=patient.gp)
