"""What a practice states NOT to be so never reads as a positive finding: negationInd of HL7 V3, from the wire to R4."""

import json
from typing import Any

import pytest
from lxml import etree

from gateway.adapters.fhir.vocabulary import RESOURCES
from gateway.domain.codes import Code
from gateway.domain.errors import SpineUnavailable
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import Coding
from gateway.spine.entries import read_coded
from gateway.spine.psis import check_summary
from gateway.spine.summary import read_summary
from tests.doors.symphony.fhir_answers import EVENT, WIRE, bundle_of, by_identifier, resources
from tests.doors.symphony.test_fhir_mapping import SNOMED, accepted, entry, made

HL7 = "{urn:hl7-org:v3}"
SAYS_NOT = {
    "AllergyIntolerance": ("verificationStatus", "refuted"),
    "Condition": ("verificationStatus", "refuted"),
    "MedicationStatement": ("status", "not-taken"),
    "Procedure": ("status", "not-done"),
    "Communication": ("status", "not-done"),
}
"""Resource type -> the member in which R4 says that something is not so; the others take a modifier extension."""
NEGATED = {"url": "urn:scr-gateway:fhir:negated", "valueBoolean": True}
PARTLY = {"url": "urn:scr-gateway:fhir:partly-negated", "valueBoolean": True}


@pytest.mark.parametrize("element", [*RESOURCES, "Service", "SomethingNew"])
@pytest.mark.parametrize("status", ["active", "completed", "normal", None])
def test_a_negated_entry_says_so_whatever_it_became(element: str, status: str | None) -> None:
    plain, negated = (entry(element, status=status, negated=negated) for negated in (False, True))
    positive, found = (by_identifier(made(one), one.id) for one in (plain, negated))
    member, code = SAYS_NOT.get(found["resourceType"], ("modifierExtension", "negated"))
    assert code in json.dumps(found[member])
    assert code not in json.dumps(positive.get(member))
    assert "stated NOT to be so" in json.dumps([found.get("note"), found.get("text")])
    assert "NOT" not in json.dumps(positive)
    status_said = json.dumps([found.get("clinicalStatus"), found.get("verificationStatus")])
    assert '"active"' not in status_said
    assert "confirmed" not in status_said
    assert found.get("status") != "finished"


@pytest.mark.parametrize("element", [*RESOURCES, "Service"])
def test_an_entry_both_negated_and_withdrawn_says_both(element: str) -> None:
    one = entry(element, status="nullified", negated=True)
    found = by_identifier(made(one), one.id)
    assert "entered-in-error" in json.dumps(
        [found.get(name) for name in ("status", "verificationStatus", "modifierExtension")]
    )
    assert NEGATED in found["modifierExtension"]


@pytest.mark.parametrize("element", [*RESOURCES, "Service"])
def test_an_entry_negated_in_part_warns_and_claims_no_evidence_and_no_reason(element: str) -> None:
    target = entry("Finding", 1)
    one = entry(element, 2, references=(("Finding", target.id),), partly_negated=True)
    found = by_identifier(made(target, one), one.id)
    assert found["modifierExtension"] == [PARTLY]
    assert not {"evidence", "reasonReference"} & found.keys()
    assert {
        "url": "urn:scr-gateway:fhir:related",
        "valueReference": {"reference": f"Observation/{target.id}"},
    } in found["extension"]


def test_a_problem_never_takes_the_code_of_a_negated_entry() -> None:
    abstract = Coding("181301000000103", SNOMED, "Abstract problem node")
    target = entry("Diagnosis", 1, negated=True)
    problem = entry("Problem", 2, code=abstract, references=(("Diagnosis", target.id),))
    assert by_identifier(made(target, problem), problem.id)["code"]["coding"][0]["code"] == "181301000000103"
    plain = entry("Diagnosis", 1)
    doubtful = entry("Problem", 2, code=abstract, references=(("Diagnosis", plain.id),), partly_negated=True)
    assert by_identifier(made(plain, doubtful), doubtful.id)["code"]["coding"][0]["code"] == "181301000000103"


def summary() -> Any:
    return etree.fromstring((WIRE / "summary.xml").read_bytes())


def entries_of(root: Any) -> list[Any]:
    return [element for element in root.iter() if "UKCT_MT1440" in str(element.tag) and "CRE" not in str(element.tag)]


PLACES = ("itself", "component", "section", "information")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", ["true", "1", " true "])
@pytest.mark.parametrize("name", ["negationInd", "actionNegationInd", "valueNegationInd"])
def test_the_wire_negates_an_entry_or_what_it_stands_under(place: str, value: str, name: str) -> None:
    root = summary()
    one = entries_of(root)[0]
    carrier = one
    for _ in range(PLACES.index(place)):
        carrier = carrier.getparent()
    carrier.set(name, value)
    found = [entry for section in read_coded(root) for entry in section.entries]
    assert found[0].negated
    assert not found[0].partly_negated
    assert [entry.negated for entry in found[1:]].count(True) < len(found) - 1, "another section is negated too"
    wanted = one.find(f"{HL7}id").get("root")
    bundle = bundle_of(read_summary(root, EVENT))
    accepted(bundle)
    assert "NOT" in json.dumps(by_identifier(bundle, wanted))


def test_a_negated_part_and_a_false_or_absent_negation_are_told_apart() -> None:
    for value, expected in (("true", True), ("false", False), ("0", False), (None, False)):
        root = summary()
        inner = entries_of(root)[0].find(f"{HL7}effectiveTime")
        if value is not None:
            inner.set("negationInd", value)
        found = read_coded(root)[0].entries[0]
        assert (found.negated, found.partly_negated) == (False, expected)


@pytest.mark.parametrize("name", ["excerptFrom", "component", "presentationText"])
def test_a_summary_whose_text_is_negated_is_no_record(name: str) -> None:
    root = summary()
    assert read_summary(root, EVENT).sections
    next(root.iterfind(f"{HL7}excerptFrom").__next__().iter(f"{HL7}{name}")).set("negationInd", "true")
    with pytest.raises(SpineUnavailable) as caught:
        read_summary(root, EVENT)
    assert caught.value.code is Code.SPINE_UNUSABLE


WHERE = (
    ".",
    f"{HL7}recordTarget",
    f"{HL7}author",
    f"{HL7}excerptFrom",
    f"{HL7}pertinentInformation2",
    f"{HL7}pertinentInformation2//{HL7}effectiveTime",
)
"""Places of a summary: the first four may not be negated at all, the last two may."""


@pytest.mark.parametrize("name", ["negationInd", "actionNegationInd", "valueNegationInd"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("value", ["TRUE", "True", "yes", "", " ", "2", "false true", "true", "1"])
def test_a_negation_that_cannot_be_shown_or_read_is_no_record_at_any_door(where: str, value: str, name: str) -> None:
    """Doors that show a record read it whole; those that pass it on check it only."""
    root = summary()
    number = NhsNumber(root.find(f"{HL7}recordTarget/{HL7}patient/{HL7}id").get("extension"))
    check_summary(root, number)
    root.find(where).set(name, value)
    if value in {"true", "1"} and where in WHERE[4:]:
        check_summary(root, number)
        assert any(
            one.negated or one.partly_negated for part in read_summary(root, EVENT).coded for one in part.entries
        )
        return
    for work in (lambda: check_summary(root, number), lambda: read_summary(root, EVENT)):
        with pytest.raises(SpineUnavailable) as caught:
            work()
        assert caught.value.code is Code.SPINE_UNUSABLE


@pytest.mark.parametrize("value", ["false", "0", " false "])
@pytest.mark.parametrize("where", WHERE)
def test_what_says_that_it_is_so_changes_nothing(where: str, value: str) -> None:
    root = summary()
    before = read_summary(root, EVENT)
    root.find(where).set("negationInd", value)
    assert read_summary(root, EVENT) == before


def test_every_entry_is_reached_from_the_composition() -> None:
    """From its section's text where there is one, else from an extension: of every kind, and never twice."""
    given = [entry(element, place) for place, element in enumerate([*RESOURCES, "Service", "LinkAssertion"], start=1)]
    bundle = made(*given, section="163191000000109")
    [composition] = resources(bundle, "Composition")
    under = [row["reference"] for section in composition["section"] for row in section.get("entry", [])]
    apart = [
        row["valueReference"]["reference"]
        for row in composition["extension"]
        if row["url"] == "urn:scr-gateway:fhir:entry"
    ]
    names = [f"{(one := by_identifier(bundle, each.id))['resourceType']}/{one['id']}" for each in given]
    assert sorted(under + apart) == sorted(names)
    assert under
    assert apart
