"""The national API's own samples against this door: equal, or different for a reason in the table of differences."""

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from gateway.adapters.fhir.alerts import read_alert
from gateway.adapters.fhir.documents import document_bundle, empty_bundle
from gateway.domain.errors import MessageInvalid
from gateway.domain.identifiers import NhsNumber
from gateway.domain.spine import Consent, Event
from gateway.spine.psis import read_event_list
from tests.doors.symphony.comparing import compared, differences, leaves, spoilt
from tests.doors.symphony.differences import REASONS, reason_of
from tests.doors.symphony.fhir_answers import BASE, NOW, NUMBERS
from tests.doors.symphony.pairs import FRAGMENTS, PAIRS, all_pairs, expected, own_asid, sample
from tests.doors.symphony.pins import gone, kept, pinned, unexplained


def test_the_specifications_example_is_ours_but_for_ids_and_one_address(shared: Path) -> None:
    theirs = expected(shared, "fhir/document-reference/spec-example.response.json")
    asked = NhsNumber("9000000009")
    event = Event(id="FA60BE64-1F34-11EB-A2A8-000C29A364EB", persisted=None, status="1", type="196981000000101")
    ours = document_bundle(BASE, "B", event=event, consent=Consent.ASK, current=asked, asked=asked)
    places = [place for place, _, _ in differences(theirs, json.loads(json.dumps(ours)), "Bundle")]
    found = {re.sub(r"\[\d+\]", "[]", place) for place in places}
    assert found == {
        "Bundle.id",
        "Bundle.entry[].fullUrl",
        "Bundle.entry[].resource.id",
        "Bundle.entry[].resource.subject.reference",
        "Bundle.entry[].resource.content[].attachment.url",
        "Bundle.entry[].search",
    }


def test_every_difference_is_a_pinned_one_with_its_reason_and_every_reason_has_one(shared: Path) -> None:
    found = [one for pair in all_pairs(shared) for one in compared(pair)]
    assert unexplained(found, kept()) == []
    assert gone(found, kept()) == []
    assert sorted(REASONS.keys() ^ {reason_of(one) for one in found}) == []


def test_no_word_of_the_samples_text_is_lost(shared: Path) -> None:
    found = [one.place for pair in all_pairs(shared) for one in compared(pair)]
    assert [place for place in found if place.endswith("WORDS")] == []


SAMPLES = (*PAIRS, *FRAGMENTS, "sections", "empty-h2", "document-reference", "no-consent", "missing-nhs-number")


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("name", SAMPLES)
def test_any_spoilt_value_fails_the_comparison(shared: Path, name: str, side: str) -> None:
    """Every value of this door's answer in turn, and of the sample: one letter more is a difference nobody explained."""
    [pair] = [each for each in all_pairs(shared) if each.sample == name]
    document, pins = getattr(pair, side), kept()
    agreed = {(place, digest) for places in pins.values() for place, digest in places.items()}
    passed = []
    for place in leaves(document):
        found = compared(replace(pair, **{side: spoilt(document, place)}))
        # what is not pinned is unexplained, whatever its reason: only where all is pinned are the reasons asked
        if {(one.pin, one.digest) for one in found} <= agreed and not (unexplained(found, pins) or gone(found, pins)):
            passed.append(place)
    assert passed == []


def test_a_resource_that_is_missing_or_stands_twice_fails_the_comparison(shared: Path) -> None:
    pins = kept()
    for pair in all_pairs(shared)[: len(PAIRS)]:
        for number in range(len(pair.ours["entry"])):
            rest = pair.ours["entry"][:number] + pair.ours["entry"][number + 1 :]
            found = compared(replace(pair, ours=pair.ours | {"entry": rest})) if rest else []
            assert unexplained(found, pins) or gone(found, pins), (pair.sample, number)
            twice = [*pair.ours["entry"], pair.ours["entry"][number]]
            assert unexplained(compared(replace(pair, ours=pair.ours | {"entry": twice})), pins), (pair.sample, number)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("code.coding[0].code", "73211009"),
        ("code.coding[0].display", "Diabetes mellitus"),
        ("code.text", "Diabetes mellitus"),
        ("onsetDateTime zone", "2020-04-01T00:00:00+02:00"),
    ],
)
def test_a_rule_refuses_another_value_even_if_somebody_pinned_it(shared: Path, place: str, value: str) -> None:
    """The document itself says which code, words and hour a Problem has."""
    found = [one for pair in all_pairs(shared) for one in compared(pair)]
    of_problems = [
        one for one in found if re.fullmatch(rf"Condition/\S+\.{re.escape(place)}", one.place) and one.wire is not None
    ]
    explained = [one for one in of_problems if one.sample == "additional-information"]
    assert explained
    for one in explained:
        assert reason_of(one) is not None
        wrong = replace(one, ours=value)
        assert unexplained([wrong], pinned([(str(reason_of(one)), wrong)])) == [wrong]


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
        read_alert(body, NUMBERS, own_asid(body), NOW)
    assert caught.value.findings[0].path == "AuditEvent.agent.who.identifier.value"
    values = {"nhs-number": "9000000009", "ods-organization-code": "RZZ01", "sds-user-id": "910000000018"}
    for agent in request["agent"]:
        agent["who"]["identifier"]["value"] = values[agent["who"]["identifier"]["system"].rsplit("/", 1)[-1]]
    found = read_alert(json.dumps(request).encode(), NUMBERS, own_asid(body), NOW)
    assert (found.patient.value, found.organisation.value, found.user.value) == tuple(values.values())
    assert (found.type.value, found.reason.value) == (request["type"]["code"], request["subtype"][0]["code"])
    assert (found.id, found.message) == (request["id"], request["extension"][0]["valueString"])
    assert (found.note, found.action) == (request.get("outcomeDesc"), request.get("action"))
    assert found.recorded == datetime.fromisoformat(request["recorded"])
    assert found.subject == request["entity"][0]["what"]["identifier"]["value"]


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
        read_alert(request, NUMBERS, own_asid(request), NOW)
    assert caught.value.findings[0].sentence == text
