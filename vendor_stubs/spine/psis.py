"""The clinical store: event list and event, as PSIS answers them, and what access control lets through.

Knows patients and their permission to view; must not know HTTP. How a case misbehaves on the wire is misbehaviour.py's.
"""

from dataclasses import dataclass

from lxml import etree

from vendor_stubs import cast
from vendor_stubs.cast import Patient
from vendor_stubs.spine import names
from vendor_stubs.spine.agents import add_author
from vendor_stubs.spine.answers import Answers, Stamp
from vendor_stubs.spine.authoring import author_for
from vendor_stubs.spine.cutting import EVENT_IDS, NHS_NUMBER, PERSISTED, PLACE, Cuts
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.envelope import Message
from vendor_stubs.spine.outcomes import access_refused, nothing_found
from vendor_stubs.spine.state import State
from vendor_stubs.spine.versions import Version, listed_numbers, seed_of, version
from vendor_stubs.xml import HL7, PSIS, Element, add, fragment, qname

_PERMISSIONS = {"dissent": "No", "yes_legacy": "Yes"}
_WRONG_PATIENTS_NUMBER = "9992000112"  # whose record the store mistakes for another patient's


@dataclass(frozen=True, kw_only=True)
class Store:
    """The store with its documents, its writer of answers, subjects already cut, and the stub's memory."""

    documents: Documents
    answers: Answers
    state: State
    subjects: Cuts

    def event_list(self, message: Message, stamp: Stamp, nhs: str) -> bytes:
        """The answer to an event list query. Raises NotFulfilled: nothing found, or access refused."""
        patient, permission = self._allowed(nhs)
        listed = [version(patient, number) for number in self._numbers(patient)]
        key = (seed_of(patient), permission, tuple(one.number for one in listed))
        subject = self.subjects.get(key, lambda: _list_subject(patient, listed, permission))
        event_ids = dict(zip(EVENT_IDS, (one.event_id for one in listed), strict=False))
        return self.answers.fulfilled(message, stamp, subject.filled({NHS_NUMBER: nhs, **event_ids}))

    def event(self, message: Message, stamp: Stamp, nhs: str, event_id: str) -> bytes:
        """The answer to an event query. Raises NotFulfilled: nothing found, or access refused."""
        patient, _ = self._allowed(nhs)
        if patient.case == "consent_changed":
            raise access_refused()
        chosen = self._stored(patient, event_id)
        identifiers = {NHS_NUMBER: nhs, EVENT_IDS[0]: event_id, PERSISTED: f"{chosen.persisted:%Y%m%d%H%M%S}"}
        subject = self.subjects.get("event", _event_subject)
        filled = subject.filled(identifiers, self._document(patient, chosen))
        return self.answers.fulfilled(message, stamp, filled)

    def _allowed(self, nhs: str) -> tuple[Patient, str]:
        patient = cast.patient(nhs)
        if patient is None or not self._numbers(patient):
            raise nothing_found()
        permission = self.state.permissions.get(nhs, _PERMISSIONS.get(patient.case, "Ask"))
        if permission == "No":
            raise access_refused()
        return patient, permission

    def _numbers(self, patient: Patient) -> tuple[int, ...]:
        return listed_numbers(patient, stale_missed=patient.nhs in self.state.stale_missed)

    def _stored(self, patient: Patient, event_id: str) -> Version:
        stored = (version(patient, number) for number in self._numbers(patient))
        chosen = next((one for one in stored if one.event_id == event_id), None)
        if chosen is not None and patient.case == "stale_document" and patient.nhs not in self.state.stale_missed:
            self.state.stale_missed.add(patient.nhs)
            chosen = None
        if chosen is None:
            raise nothing_found()
        return chosen

    def _document(self, patient: Patient, chosen: Version) -> bytes:
        if patient.case == "wrong_patient":
            other = cast.patient(_WRONG_PATIENTS_NUMBER)
            if other is None:
                raise ValueError("the cast has lost the patient whose record is mistaken")
            return self.documents.summary(other, version(other, 1))
        return self.documents.summary(patient, chosen)


def _subject(response: str) -> tuple[Element, Element]:
    """The subject of an answer, and the response element in it for the stand-in patient."""
    # None is lxml's name for the default namespace
    subject = etree.Element(qname(HL7, "subject"), typeCode="SUBJ", nsmap={None: HL7, "psis": PSIS})  # type: ignore[dict-item]
    element = add(subject, qname(PSIS, response))
    patient = add(add(element, "recordTarget"), "patient")
    add(patient, "id", root=names.NHS_NUMBER, extension=NHS_NUMBER)
    return subject, element


def _list_subject(patient: Patient, listed: list[Version], permission: str) -> bytes:
    subject, response = _subject("queryResponseEventList")
    for one, stand_in in zip(listed, EVENT_IDS, strict=False):
        event = _event(response, stand_in, f"{one.persisted:%Y%m%d%H%M%S}")
        _event_author(event, patient, one)
    _permissions(response, permission)
    return fragment(subject)


def _event_subject() -> bytes:
    subject, response = _subject("queryResponseEvent")
    add(add(_event(response, EVENT_IDS[0], PERSISTED), "hl7Data"), PLACE)
    return fragment(subject)


def _event(response: Element, event_id: str, persisted: str) -> Element:
    event = add(response, "event")
    add(event, "eventID", root=event_id)
    add(event, "payloadID", root=names.INTERACTION, extension=names.PAYLOAD)
    add(event, "persistenceDate", value=persisted)
    add(event, "eventStatus", codeSystem=names.EVENT_STATUS, code="1", displayName="Normal")
    add(
        event,
        "eventType",
        codeSystem=names.SNOMED,
        code=names.GP_SUMMARY,
        displayName="General Practice Summary",
    )
    return event


def _event_author(event: Element, patient: Patient, one: Version) -> None:
    author = author_for(patient, one, seed_of(patient))
    add_author(add(event, "author"), author, f"{one.created:%Y%m%d%H%M%S}")


def _permissions(response: Element, view: str) -> None:
    permissions = etree.SubElement(response, qname(HL7, "permissions"))
    add(permissions, "resourceContext", root=names.NHS_NUMBER, extension=NHS_NUMBER)
    for function, permission in (("Store", "Yes"), ("View", view)):
        assertion = add(permissions, "accessControlAssertion")
        add(assertion, "permission", permission)
        resource = add(assertion, "resource")
        add(resource, "type", "SCR")
        add(resource, "Id", NHS_NUMBER)
        used = add(assertion, "function")
        add(used, "context", "Consent")
        add(used, "code", function)
        accessor = add(assertion, "accessor")
        add(accessor, "type", "Everyone")
        add(add(accessor, "accessorId"), "name", "Everyone")
