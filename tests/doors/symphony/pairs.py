"""The national API's samples, each with what this door makes of the same Spine answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from gateway.adapters.fhir.alerts import read_alert
from gateway.adapters.fhir.documents import document_bundle, search_link
from gateway.adapters.fhir.outcome import operation_outcome
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid, PolicyRefused
from gateway.domain.identifiers import Asid, NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.record import SummaryRecord
from gateway.spine.entries import read_coded
from gateway.spine.presentation import read_presentation
from gateway.spine.psis import read_event_list
from gateway.spine.summary import read_summary
from tests.doors import records
from tests.doors.symphony.comparing import HL7, Json, Pair
from tests.doors.symphony.fhir_answers import BASE, NOW, NUMBERS, SYSTEM, bundle_of, resources

NUMBER = "9995000180"
PAIRS = ("success", "additional-information", "initial-upload-org-sds")
FRAGMENTS = {
    "care-events": "care-events",
    "treatments": "treatments",
    "risks-to-patient": "risks-to-patient",
    "investigations": "investigations",
    "family-history-partial-dates": "family-history-year-only",
}


def sample(shared: Path, name: str) -> Path:
    return shared / "samples" / "spine" / name


def expected(shared: Path, name: str) -> Json:
    found: Json = json.loads(sample(shared, name).read_text(encoding="utf-8-sig"))
    return found


# What stands beside what


def bundle_pair(shared: Path, name: str) -> Pair:
    """A whole Bundle. A number that fails its check digit is replaced on both sides, since no gateway would take it."""
    root = etree.fromstring(sample(shared, f"psis/event-query/{name}.xml").read_bytes())
    theirs = expected(shared, f"fhir/bundle-get/{name}.response.json")
    [summary] = root.iter(f"{HL7}GPSummary")
    number = summary.find(f"{HL7}recordTarget/{HL7}patient/{HL7}id")
    for patient in resources(theirs, "Patient"):
        if patient["identifier"][0]["value"] == number.get("extension"):
            patient["identifier"][0]["value"] = NUMBER
    number.set("extension", NUMBER)
    [event] = root.iter("{urn:npfit:psisqr}eventID")
    [answer] = root.iter(f"{HL7}QUPC_IN210000UK04")
    created = WireTime(answer.find(f"{HL7}creationTime").get("value")).iso
    record: SummaryRecord = read_summary(summary, event.get("root"))
    ours = bundle_of(record, answer=(answer.find(f"{HL7}id").get("root"), created))
    ours |= search_link(BASE, NhsNumber(NUMBER), record.event_id)
    return Pair(sample=name, theirs=theirs, ours=ours, wire=summary)


def fragment_pair(shared: Path, source: str) -> Pair:
    """One resource of one coded entry."""
    fragment = sample(shared, f"sections/{source}.xml").read_bytes()
    wire = etree.fromstring(b'<GPSummary xmlns="urn:hl7-org:v3">' + fragment + b"</GPSummary>")
    theirs = expected(shared, f"sections/{FRAGMENTS[source]}.fhir.json")
    found = resources(bundle_of(records.record(coded=read_coded(wire))), theirs["resourceType"])
    return Pair(sample=source, theirs=theirs, ours=found[0], wire=wire)


def sections_pair(shared: Path, name: str) -> Pair:
    """The sections of a Composition."""
    html = etree.fromstring(sample(shared, f"presentation/{name}.xml").read_bytes())
    bundle = bundle_of(records.record(sections=read_presentation([html]).sections, statements=()))
    ours = {"resourceType": "Composition", "section": resources(bundle, "Composition")[0]["section"]}
    theirs = {"resourceType": "Composition", "section": expected(shared, f"presentation/{name}.fhir.json")["section"]}
    return Pair(sample=name, theirs=theirs, ours=ours, wire=html)


def document_pair(shared: Path) -> Pair:
    """A DocumentReference; addresses from the server's base on."""
    asked = NhsNumber(NUMBER)
    events = read_event_list(sample(shared, "psis/event-list/success.xml").read_bytes(), asked)
    ours = document_bundle(BASE, "B", event=events.events[0], consent=events.consent, current=asked, asked=asked)
    theirs = expected(shared, "fhir/document-reference/success.response.json")
    assert theirs["total"] == ours["total"] == 1
    [one], [other] = (
        resources(theirs, "DocumentReference"),
        resources(json.loads(json.dumps(ours)), "DocumentReference"),
    )
    for row in (one, other):
        attachment = row["content"][0]["attachment"]
        attachment["url"] = re.split("(?i)fhir/R4", attachment["url"])[-1]
        row["subject"] = {"reference": "the patient"}
    return Pair(sample="document-reference", theirs=one, ours=other, wire=None)


def refusal_pairs(shared: Path) -> Iterator[Pair]:
    """A record that may not be shown, and an alert without a patient."""
    events = read_event_list(sample(shared, "psis/event-list/no-consent.xml").read_bytes(), NhsNumber(NUMBER))
    assert (events.consent.value, events.events) == ("No", ())
    code = Code.SCR_NOT_AVAILABLE
    status, ours = operation_outcome(PolicyRefused(code, (("SCR-AVAILABLE", code),)))
    assert status == 403
    theirs = expected(shared, "fhir/bundle-get/no-consent.response.json")
    yield Pair(sample="no-consent", theirs=theirs, ours=ours, wire=None)
    request = sample(shared, "fhir/audit-event/missing-nhs-number.request.json").read_bytes()
    with pytest.raises(MessageInvalid) as caught:
        read_alert(request, NUMBERS, own_asid(request), NOW)
    status, ours = operation_outcome(caught.value)
    assert status == 400
    theirs = expected(shared, "fhir/audit-event/missing-nhs-number.response.json")
    yield Pair(sample="missing-nhs-number", theirs=theirs, ours=ours, wire=None)


def own_asid(request: bytes) -> Asid:
    """As if the sample's own system had sent it."""
    source = json.loads(request).get("source")
    return Asid(source["observer"]["identifier"]["value"]) if source else SYSTEM.asid


def all_pairs(shared: Path) -> list[Pair]:
    """Every pair there is."""
    return [
        *(bundle_pair(shared, name) for name in PAIRS),
        *(fragment_pair(shared, name) for name in FRAGMENTS),
        *(sections_pair(shared, name) for name in ("sections", "empty-h2")),
        document_pair(shared),
        *refusal_pairs(shared),
    ]
