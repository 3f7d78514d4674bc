"""What is known of a patient's summary -> the searchset Bundle of GET /DocumentReference. Pure.

It names one document, the newest, and exposes nothing of its content.
"""

from urllib.parse import quote

from gateway.adapters.fhir.composition import patient_resource
from gateway.adapters.fhir.datatypes import NHS_NUMBER, SCR_UUID, SNOMED, Json, concept, identifier
from gateway.adapters.fhir.shelf import Shelf
from gateway.domain.identifiers import NhsNumber
from gateway.domain.spine import Consent, Event

GP_SUMMARY = "196981000000101"
_TYPES = {GP_SUMMARY: "General Practice Summary", "196971000000103": "General Practice Initial Summary"}
_PERMISSION = "https://fhir.nhs.uk/CodeSystem/SCR-ACSPermission"


def empty_bundle(bundle_id: str) -> Json:
    """Nothing found: total 0 and no entry."""
    return {"resourceType": "Bundle", "id": bundle_id, "type": "searchset", "total": 0}


def document_bundle(
    base: str, bundle_id: str, *, event: Event, consent: Consent, current: NhsNumber, asked: NhsNumber
) -> Json:
    """One DocumentReference, its Patient with it. The attachment's address repeats the number that was asked for."""
    shelf = Shelf(base, event.id)
    patient_id = shelf.name("Patient")
    kind = concept(event.type or GP_SUMMARY, SNOMED, _TYPES.get(event.type or GP_SUMMARY))
    shelf.put(
        {
            "resourceType": "DocumentReference",
            "id": shelf.name("DocumentReference"),
            "masterIdentifier": identifier(event.id, SCR_UUID),
            "status": "current",
            "type": kind,
            "subject": {"reference": f"Patient/{patient_id}"},
            "securityLabel": [concept(consent.value, _PERMISSION)],
            "content": [{"attachment": {"url": bundle_address(base, event.id, asked)}}],
            "context": {"event": [kind]},
        },
        mode="match",
    )
    shelf.put(patient_resource(patient_id, current, asked))
    return empty_bundle(bundle_id) | {"total": 1, "entry": shelf.entries}


def bundle_address(base: str, event_id: str, number: NhsNumber) -> str:
    """Where the summary is read from."""
    return f"{base}/Bundle?composition.identifier={quote(event_id)}&composition.subject:Patient.identifier={_token(number)}"


def search_link(base: str, number: NhsNumber, event_id: str | None = None) -> Json:
    """Bundle.link of a search: the parameters that were used (R4 search, section 3.1.1.1.1), those that only repeat what is
    always so left out. `event_id`: of a search for the summary itself.
    """
    listed = f"{base}/DocumentReference?patient={_token(number)}"
    return {"link": [{"relation": "self", "url": bundle_address(base, event_id, number) if event_id else listed}]}


def _token(number: NhsNumber) -> str:
    """The number with its system; the separator `|` is percent-encoded, as an address needs."""
    return quote(f"{NHS_NUMBER}|{number.value}", safe=":/")
