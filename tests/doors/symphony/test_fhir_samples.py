"""The national API's own samples against this door: equal, or different for a reason in the table of differences."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from gateway.adapters.fhir.alerts import read_alert
from gateway.adapters.fhir.documents import document_bundle, empty_bundle, search_link
from gateway.adapters.fhir.outcome import operation_outcome
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid, PolicyRefused
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import SummaryRecord
from gateway.domain.spine import Consent, Event
from gateway.spine.entries import read_coded
from gateway.spine.presentation import read_presentation
from gateway.spine.psis import read_event_list
from gateway.spine.summary import read_summary
from tests.doors import records
from tests.doors.symphony.differences import REASONS, differences, reason_of
from tests.doors.symphony.fhir_answers import BASE, NUMBERS, SYSTEM, bundle_of, resources

HL7 = "{urn:hl7-org:v3}"
PAIRS = ("success", "additional-information", "initial-upload-org-sds")
FRAGMENTS = {
    "care-events": "care-events",
    "treatments": "treatments",
    "risks-to-patient": "risks-to-patient",
    "investigations": "investigations",
    "family-history-partial-dates": "family-history-year-only",
}
OWN_IDS = {"Condition", "Observation", "Procedure", "Composition"}
"""Types whose ids come from the wire; others are invented on both sides, so that what they hold is compared in place."""

Difference = tuple[str, Any, Any]


def sample(shared: Path, name: str) -> Path:
    return shared / "samples" / "spine" / name


def expected(shared: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample(shared, name).read_text(encoding="utf-8-sig"))
    return found


def record_of(shared: Path, name: str) -> SummaryRecord:
    """The sample's summary; a number that fails its check digit is replaced, since no gateway would take it."""
    root = etree.fromstring(sample(shared, f"psis/event-query/{name}.xml").read_bytes())
    [summary] = root.iter(f"{HL7}GPSummary")
    number = summary.find(f"{HL7}recordTarget/{HL7}patient/{HL7}id")
    number.set("extension", "9995000180")
    [event] = root.iter("{urn:npfit:psisqr}eventID")
    return read_summary(summary, event.get("root"))


def whole(resource: dict[str, Any], known: dict[str, dict[str, Any]]) -> Any:
    """A resource with those it refers to in its place, where their ids are invented."""

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {name: inlined(each) for name, each in value.items()}
        target = value.get("reference")
        if isinstance(target, str) and target.split("/")[0] not in OWN_IDS | {"Patient"} and target in known:
            inner = known[target]
            found["reference"] = {name: inlined(each) for name, each in inner.items() if name != "id"}
        elif isinstance(target, str) and target.startswith("Patient/"):
            found["reference"] = "the patient"
        return found

    return inlined(resource)


def compared(theirs: dict[str, Any], ours: dict[str, Any]) -> list[Difference]:
    """Differences between two Bundles, resource by resource."""
    known = [
        {f"{row['resource']['resourceType']}/{row['resource']['id']}": row["resource"] for row in bundle["entry"]}
        for bundle in (theirs, ours)
    ]
    found: list[Difference] = []
    for name, resource in known[0].items():
        kind = resource["resourceType"]
        if kind not in OWN_IDS:
            continue
        twin = next(
            (other for other in known[1] if other == name or kind == other.split("/")[0] == "Composition"), None
        )
        assert twin is not None, f"{name} is missing"
        found += differences(whole(resource, known[0]), whole(known[1][twin], known[1]), kind)
    for one, other in zip(resources(theirs, "Device"), resources(ours, "Device"), strict=True):
        found += differences(whole(one, known[0]), whole(other, known[1]), "Device")
    kinds = [Counter(name.split("/")[0] for name in each) for each in known]
    if kinds[1].keys() - kinds[0].keys():
        found.append(("Bundle.entry more", None, None))
    found += differences({"total": theirs["total"]}, {"total": ours["total"]}, "Bundle")
    link = search_link(BASE, NhsNumber("9995000180"), "E")["link"]
    found += differences({"link": theirs.get("link")}, {"link": link}, "Bundle")
    if "search" not in theirs["entry"][0]:
        found.append(("Bundle.entry[].search", None, None))
    found += differences(theirs["entry"][0]["fullUrl"], ours["entry"][0]["fullUrl"], "Bundle.entry[].fullUrl")
    return found


def all_differences(shared: Path) -> list[Difference]:
    """Of every pair there is."""
    found: list[Difference] = []
    for name in PAIRS:
        theirs = expected(shared, f"fhir/bundle-get/{name}.response.json")
        found += compared(theirs, bundle_of(record_of(shared, name)))
    for source, target in FRAGMENTS.items():
        theirs, ours = fragment_pair(shared, source, target)
        found += differences(theirs, ours, theirs["resourceType"])
    for name in ("sections", "empty-h2"):
        theirs = expected(shared, f"presentation/{name}.fhir.json")
        found += differences({"section": theirs["section"]}, {"section": sections_of(shared, name)}, "Composition")
    found += list(document_differences(shared))
    found += list(refusal_differences(shared))
    return found


def fragment_pair(shared: Path, source: str, target: str) -> tuple[dict[str, Any], dict[str, Any]]:
    fragment = sample(shared, f"sections/{source}.xml").read_bytes()
    coded = read_coded(etree.fromstring(b'<GPSummary xmlns="urn:hl7-org:v3">' + fragment + b"</GPSummary>"))
    bundle = bundle_of(records.record(coded=coded))
    theirs = expected(shared, f"sections/{target}.fhir.json")
    return theirs, resources(bundle, theirs["resourceType"])[0]


def sections_of(shared: Path, name: str) -> list[dict[str, Any]]:
    html = etree.fromstring(sample(shared, f"presentation/{name}.xml").read_bytes())
    bundle = bundle_of(records.record(sections=read_presentation([html]).sections, statements=()))
    found: list[dict[str, Any]] = resources(bundle, "Composition")[0]["section"]
    return found


def document_differences(shared: Path) -> list[Difference]:
    asked = NhsNumber("9995000180")
    events = read_event_list(sample(shared, "psis/event-list/success.xml").read_bytes(), asked)
    ours = document_bundle(BASE, "B", event=events.events[0], consent=events.consent, current=asked, asked=asked)
    theirs = expected(shared, "fhir/document-reference/success.response.json")
    [one], [other] = resources(theirs, "DocumentReference"), resources(ours, "DocumentReference")
    assert theirs["total"] == ours["total"] == 1
    tails = [row["content"][0]["attachment"]["url"].split("FHIR/R4")[-1].split("fhir/R4")[-1] for row in (one, other)]
    for row, tail in zip((one, other), tails, strict=True):
        row["content"][0]["attachment"]["url"] = tail
        row["subject"] = {"reference": "the patient"}
    return list(differences(one, other, "DocumentReference"))


def refusal_differences(shared: Path) -> list[Difference]:
    found: list[Difference] = []
    events = read_event_list(sample(shared, "psis/event-list/no-consent.xml").read_bytes(), NhsNumber("9995000180"))
    assert (events.consent.value, events.events) == ("No", ())
    code = Code.SCR_NOT_AVAILABLE
    status, ours = operation_outcome(PolicyRefused(code, (("SCR-AVAILABLE", code),)))
    assert status == 403
    found += differences(expected(shared, "fhir/bundle-get/no-consent.response.json"), ours, "OperationOutcome")
    request = sample(shared, "fhir/audit-event/missing-nhs-number.request.json").read_bytes()
    theirs = expected(shared, "fhir/audit-event/missing-nhs-number.response.json")
    with pytest.raises(MessageInvalid) as caught:
        read_alert(request, NUMBERS, own_asid(request))
    status, ours = operation_outcome(caught.value)
    assert status == 400
    text = theirs["issue"][0]["details"]["text"]
    assert ours["issue"][0]["details"]["text"] == text
    return found + list(differences(theirs, ours, "OperationOutcome"))


def own_asid(request: bytes) -> Any:
    """As if the sample's own system had sent it."""
    source = json.loads(request).get("source")
    return type(SYSTEM.asid)(source["observer"]["identifier"]["value"]) if source else SYSTEM.asid


def test_the_specifications_example_is_ours_but_for_ids_and_one_address(shared: Path) -> None:
    theirs = expected(shared, "fhir/document-reference/spec-example.response.json")
    asked = NhsNumber("9000000009")
    event = Event(id="FA60BE64-1F34-11EB-A2A8-000C29A364EB", persisted=None, status="1", type="196981000000101")
    ours = document_bundle(BASE, "B", event=event, consent=Consent.ASK, current=asked, asked=asked)
    found = {path for path, _, _ in differences(theirs, json.loads(json.dumps(ours)), "Bundle")}
    assert found == {
        "Bundle.id",
        "Bundle.entry[].fullUrl",
        "Bundle.entry[].resource.id",
        "Bundle.entry[].resource.subject.reference",
        "Bundle.entry[].resource.content[].attachment.url",
        "Bundle.entry[].search",
    }


def test_every_difference_has_its_reason_and_every_reason_its_difference(shared: Path) -> None:
    found = all_differences(shared)
    unexplained = [(path, one, other) for path, one, other in found if reason_of(path) is None]
    assert unexplained == []
    used = {reason_of(path) for path, _, _ in found}
    assert sorted(set(REASONS) - used) == []


def test_no_word_of_the_samples_text_is_lost(shared: Path) -> None:
    assert [path for path, _, _ in all_differences(shared) if path.endswith("WORDS")] == []


def test_nothing_found_is_the_samples_answer(shared: Path) -> None:
    events = read_event_list(sample(shared, "psis/event-list/not-found.xml").read_bytes(), NhsNumber("9995000180"))
    assert events.events == ()
    theirs = expected(shared, "fhir/document-reference/no-results.response.json")
    assert empty_bundle(theirs["id"]) == theirs


@pytest.mark.parametrize("name", ["success", "with-outcome-desc"])
def test_an_alert_of_the_samples_fails_only_by_its_invented_numbers(shared: Path, name: str) -> None:
    """Their NHS numbers and ids of people are no possible ones; with possible ones they are taken."""
    request = json.loads(sample(shared, f"fhir/audit-event/{name}.request.json").read_bytes())
    body = json.dumps(request).encode()
    with pytest.raises(MessageInvalid) as caught:
        read_alert(body, NUMBERS, own_asid(body))
    assert caught.value.findings[0].path == "AuditEvent.agent.who.identifier.value"
    values = {"nhs-number": "9000000009", "ods-organization-code": "RZZ01", "sds-user-id": "910000000018"}
    for agent in request["agent"]:
        agent["who"]["identifier"]["value"] = values[agent["who"]["identifier"]["system"].rsplit("/", 1)[-1]]
    assert read_alert(json.dumps(request).encode(), NUMBERS, own_asid(body)).organisation.value == "RZZ01"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("type-out-of-range", "Invalid or missing value in field 'type.code'. Supported values are: 1, 2"),
        ("combination-2-4", "Invalid combination of alert type '2' and alert subtype '4'."),
    ],
)
def test_what_the_samples_refuse_is_refused(shared: Path, name: str, text: str) -> None:
    request = sample(shared, f"fhir/audit-event/{name}.request.json").read_bytes()
    with pytest.raises(MessageInvalid) as caught:
        read_alert(request, NUMBERS, own_asid(request))
    assert caught.value.findings[0].sentence == text
