"""GP Summary to SummaryRecord: our own document to the letter, the stub's whole cast, and the real samples."""

from dataclasses import asdict
from pathlib import Path

import pytest
from lxml import etree

from gateway.domain.codes import Code
from gateway.domain.errors import SpineUnavailable, WrongPatient
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import CodedEntry, Coding, SummaryRecord, Table
from gateway.domain.spine import EventDocument
from gateway.spine.psis import check_summary, read_event
from gateway.spine.summary import read_summary
from gateway.xml.parser import parse
from tests.spine.test_spine_presentation import words_in
from tests.spine.wires import EVENT_ID, HL7, PATIENT, failure, replaced, wire
from vendor_stubs import cast
from vendor_stubs.cast import Patient
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.versions import listed_numbers, version
from vendor_stubs.summary_reader import read_summary as witness

SNOMED = "2.16.840.1.113883.2.1.3.2.4.15"


def _document(data: bytes = wire("event")) -> EventDocument:
    document = read_event(data, PATIENT, EVENT_ID)
    assert document is not None
    return document


def _record(data: bytes = wire("event")) -> SummaryRecord:
    document = _document(data)
    return read_summary(document.summary, document.event_id)


# Our own sample


def test_the_header() -> None:
    record = _record()
    assert (record.nhs_number, record.event_id) == (PATIENT, EVENT_ID)
    assert record.document_id == "D0000000-0000-4000-8000-000000000001"
    assert record.type == Coding("196981000000101", SNOMED, "General Practice Summary")
    assert record.created.iso == "2026-07-01T10:15:00+01:00"
    assert record.author_time is not None
    assert record.author_time.text == "20260701101400"
    assert (record.author_name, record.practice) == ("Dr Ivy Rose Quill", "Example Row Surgery")
    assert record.replaces == "D0000000-0000-4000-8000-000000000000"
    assert record.author.form == "AgentPerson"
    assert record.author.name_parts == (("prefix", "Dr"), ("given", "Ivy"), ("given", "Rose"), ("family", "Quill"))
    assert record.author.job_role == Coding("R0260", f"{SNOMED[:-3]}.17.124", "General Medical Practitioner")
    assert record.author.address == "3 Example Row, Northbrook"
    assert record.author.telecoms == (("WP", "tel:01632960300"),)
    assert record.author.organisation_code == Coding("001", "")
    assert [(one.kind.value, one.text) for one in record.statements] == [("withheld", "Some entries were kept back.")]
    assert record.additional_information  # a problems section in the text
    assert not record.active_content_removed


def test_the_sections() -> None:
    title, allergies, problems = _record().sections
    assert (title.id, title.title) == ("Title", "General Practice Summary")
    assert (allergies.title, problems.id) == ("Allergies & Adverse Reactions", "ProblemsHeader")
    assert allergies.blocks == (Table(None, ("Date", "Description"), (("01 Jan 2020", "Penicillin rash \u00a0"),)),)
    assert problems.blocks == (Table(None, (), (("Asthma", ""),)),)


def _entries() -> tuple[CodedEntry, ...]:
    return tuple(entry for section in _record().coded for entry in section.entries)


def test_an_allergy() -> None:
    allergy = _entries()[0]
    assert (allergy.element, allergy.id[-1], allergy.status) == ("Allergy", "1", "active")
    assert allergy.code == Coding("91936005", SNOMED, "Allergy to penicillin", "Penicillin rash")
    ((name, meaning),) = allergy.qualifiers
    assert (name.display, meaning.display, meaning.code) == ("certainty", "definite", "255545003")
    assert allergy.effective.low is not None
    assert allergy.effective.low.iso == "2020-01"


@pytest.mark.parametrize("spelling", ["centre", "center"])
def test_a_medication(spelling: str) -> None:
    record = _record(replaced("event", '<centre value="20260102"/>', f'<{spelling} value="20260102"/>'))
    medicine = record.coded[1].entries[0]
    assert medicine.element == "CurrentRepeatMedication"
    assert medicine.effective.center is not None
    assert medicine.effective.center.iso == "2026-01-02"
    assert (medicine.dosage, medicine.quantity) == ("One at night", ("28", "1", "tablet"))
    assert medicine.product == Coding("319775004", SNOMED, "Aspirin 75mg tablets")
    assert medicine.references == (("Finding", "E0000000-0000-4000-8000-000000000009"),)


def test_an_entry_of_an_unknown_kind_is_kept_whole() -> None:
    new = _entries()[2]
    assert (new.element, new.code) == ("SomethingNew", Coding("1", "1.2.3"))
    assert new.nullified
    assert new.value == "7.5 mmol/L"
    assert new.supporting == ("In its own words", "Noted twice")
    assert new.effective.value is None  # the junk `1` is no date
    (performer,) = new.participations
    assert (performer.type, performer.agent.form) == ("performer", "AgentDevice")
    assert performer.mode == Coding("PHYSICAL", "2.16.840.1.113883.5.1064")
    assert performer.agent.device == (
        ("name", "Analyser"),
        ("manufacturerModelName", "Model 7"),
        ("agentId", "F0000000-0000-4000-8000-000000000001"),
    )
    assert performer.agent.organisation_id == ("1.2.826.0.1285.0.1.10", "AZZ99")
    assert performer.agent.organisation_name == "Example Laboratory"


_AGENTS = {
    "AgentPersonSDS": (
        (
            '<UKCT_MT160018UK01.AgentPersonSDS><id root="1.2.826.0.1285.0.2.0.67" extension="555000000175"/><agentPersonSDS>'
            '<id root="1.2.826.0.1285.0.2.0.65" extension="910000000281"/><name>Dr\n Ivy Quill</name></agentPersonSDS>'
            "<representedOrganizationSDS><name>Elsewhere</name></representedOrganizationSDS></UKCT_MT160018UK01.AgentPersonSDS>"
        ),
        ("Dr Ivy Quill", "Elsewhere", "555000000175", "910000000281"),
    ),
    "AgentPerson": (
        (
            "<UKCT_MT160018UK01.AgentPerson><representedPersonSDS><name><family>Quill</family></name></representedPersonSDS>"
            "<representedScoperChoice><name>Scoped</name></representedScoperChoice></UKCT_MT160018UK01.AgentPerson>"
        ),
        ("Quill", "Scoped", None, None),
    ),
    "AgentOrgSDS": (
        (
            '<UKCT_MT160017UK01.AgentOrgSDS><agentOrganizationSDS><id root="1.2.826.0.1285.0.1.10" extension="AZZ05"/>'
            "<name>Millbank</name></agentOrganizationSDS></UKCT_MT160017UK01.AgentOrgSDS>"
        ),
        ("Millbank", "Millbank", None, None),
    ),
    "AgentOrg": (
        (
            '<UKCT_MT160017UK01.AgentOrg><code code="001"/><agentOrganization><name>Plain</name></agentOrganization>'
            "</UKCT_MT160017UK01.AgentOrg>"
        ),
        ("Plain", "Plain", None, None),
    ),
    "AgentDevice": (
        "<UKCT_MT120601UK02.AgentDevice><agentDevice><name>Box</name></agentDevice></UKCT_MT120601UK02.AgentDevice>",
        (None, "Another name", None, None),  # the practice the text names
    ),
}


@pytest.mark.parametrize("form", _AGENTS)
def test_every_form_of_author(form: str) -> None:
    markup, expected = _AGENTS[form]
    text = wire("event").decode()
    start, end = text.index("<UKCT_MT160018UK01.AgentPerson "), text.index("</UKCT_MT160018UK01.AgentPerson>")
    record = _record(f"{text[:start]}{markup}{text[end + len('</UKCT_MT160018UK01.AgentPerson>') :]}".encode())
    assert record.author.form == form
    found = (record.author_name, record.practice, record.author.role_profile, record.author.user)
    assert found == expected


@pytest.mark.parametrize(
    ("change", "additional"),
    [
        ("", False),
        ('<code code="163001000000103"/>', True),
        ('<code code="163191000000109"/>', False),
        ('<code code="999"/>', True),
        (
            '<code code="162961000000108"/><component><UKCT_MT144056UK01.Refusal><id/></UKCT_MT144056UK01.Refusal></component>',
            False,
        ),
        (
            (
                '<code code="162961000000108"/><component><UKCT_MT144056UK01.Refusal/></component>'
                "<component><UKCT_MT144046UK01.PersonalPreference/></component>"
            ),
            True,
        ),
        (
            (
                '<code code="163191000000109"/><component><UKCT_MT144035UK01.ThirdPartyCorrespondence><code code="263536004"/>'
                "<pertinentInformation><pertinentSupportingInfo><value>Additional information records have been found under"
                " the following types:&#10;Diagnoses</value></pertinentSupportingInfo></pertinentInformation>"
                "</UKCT_MT144035UK01.ThirdPartyCorrespondence></component>"
            ),
            True,
        ),
    ],
)
def test_additional_information(change: str, additional: bool) -> None:
    data = replaced("event", 'id="ProblemsHeader"', "")
    if change:
        section = f"<pertinentInformation2><pertinentCREType>{change}</pertinentCREType></pertinentInformation2>"
        data = data.replace(b"<recordTarget ", section.encode() + b"<recordTarget ")
    assert _record(data).additional_information is additional


def test_a_blood_pressure_and_an_organizer_keep_their_parts() -> None:
    part = '<component{n} typeCode="COMP"><{name}><id root="x"/><value value="{value}" unit="mm[Hg]"/></{name}></component{n}>'
    entry = (
        "<component><UKCT_MT144043UK02.BloodPressure><id root='b'/><code code='75367002'/>"
        + part.format(n=1, name="diastolicPressure", value=80)
        + part.format(n=2, name="systolicPressure", value=120)
        + "</UKCT_MT144043UK02.BloodPressure></component><component><UKCT_MT144043UK02.FindingOrganizer><id root='o'/>"
        "<component><UKCT_MT144043UK02.Finding><id root='f1'/></UKCT_MT144043UK02.Finding></component>"
        "<component1><UKCT_MT144043UK02.Finding><id root='f2'/></UKCT_MT144043UK02.Finding></component1>"
        "</UKCT_MT144043UK02.FindingOrganizer></component>"
    )
    section = f'<pertinentInformation2><pertinentCREType><code code="163131000000108"/>{entry}</pertinentCREType></pertinentInformation2>'
    record = _record(replaced("event", "<recordTarget ", f"{section}<recordTarget "))
    pressure, organizer, *findings = record.coded[-1].entries
    assert (pressure.value, pressure.references) == ("systolic 120 mm[Hg]; diastolic 80 mm[Hg]", ())
    assert organizer.references == (("Finding", "f1"), ("Finding", "f2"))
    assert [entry.id for entry in findings] == ["f1", "f2"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<effectiveTime value="20260701101500"/>', ""),
        ('<effectiveTime value="20260701101500"/>', '<effectiveTime value="1"/>'),
        ("excerptFrom", "excerptFro"),
        (
            '<author typeCode="AUT" contextControlCode="OP">\n                      <time',
            "<author><x/></author><author><time",
        ),
    ],
)
def test_a_summary_that_lacks_what_every_summary_has_is_unusable(old: str, new: str) -> None:
    """For every door: it is told where the answer is read, before anybody knows whether the record is shown or passed on."""
    count = 2 if old == "excerptFrom" else 1
    data = replaced("event", old, new, count)
    if "<x/>" in new:
        data = data.replace(b"<author><x/></author><author>", b"<authors>").replace(b"</author>", b"</authors>", 1)
    assert failure(lambda: _document(data)).code is Code.SPINE_UNUSABLE


@pytest.mark.parametrize(
    "body",
    [
        "<html xmlns='xhtml:NPfIT:PresentationText'/>",
        "<html xmlns='xhtml:NPfIT:PresentationText'><head><title>General Practice Summary</title></head><body/></html>",
        "<html xmlns='xhtml:NPfIT:PresentationText'><body> <h2/> <p>\n</p><!-- no word --><br/></body></html>",
        "<html xmlns='xhtml:NPfIT:PresentationText'><body><table><tr><td/><td> </td></tr></table></body></html>",
        "<html xmlns='xhtml:NPfIT:PresentationText'><body><style>words</style></body></html>",
        "",
    ],
)
def test_a_summary_without_a_word_is_no_record_at_any_door(body: str) -> None:
    """Its coded entries are all still there, which no door that passes it on would miss."""
    text = wire("event").decode()
    begin, end = text.index("<html "), text.index("</html>") + len("</html>")
    assert failure(lambda: _document((text[:begin] + body + text[end:]).encode())).code is Code.SPINE_UNUSABLE


def test_nothing_clinical_shows_in_a_repr() -> None:
    shown = repr(_record())
    assert not any(
        word in shown for word in ("Penicillin rash \u00a0", "One at night", "In its own words", "kept back", "9992")
    )


# The stub's documents: both readers agree, and no word is lost


def as_json(record: SummaryRecord) -> dict[str, object]:
    """The shape the second witness prints."""
    sections = [
        {
            "id": section.id,
            "title": section.title,
            "blocks": [
                {
                    "kind": "table",
                    "text": "",
                    "caption": block.caption,
                    "columns": list(block.columns),
                    "rows": [list(row) for row in block.rows],
                }
                if isinstance(block, Table)
                else {"kind": "text", "text": block.text, "caption": None, "columns": [], "rows": []}
                for block in section.blocks
            ],
        }
        for section in record.sections
    ]
    return {
        "sections": sections,
        "document_statements": [{"kind": one.kind.value, "text": one.text} for one in record.statements],
        "created": record.created.iso,
        "author": record.author_name,
        "practice": record.practice,
        "nhs_number": record.nhs_number.value,
        "additional_information": record.additional_information,
        "active_content_removed": record.active_content_removed,
    }


def _body_characters(summary: etree._Element) -> str:
    """All characters of the visible text but white space, read without the reader under test."""
    html = next(element for element in summary.iter("{xhtml:NPfIT:PresentationText}html"))
    bodies = list(html.iter("{xhtml:NPfIT:PresentationText}body")) or [html]
    shown = etree.XPath(
        ".//text()[not(ancestor::*[local-name()='head' or local-name()='script' or local-name()='style'])"
        " and not(parent::comment()) and not(parent::processing-instruction())]"
    )
    return "".join("".join(shown(body)) for body in bodies).translate({ord(mark): None for mark in " \t\r\n"})


def _check_whole(summary: etree._Element) -> SummaryRecord:
    before = etree.tostring(summary, method="c14n")
    record = read_summary(summary, EVENT_ID)
    assert "".join(words_in(record.sections)) == _body_characters(summary)
    assert etree.tostring(summary, method="c14n") == before
    said = {key: value for key, value in witness(summary).items() if key in as_json(record)}
    assert as_json(record) == said
    return record


_STORED = [patient for patient in cast.patients() if listed_numbers(patient, stale_missed=True)]


@pytest.mark.parametrize("patient", _STORED, ids=lambda patient: f"{patient.case}-{patient.nhs[-3:]}")
def test_the_whole_cast(patient: Patient) -> None:
    documents = Documents()
    for number in listed_numbers(patient, stale_missed=True):
        summary = parse(documents.summary(patient, version(patient, number)), shape=False)  # as from Spine
        record = _check_whole(summary)
        assert record.active_content_removed is (patient.case == "hostile_markup")
        coded = [
            element for element in summary.iter() if isinstance(element.tag, str) and ".moodCode" not in element.tag
        ]
        ids = [
            element
            for element in coded
            if element.getparent() is not None and element.getparent().tag == f"{HL7}component"
        ]
        entries = [element for element in ids if etree.QName(element).localname.startswith("UKCT_MT1440")]
        assert sum(len(section.entries) for section in record.coded) == len(entries)
        assert all(entry.id and entry.code.code for section in record.coded for entry in section.entries)
        if patient.case == "nullified":
            assert any(entry.nullified for section in record.coded for entry in section.entries)


# The real samples


def _samples(shared: Path) -> dict[str, bytes]:
    folders = (shared / "samples/scr-mini-service", shared / "samples/spine/psis/event-query")
    files = [path for folder in folders for path in sorted(folder.glob("*.xml"))]
    return {path.name: path.read_bytes() for path in files if b"GPSummary" in path.read_bytes()}


def test_no_word_of_any_real_sample_is_lost(shared: Path) -> None:
    counted = 0
    for name, data in _samples(shared).items():
        # one generic number of the samples fails its own check digit: it is refused, and read here under another
        for summary in parse(data.replace(b"9900004948", PATIENT.value.encode())).iter(f"{HL7}GPSummary"):
            record = _check_whole(summary)
            entries = [part for part in summary.iter() if isinstance(part.tag, str)]
            expected = sum(
                1
                for part in entries
                if etree.QName(part).localname.startswith("UKCT_MT1440") and part.getparent().tag == f"{HL7}component"
            )
            assert sum(len(section.entries) for section in record.coded) == expected, name
            counted += 1
    assert counted >= 16


def test_a_number_that_is_none_is_refused(shared: Path) -> None:
    data = (shared / "samples/spine/psis/event-query/initial-upload-org-sds.xml").read_bytes()
    (summary,) = parse(data).iter(f"{HL7}GPSummary")
    assert failure(lambda: read_summary(summary, EVENT_ID)).code is Code.SPINE_UNUSABLE


def test_event_samples_that_disagree_with_themselves_are_refused(shared: Path) -> None:
    folder = shared / "samples/spine/psis/event-query"
    number, event_id = NhsNumber("9995000180"), "BF4180FD-C403-4EF7-A4AB-E07303AF5477"
    outcomes = {}
    for path in sorted(folder.glob("*.xml")):
        try:
            outcomes[path.stem] = read_event(path.read_bytes(), number, event_id) is not None
        except WrongPatient:
            outcomes[path.stem] = False
    assert outcomes == {"additional-information": False, "initial-upload-org-sds": False, "success": True}


def test_mini_service_samples_of_another_patient_are_refused(shared: Path) -> None:
    wrong = []
    for path in sorted((shared / "samples/scr-mini-service").glob("querySCRResponse_*.xml")):
        for summary in parse(path.read_bytes()).iter(f"{HL7}GPSummary"):
            try:
                check_summary(summary, NhsNumber(path.stem[-10:]))
            except WrongPatient:
                wrong.append(path.stem[-10:])
            except SpineUnavailable as error:
                raise AssertionError(path.name) from error
    assert wrong == ["9454201077", "9464246871"]


def test_list_samples_and_faults(shared: Path) -> None:
    from gateway.spine.psis import read_event_list

    number = NhsNumber("9995000180")
    folder = shared / "samples/spine"
    listed = read_event_list((folder / "psis/event-list/success.xml").read_bytes(), number)
    assert [event.id[:4] for event in listed.events] == ["FA60", "BC60"]
    assert asdict(read_event_list((folder / "psis/event-list/no-consent.xml").read_bytes(), number))["events"] == ()
    assert read_event_list((folder / "psis/event-list/not-found.xml").read_bytes(), number).events == ()
    transient = {
        path.stem: failure(lambda path=path: read_event_list(path.read_bytes(), number)).transient
        for path in (folder / "faults").glob("*.xml")
    }
    assert transient == {
        "soap-fault-200": True,
        "soap-fault-300": False,
        "soap-fault-multiple": False,
        "ebxml-error-single": False,
    }
