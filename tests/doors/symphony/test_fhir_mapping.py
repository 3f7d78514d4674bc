"""GP Summary to FHIR: every entry becomes the right resource, every section and word is there, and R4 accepts all of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.adapters.fhir.shelf import unresolved
from gateway.adapters.fhir.vocabulary import RESOURCES
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.record import (
    Agent,
    CodedEntry,
    CodedSection,
    Coding,
    EffectiveTime,
    Participation,
    Section,
    Statement,
    StatementKind,
    Table,
    Text,
)
from gateway.domain.withdrawn import HEADING, sentence
from gateway.spine.summary import read_summary
from tests.doors import records
from tests.doors.symphony.fhir_answers import WIRE, bundle_of, by_identifier, references, resources, summary_record
from vendor_stubs import cast
from vendor_stubs.fhir_reader import read_record, withdrawn_entries
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.versions import listed_numbers, version
from vendor_stubs.summary_reader import read_summary as read_by_stub
from vendor_stubs.summary_withdrawn import withdrawn_entries as withdrawn_by_stub
from vendor_stubs.xml import parse

SNOMED = records.SNOMED
READ = "2.16.840.1.113883.2.1.6.2"
NUMBERS = [patient.nhs for patient in cast.patients()] + [
    number
    for n in range(0, 99_999_999, 3_333_331)
    for check in range(10)
    if cast.is_nhs_number(number := f"9{n:08d}{check}")
]
NOT_THE_COMPOSITION = {
    "Composition",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Device",
    "RelatedPerson",
}


XHTML = "{http://www.w3.org/1999/xhtml}"
NARRATIVE = {
    f"{XHTML}{name}" for name in ("div", "h2", "p", "b", "table", "caption", "thead", "tbody", "tr", "th", "td")
}
MAY_BE = {
    "author": {"Practitioner", "PractitionerRole", "Device", "Patient", "RelatedPerson", "Organization"},
    "custodian": {"Organization"},
    "subject": {"Patient"},
    "patient": {"Patient"},
    "individual": {"Practitioner", "PractitionerRole", "RelatedPerson"},
    "reasonReference": {"Condition", "Observation", "DiagnosticReport"},
    "encounter": {"Encounter"},
    "context": {"Encounter", "EpisodeOfCare"},
    "practitioner": {"Practitioner"},
    "organization": {"Organization"},
    "owner": {"Organization"},
}
"""Member -> what R4 lets it refer to."""


def parts(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(member, object) of every object in a JSON value."""
    if isinstance(value, list):
        for inner in value:
            yield from parts(inner, name)
    elif isinstance(value, dict):
        yield name, value
        for member, inner in value.items():
            yield from parts(inner, member)


def invariants(bundle: dict[str, Any]) -> None:
    """Rules of R4 that fhir.resources does not know: ait-1, ait-2, con-4, con-5, org-1, per-1, txt-1, txt-2, obs-7, kinds referred to."""
    for name, one in parts(bundle["entry"]):
        if "div" in one:
            div = etree.fromstring(one["div"])
            assert {element.tag for element in div.iter()} <= NARRATIVE
            assert not any(element.attrib for element in div.iter())
            assert "".join(div.itertext()).strip(" \t\r\n")
        if "start" in one and "end" in one:
            shared = min(len(one["start"]), len(one["end"]), 19)
            assert one["start"][:shared] <= one["end"][:shared]
        if name in MAY_BE and "reference" in one:
            assert one["reference"].split("/")[0] in MAY_BE[name], (name, one)
        assert "" not in one.values()
    for row in bundle["entry"]:
        resource = row["resource"]
        kind, mistaken = resource["resourceType"], "entered-in-error" in json.dumps(resource.get("verificationStatus"))
        if kind == "AllergyIntolerance":
            assert ("clinicalStatus" in resource) is not mistaken
        elif kind == "Condition":
            assert not (mistaken and "clinicalStatus" in resource)
            clinical = resource.get("clinicalStatus", {"coding": [{"code": "active"}]})["coding"][0]["code"]
            assert "abatementDateTime" not in resource or clinical in {"inactive", "resolved", "remission"}
        elif kind == "Organization":
            assert resource.keys() & {"name", "identifier"}
        elif kind == "Composition":
            assert all(set(section) & {"text", "entry", "section"} for section in resource.get("section", []))


def accepted(bundle: dict[str, Any]) -> None:
    """R4 accepts the Bundle, every reference resolves inside it, and no address stands twice."""
    Bundle.model_validate_json(json.dumps(bundle))
    invariants(bundle)
    known = {f"{row['resource']['resourceType']}/{row['resource']['id']}" for row in bundle["entry"]}
    assert len(known) == len(bundle["entry"])
    assert set(references(bundle["entry"])) <= known
    assert unresolved(bundle) == []


def entry(element: str, number: int = 1, **changes: Any) -> CodedEntry:
    values: dict[str, Any] = {
        "element": element,
        "id": f"5A0000{number:02d}-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        "code": Coding("73211009", SNOMED, "Diabetes mellitus"),
        "status": "active",
        "effective": EffectiveTime(low=WireTime("20200701123000")),
    }
    return CodedEntry(**(values | changes))


def made(*entries: CodedEntry, section: str = "163001000000103") -> dict[str, Any]:
    coded = (CodedSection(Coding(section, SNOMED), entries),)
    bundle = bundle_of(records.record(coded=coded))
    accepted(bundle)
    return bundle


def test_the_sample_summary_becomes_the_sample_bundle() -> None:
    bundle = bundle_of(summary_record())
    accepted(bundle)
    assert bundle == json.loads((WIRE / "bundle.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_record_has_the_same_facts_over_fhir_as_in_its_document(number: str) -> None:
    """What the mini service passes on untouched, read by the stubs' reader, against the Bundle read by the FHIR stub."""
    patient = cast.patient(number)
    assert patient is not None
    for listed in listed_numbers(patient, stale_missed=False):
        document = parse(Documents().summary(patient, version(patient, listed)))
        bundle = bundle_of(read_summary(etree.fromstring(etree.tostring(document)), "E1"))
        accepted(bundle)
        assert read_record(bundle) == read_by_stub(document)
        taken_back = [(one["text"], one["kind"]) for one in withdrawn_entries(bundle)]
        assert taken_back == [(one["text"], one["kind"]) for one in withdrawn_by_stub(document)]
        entries = document.iterfind(".//{urn:hl7-org:v3}pertinentCREType/{urn:hl7-org:v3}component")
        assert entries is not None
        coded = [
            child.find("{urn:hl7-org:v3}id").get("root")
            for component in entries
            for child in component
            if "UKCT_" in str(child.tag)
        ]
        found = [
            row["resource"]["identifier"][0]["value"]
            for row in bundle["entry"]
            if row["resource"]["resourceType"] not in NOT_THE_COMPOSITION and "identifier" in row["resource"]
        ]
        assert sorted(found) == sorted(coded)


def block(found: Text | Table) -> dict[str, Any]:
    if isinstance(found, Text):
        return {"kind": "text", "text": found.text, "caption": None, "columns": [], "rows": []}
    rows = [list(row) for row in found.rows]
    return {"kind": "table", "text": "", "caption": found.caption, "columns": list(found.columns), "rows": rows}


@settings(deadline=None, max_examples=150)
@given(st.lists(records.SECTIONS, min_size=1, max_size=4))
def test_sections_come_back_word_for_word(sections: list[Section]) -> None:
    bundle = bundle_of(records.record(sections=tuple(sections)))
    accepted(bundle)
    found = read_record(bundle)["sections"]
    assert found == [
        {"id": shown(section.id), "title": shown(section.title), "blocks": [block(each) for each in section.blocks]}
        for section in sections
    ]


def shown(text: str | None) -> str | None:
    """R4 has no blank strings; everything else comes back as it is."""
    return text if text and text.strip() else None


def test_markup_in_words_stays_words() -> None:
    hostile = "<script>alert(1)</script> & ]]> <b onclick='x'>"
    bundle = bundle_of(records.record(sections=(Section("T", "Title", (Text(hostile),)),)))
    div = etree.fromstring(resources(bundle, "Composition")[0]["section"][0]["text"]["div"])
    assert [child.tag for child in div.iter()] == [f"{{http://www.w3.org/1999/xhtml}}{name}" for name in ("div", "p")]
    assert "".join(div.itertext()) == hostile


@pytest.mark.parametrize("element", [*RESOURCES, "Service", "LinkAssertion", "SomethingNew"])
@pytest.mark.parametrize("status", ["active", "completed", "normal", "final", "nullified", None, "odd"])
def test_every_kind_in_every_status_is_kept_and_accepted(element: str, status: str | None) -> None:
    """Nothing is dropped, and a nullified entry says so whatever it became."""
    given_entry = entry(element, status=status, effective=EffectiveTime(low=WireTime("2001"), high=WireTime("200405")))
    found = by_identifier(made(given_entry), given_entry.id)
    assert found["resourceType"] == RESOURCES.get(element, "Basic")
    said = "entered-in-error" in json.dumps(
        [found.get(name) for name in ("status", "verificationStatus", "modifierExtension")]
    )
    assert said is (status == "nullified")
    if status == "nullified":
        assert "clinicalStatus" not in found


def test_a_condition_that_has_ended_is_never_active() -> None:
    found = by_identifier(made(entry("Diagnosis", effective=EffectiveTime(high=WireTime("2004")))), entry("x").id)
    assert found["clinicalStatus"]["coding"][0]["code"] == "inactive"
    assert found["abatementDateTime"] == "2004"


def test_the_end_of_an_entry_of_no_known_kind_is_kept() -> None:
    time = EffectiveTime(low=WireTime("2030"), high=WireTime("2031"))
    found = by_identifier(made(entry("Service", effective=time)), entry("x").id)
    assert found["extension"] == [
        {"url": "urn:scr-gateway:fhir:effective", "valuePeriod": {"start": "2030", "end": "2031"}}
    ]


@pytest.mark.parametrize("element", [*RESOURCES, "Service"])
def test_an_interval_that_ends_before_it_begins_is_no_period_and_loses_no_date(element: str) -> None:
    time = EffectiveTime(low=WireTime("20300705100000"), high=WireTime("203001"))
    for status in ("completed", "nullified"):
        given_entry = entry(element, effective=time, status=status)
        bundle = made(given_entry, section="163131000000108")
        found = json.dumps(by_identifier(bundle, given_entry.id))
        assert "2030-07-05" in found
        assert "2030-01" in found


def test_a_care_event_begins_before_it_ends() -> None:
    time = EffectiveTime(low=WireTime("20300105100000"), high=WireTime("20300105103000"))
    found = by_identifier(made(entry("CareEvent", effective=time)), entry("x").id)
    assert found["period"] == {"start": "2030-01-05T10:00:00+00:00", "end": "2030-01-05T10:30:00+00:00"}


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ("2020", "2020"),
        ("202007", "2020-07"),
        ("2020-07", "2020-07"),
        ("20200713", "2020-07-13"),
        ("202007131015", "2020-07-13T10:15:00+01:00"),
        ("20200113101500", "2020-01-13T10:15:00+00:00"),
        ("20291028013000", "2029-10-28T01:30:00+01:00"),
        ("20290325030000", "2029-03-25T03:00:00+01:00"),
    ],
)
def test_times_keep_their_precision_and_londons_clock(wire: str, expected: str) -> None:
    found = by_identifier(made(entry("Diagnosis", effective=EffectiveTime(low=WireTime(wire)))), entry("x").id)
    assert found["onsetDateTime"] == expected


def test_a_code_of_another_system_keeps_its_oid_and_never_becomes_snomed() -> None:
    for oid in (READ, "2.16.840.1.113883.2.1.3.2.4.14", "1.2.3.4"):
        found = by_identifier(made(entry("Diagnosis", code=Coding("C10..", oid, "Diabetes"))), entry("x").id)
        assert found["code"]["coding"] == [{"system": f"urn:oid:{oid}", "code": "C10..", "display": "Diabetes"}]
    for junk in ("", "not an oid"):
        found = by_identifier(made(entry("Diagnosis", code=Coding("C10..", junk, "Diabetes"))), entry("x").id)
        assert found["code"]["coding"] == [{"code": "C10..", "display": "Diabetes"}]


def test_the_sources_own_words_stand_beside_a_code() -> None:
    code = Coding("196411000000103", SNOMED, "Transfer-degraded record Entry", "Old allergy, penicillin")
    found = by_identifier(made(entry("Allergy", code=code), section="163221000000102"), entry("x").id)
    assert found["code"]["text"] == "Old allergy, penicillin"


def test_a_qualified_code_never_stands_bare() -> None:
    severity = (Coding("246112005", SNOMED, "Severity"), Coding("24484000", SNOMED, "Severe"))
    found = by_identifier(made(entry("Allergy", qualifiers=(severity,))), entry("x").id)
    assert found["code"]["coding"] == [{"system": "http://snomed.info/sct", "code": "73211009:246112005=24484000"}]
    assert found["code"]["text"] == "Diabetes mellitus (Severity: Severe)"
    assert {"text": "Severity: Severe"} in found["note"]
    other = (Coding("X", READ, "Certainty"), Coding("Y", READ, "Unlikely"))
    found = by_identifier(made(entry("Allergy", qualifiers=(other,))), entry("x").id)
    assert found["code"] == {"text": "Diabetes mellitus (Certainty: Unlikely)"}


def test_an_entry_without_any_code_says_so() -> None:
    found = by_identifier(made(entry("Finding", code=Coding("", ""))), entry("x").id)
    assert found["code"]["coding"][0]["code"] == "unknown"


def test_a_problem_takes_its_meaning_from_the_entry_it_points_to() -> None:
    abstract = Coding("181301000000103", SNOMED, "Abstract problem node")
    diagnosis = entry("Diagnosis", 1)
    problem = entry("Problem", 2, code=abstract, references=(("Diagnosis", diagnosis.id.lower()), ("Finding", "gone")))
    found = by_identifier(made(diagnosis, problem), problem.id)
    assert found["code"]["coding"][0]["code"] == "73211009"
    details = [row["detail"][0] for row in found["evidence"]]
    assert details == [
        {"reference": f"Condition/{diagnosis.id}"},
        {"identifier": {"value": "gone"}, "display": "Finding"},
    ]
    withdrawn = entry("Diagnosis", 1, status="nullified")
    kept = by_identifier(made(withdrawn, problem), problem.id)
    assert kept["code"]["coding"][0]["code"] == "181301000000103", "a withdrawn diagnosis comes back as a live one"
    assert kept["evidence"][0]["detail"][0] == {"reference": f"Condition/{withdrawn.id}"}
    alone = entry("Problem", 3, code=abstract)
    assert by_identifier(made(alone), alone.id)["code"]["coding"][0]["code"] == "181301000000103"


@pytest.mark.parametrize(
    "element", [name for name in RESOURCES if name not in {"Problem", "Diagnosis"}] + ["LinkAssertion"]
)
def test_a_link_to_another_entry_is_never_lost(element: str) -> None:
    target = entry("Finding", 1)
    linked = entry(element, 2, references=(("Finding", target.id), ("Allergy", "gone")))
    found = json.dumps(by_identifier(made(target, linked), linked.id))
    assert f"Observation/{target.id}" in found
    assert '"gone"' in found


@pytest.mark.parametrize("element", [*RESOURCES, "Service"])
def test_who_took_part_in_an_entry_is_never_lost(element: str) -> None:
    agent = Agent(form="AgentPerson", name="Ada Green")
    part = Participation(type="performer", time=WireTime("2030"), mode=None, agent=agent)
    bundle = made(entry(element, participations=(part,)))
    [practitioner] = resources(bundle, "Practitioner")
    assert practitioner["name"] == [{"text": "Ada Green"}]
    [role] = [row for row in resources(bundle, "PractitionerRole") if "practitioner" in row]
    pointing = [row["resource"] for row in bundle["entry"] if f"PractitionerRole/{role['id']}" in references(row)]
    [one] = [row for row in pointing if row["resourceType"] == "Encounter"]
    assert one["participant"][0]["period"] == {"start": "2030"}
    taking = by_identifier(bundle, entry(element).id)
    assert one == taking or f"Encounter/{one['id']}" in set(references(taking))


def test_a_device_that_took_part_is_linked_from_the_role_it_acted_in() -> None:
    agent = Agent(form="AgentDevice", device=(("id", "1"), ("manufacturerModelName", "Model 1")))
    part = Participation(type="author", time=WireTime("2030"), mode=None, agent=agent)
    bundle = made(entry("Finding", participations=(part,)))
    [device] = [row for row in resources(bundle, "Device") if {"value": "1"} in row.get("identifier", [])]
    [role] = [row for row in resources(bundle, "PractitionerRole") if "extension" in row]
    assert role["extension"] == [
        {
            "url": "urn:scr-gateway:fhir:device",
            "valueReference": {"reference": f"Device/{device['id']}", "display": "Model 1"},
        }
    ]


@pytest.mark.parametrize("element", [*RESOURCES, "Service"])
@pytest.mark.parametrize("coded", [False, True])
def test_the_value_of_an_entry_is_never_lost(element: str, coded: bool) -> None:
    value = {"value_coding": Coding("10828004", SNOMED, "Positive")} if coded else {"value": "3 < 4 & 5 > 2"}
    found = json.dumps(by_identifier(made(entry(element, **value)), entry(element).id))
    assert ("Positive" if coded else "3 < 4 & 5 > 2") in found.replace("&lt;", "<").replace("&amp;", "&").replace(
        "&gt;", ">"
    )


def test_entries_that_share_an_id_or_have_none_are_all_there() -> None:
    bundle = made(
        *[entry("FamilyHistory") for _ in range(3)], entry("FamilyHistory", id=""), entry("FamilyHistory", id="bad id")
    )
    assert len(resources(bundle, "Observation")) == 5


def test_lifestyle_under_another_section_code_is_lifestyle() -> None:
    found = by_identifier(made(entry("LifeStyle"), section="163021000000107"), entry("x").id)
    assert found["category"][0]["coding"][0]["code"] == "163041000000100"


@pytest.mark.parametrize(
    ("element", "status", "expected"),
    [
        ("AcuteMedication", "completed", "unknown"),
        ("AcuteMedication", "active", "active"),
        ("CurrentRepeatMedication", "completed", "active"),
        ("DiscontinuedRepeatMedication", "active", "stopped"),
        ("MedicationAdministration", "completed", "completed"),
        ("CurrentRepeatMedication", "nullified", "entered-in-error"),
        ("CurrentRepeatMedication", "cancelled", "unknown"),
        ("CurrentRepeatMedication", "suspended", "unknown"),
    ],
)
def test_what_a_medicines_list_says_of_it(element: str, status: str, expected: str) -> None:
    found = by_identifier(made(entry(element, status=status), section="185361000000102"), entry("x").id)
    assert found["status"] == expected


_ACTED_UPON = {"AllergyIntolerance", "Condition", "MedicationStatement"}


@pytest.mark.parametrize("element", [name for name, kind in RESOURCES.items() if kind in _ACTED_UPON])
def test_a_state_no_summary_is_known_to_give_is_told_in_words(element: str) -> None:
    given_entry = entry(element, status="cancelled")
    assert "State on the record: cancelled" in json.dumps(by_identifier(made(given_entry), given_entry.id))
    usual = entry(element, status="completed")
    assert "State on the record" not in json.dumps(by_identifier(made(usual), usual.id))


# Sections


def test_what_the_practice_took_back_is_the_first_narrative() -> None:
    record = records.record(coded=records.WITHDRAWN)
    bundle = bundle_of(record)
    Bundle.model_validate(bundle)
    assert unresolved(bundle) == []
    first, *rest = sections_of(bundle)
    assert (first["title"], first["code"]["coding"][0]["code"]) == (HEADING, "withdrawn-entries")
    told = [" ".join(row.itertext()) for row in etree.fromstring(first["text"]["div"])]
    assert told == [
        sentence(4),
        "Allergy: Adverse reaction to codeine",
        "Discontinued repeat medication: Amlodipine 5mg tablets (01-Mar-2024 to 31-Mar-2024)",
        "Finding: stated not to be so: Pulse rate: 52 beats/min",
        "1 of them has no words of its own.",
    ]
    by_name = {f"{row['resource']['resourceType']}/{row['resource']['id']}": row["resource"] for row in bundle["entry"]}
    linked = [by_name[row["reference"]] for row in first["entry"]]
    assert ["entered-in-error" in json.dumps(one) for one in linked] == [True] * 4
    read = read_record(bundle)
    assert read["sections"] == read_record(bundle_of(records.record()))["sections"], (
        "no word of the record is lost or added"
    )
    assert len(rest) == len(read["sections"])
    assert withdrawn_entries(bundle) == [
        {"kind": "allergy", "text": "Adverse reaction to codeine", "time": None, "until": None},
        {
            "kind": "discontinued repeat medication",
            "text": "Amlodipine 5mg tablets",
            "time": "2024-03-01T00:00:00+00:00",
            "until": "2024-03-31",
        },
        {"kind": "finding", "text": "", "time": None, "until": None},
        {"kind": "finding", "text": "stated not to be so: Pulse rate: 52 beats/min", "time": None, "until": None},
    ]


def test_where_nothing_was_taken_back_there_is_no_such_section() -> None:
    assert len(sections_of(bundle_of(records.record()))) == len(records.record().sections)


def sections_of(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = resources(bundle, "Composition")[0]["section"]
    return found


def test_each_list_of_medication_links_its_own_entries() -> None:
    names = ("AcuteMedication", "CurrentRepeatMedication", "DiscontinuedRepeatMedication")
    headings = ("AcuteMedsHeader", "RepeatMedsHeader", "DiscRepeatMedsHeader")
    coded = (CodedSection(Coding("185361000000102", SNOMED), tuple(entry(name, n) for n, name in enumerate(names))),)
    sections = tuple(Section(heading, heading, (Text("x"),)) for heading in headings)
    found = sections_of(bundle_of(records.record(coded=coded, sections=sections)))
    assert [row["entry"] for row in found] == [
        [{"reference": f"MedicationStatement/{entry('x', n).id}"}] for n in range(3)
    ]
    assert [row["code"]["coding"][0] for row in found] == [{"code": heading} for heading in headings]


def test_a_section_with_text_alone_says_nothing_of_being_empty() -> None:
    sections = (Section("AllergiesHeader", "Allergies", (Text("Penicillin"),)),)
    [found] = sections_of(bundle_of(records.record(sections=sections)))
    assert found.keys() == {"title", "code", "text"}


@pytest.mark.parametrize("sentence", ["No relevant information available for this category.", "Nil known", "None"])
def test_nothing_is_ever_read_as_nil_known(sentence: str) -> None:
    for blocks in ((), (Text(sentence),), (Table(None, (), ((sentence,),)),)):
        sections = (Section("AllergiesHeader", "Allergies", blocks),)
        [found] = sections_of(bundle_of(records.record(sections=sections)))
        assert "emptyReason" not in found


def test_withheld_is_said_only_of_a_section_that_holds_nothing_else() -> None:
    statement = Statement(StatementKind.WITHHELD, "Entries were withheld.")
    only, more = (Text("Entries were withheld."),), (Text("Entries were withheld."), Text("Penicillin"))
    reasons = []
    for blocks in (only, more):
        record = records.record(statements=(statement,), sections=(Section("AllergiesHeader", "Allergies", blocks),))
        bundle = bundle_of(record)
        accepted(bundle)
        reasons.append(sections_of(bundle)[0].get("emptyReason"))
    coded = (CodedSection(Coding("163221000000102", SNOMED), (entry("Allergy"),)),)
    with_entry = records.record(
        statements=(statement,), sections=(Section("AllergiesHeader", "Allergies", only),), coded=coded
    )
    reasons.append(sections_of(bundle_of(with_entry))[0].get("emptyReason"))
    assert [reason and reason["coding"][0]["code"] for reason in reasons] == ["withheld", None, None]


# People


def test_a_superseded_number_stands_beside_the_current_one() -> None:
    record = records.record()
    [patient] = resources(bundle_of(record, NhsNumber("9000000017")), "Patient")
    assert [(row.get("use"), row["value"]) for row in patient["identifier"]] == [
        (None, record.nhs_number.value),
        ("old", "9000000017"),
    ]


AGENTS = [
    Agent(form="AgentPersonSDS", role_profile="555000000901", user="910000000901", name="Ada Green"),
    Agent(form="AgentPersonSDS", name="Ada Green", organisation_id=("1.2.826.0.1285.0.1.10", "AZZ99")),
    Agent(
        form="AgentPerson",
        name="Ada Green",
        job_role=Coding("R0260", "2.16.840.1.113883.2.1.3.2.4.17.124", "GP"),
        telecoms=((None, "fax:01632960200"), ("PG", "55"), ("XX", "y")),
        address="1 Weir Lane",
    ),
    Agent(form="AgentPerson", name="Ada Green", organisation_name="Weir Lane Surgery"),
    Agent(form="AgentOrgSDS", organisation_id=("1.2.826.0.1285.0.2.0.109", "X"), organisation_name="Weir Lane Surgery"),
    Agent(form="AgentOrg", organisation_code=Coding("001", "1.2.3", None), organisation_name="Weir Lane Surgery"),
    Agent(form="AgentOrg"),
    Agent(form="AgentPersonSDS"),
    Agent(
        form="AgentDevice", device=(("id", "1"), ("name", "Analyser"), ("code", "Kind")), organisation_name="Weir Lane"
    ),
    Agent(form="AgentDevice", device=(("softwareName", "1.0"),)),
    Agent(form="participantNonAgentRole", name="Sam", job_role=Coding("01", "1.2.3", "Spouse")),
    Agent(form="participantNonAgentRole"),
]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.form)
@pytest.mark.parametrize("kind", ["author", "informant", "performer"])
def test_every_form_of_agent_is_accepted_as_author_and_in_entries(agent: Agent, kind: str) -> None:
    part = Participation(type=kind, time=WireTime("2030"), mode=None, agent=agent)
    entries = (entry("Finding", 1, participations=(part, part)), entry("CareEvent", 2, participations=(part,)))
    coded = (CodedSection(Coding("163131000000108", SNOMED), entries),)
    author = agent if agent.form != "participantNonAgentRole" else AGENTS[0]
    bundle = bundle_of(records.record(author=author, coded=coded, author_name=agent.name))
    accepted(bundle)
    [composition] = resources(bundle, "Composition")
    assert composition["author"]
    code = {"author": "AUT", "informant": "INF", "performer": "PRF"}[kind]
    taking = [row for row in resources(bundle, "Encounter") if row["class"]["code"] == "UNK"]
    assert [row["type"][0]["coding"][0]["code"] for row in taking[0]["participant"]] == [code, code]


def test_agents_that_say_nothing_invent_nobody() -> None:
    bundle = bundle_of(records.record(author=Agent(form="AgentPersonSDS"), author_name=None, practice=None))
    assert resources(bundle, "Practitioner") == resources(bundle, "Organization") == []


def test_the_bundle_names_one_match_and_includes_the_rest() -> None:
    bundle = bundle_of(summary_record())
    modes = [row["search"]["mode"] for row in bundle["entry"]]
    assert (bundle["total"], modes[0], set(modes[1:])) == (1, "match", {"include"})
    assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    assert bundle["entry"][-1]["resource"]["resourceType"] == "Patient"


def test_ids_are_the_same_at_every_reading_and_hold_no_number() -> None:
    record = summary_record()
    assert bundle_of(record) == bundle_of(replace(record))
    assert all("9000000009" not in row["resource"]["id"] for row in bundle_of(record)["entry"])
