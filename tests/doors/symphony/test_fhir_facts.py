"""No fact of a coded entry is lost on its way to FHIR: every code, word, time and id of the document, read here straight from
its XML, stands in the resource of that entry or in what it refers to. Over the cast and over generated patients.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.spine.summary import read_summary
from tests.doors.symphony.fhir_answers import bundle_of, references
from vendor_stubs import cast
from vendor_stubs.fhir_reader import read_record
from vendor_stubs.spine.documents import Documents
from vendor_stubs.spine.versions import listed_numbers, version
from vendor_stubs.summary_reader import read_summary as read_by_stub
from vendor_stubs.xml import parse

HL7 = "{urn:hl7-org:v3}"
STRUCTURE = {
    "typeCode", "classCode", "moodCode", "determinerCode", "contextConductionInd", "contextControlCode", "inversionInd",
    "negationInd", "nullFlavor", "codeSystem", "use", "mediaType",
    "{http://www.w3.org/2001/XMLSchema-instance}type",
}  # fmt: skip
"""Attributes that say how the message is built, or (codeSystem) are said by the code's system."""
CONSTANT = {
    "templateId",
    "seperatableInd",
    "pertinentSupportingInfo/code",
    "pertinentDosageInstructions/code",
    "medicationQuantity/code",
}
"""Elements that say the same in every message."""
ODS_ROOT = "1.2.826.0.1285.0.1.10"
ROOTS = {ODS_ROOT, "1.2.826.0.1285.0.2.0.67", "1.2.826.0.1285.0.2.0.65", "1.2.826.0.1285.0.2.0.107"}
"""OIDs that stand as the identifier's system."""


def documents(number: str) -> Iterator[bytes]:
    """Every summary that Spine lists for a patient."""
    patient = cast.patient(number)
    assert patient is not None
    for listed in listed_numbers(patient, stale_missed=False):
        found = Documents().summary(patient, version(patient, listed))
        yield found if isinstance(found, bytes) else etree.tostring(found)


def entries(summary: etree._Element) -> Iterator[etree._Element]:
    for component in summary.iterfind(f".//{HL7}pertinentCREType/{HL7}component"):
        yield from (child for child in component if "UKCT_" in str(child.tag))


def collapsed(text: str) -> str:
    """XML's white space collapsed; any other Unicode (a no-break space too) as it is."""
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" ")


def facts(entry: etree._Element) -> Iterator[tuple[str, str]]:
    """(place, fact) of everything an entry says but for its structure; the status is looked at on its own."""
    for element in entry.iter():
        name = etree.QName(element).localname
        parent = element.getparent()
        place = f"{etree.QName(parent).localname}/{name}" if parent is not None else name
        if {name, place} & CONSTANT or (name == "statusCode" and parent is entry):
            continue
        said = [(key, value) for key, value in element.attrib.items() if key not in STRUCTURE]
        if element.text and element.text.strip():
            said.append(("text", collapsed(element.text)))
        for key, value in said:
            if value in ROOTS:
                continue
            yield f"{place}@{key}", collapsed(_as_written(name, key, value))


def _as_written(name: str, key: str, value: str) -> str:
    """A time as its ISO date, a telephone number without its scheme, anything else as it is."""
    if key == "value" and value.isdigit() and name in {"effectiveTime", "low", "high", "center", "centre", "time"}:
        return "-".join(part for part in (value[:4], value[4:6], value[6:8]) if part)
    return value.removeprefix("tel:").removeprefix("fax:") if name == "telecom" else value


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield collapsed(str(value))


def told(resource: dict[str, Any], known: dict[str, dict[str, Any]]) -> str:
    """Every string of a resource and of all it refers to, the patient left out."""
    seen: dict[str, dict[str, Any]] = {}
    waiting = [f"{resource['resourceType']}/{resource['id']}"]
    while waiting:
        name = waiting.pop()
        if name not in seen and not name.startswith("Patient/"):
            seen[name] = known[name]
            waiting += references(known[name])
    return "\n".join(text for each in seen.values() for text in strings(each))


def lost(document: bytes) -> list[tuple[str, str, str]]:
    """(entry, place, fact) of everything that did not arrive."""
    summary = etree.fromstring(document)
    bundle = bundle_of(read_summary(summary, "E1"))
    known = {f"{row['resource']['resourceType']}/{row['resource']['id']}": row["resource"] for row in bundle["entry"]}
    missing = []
    for entry in entries(summary):
        wanted = entry.find(f"{HL7}id").get("root")
        [resource] = [
            row
            for row in known.values()
            if row["resourceType"] not in {"Composition", "Patient", "Device"}
            and {"value": wanted} in row.get("identifier", [])
        ]
        text = told(resource, known)
        missing += [(entry.tag, place, fact) for place, fact in facts(entry) if fact not in text]
        status = entry.find(f"{HL7}statusCode")
        nullified = status is not None and status.get("code") == "nullified"
        kept = [resource.get(name) for name in ("status", "verificationStatus", "modifierExtension")]
        if ("entered-in-error" in str(kept)) is not nullified:
            missing.append((entry.tag, "statusCode", "nullified"))
    return missing


@pytest.mark.parametrize("number", sorted({patient.nhs for patient in cast.patients()}))
def test_no_fact_of_the_casts_entries_is_lost(number: str) -> None:
    for document in documents(number):
        assert lost(document) == []


def addresses(document: bytes) -> set[str]:
    """The whole addresses of everything in a document's Bundle."""
    summary = etree.fromstring(document)
    event = summary.find(f"{HL7}id").get("root")
    return {row["fullUrl"] for row in bundle_of(read_summary(summary, event))["entry"]}


def test_no_two_documents_share_an_address_of_a_resource() -> None:
    """Nor the generated patients', whose documents are alike but for their ids."""
    numbers = [patient.nhs for patient in cast.patients()]
    numbers += [number for body in range(0, 99_999_999, 1_111_111) if (number := valid(body)) is not None]
    owners: dict[str, bytes] = {}
    for number in numbers:
        for document in documents(number):
            for address in addresses(document):
                assert owners.setdefault(address, document) == document, address
    assert len(owners) > 1000


def test_an_id_that_is_no_uuid_names_no_resource() -> None:
    """`1` may stand in another patient's document too; the wire's id stays the identifier."""
    [document, *_] = documents(next(patient.nhs for patient in cast.patients() if patient.case == "core"))
    summary = etree.fromstring(document)
    for place, entry in enumerate(entries(summary)):
        entry.find(f"{HL7}id").set("root", str(place))
    found = [row["resource"] for row in bundle_of(read_summary(summary, "E1"))["entry"]]
    other = [row["resource"] for row in bundle_of(read_summary(summary, "E2"))["entry"]]
    assert {"value": "0"} in [value for row in found for value in row.get("identifier", []) if "system" not in value]
    assert not {row["id"] for row in found} & {row["id"] for row in other}


def valid(body: int) -> str | None:
    return next((text for check in range(10) if cast.is_nhs_number(text := f"9{body:08d}{check}")), None)


# one digit ten times is nobody's number
NUMBERS = st.integers(0, 99_999_998).map(valid).filter(lambda text: text is not None)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(NUMBERS)
def test_a_generated_patients_record_has_the_same_facts_over_fhir_and_the_mini_service(number: str) -> None:
    """The mini service passes the document on as it is: its words by the stubs' reader, its coded entries by this one."""
    for document in documents(number):
        bundle = bundle_of(read_summary(etree.fromstring(document), "E1"))
        assert read_record(bundle) == read_by_stub(parse(document))
        assert lost(document) == []


def test_a_fact_that_is_lost_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: without dosages and without supporting text it does."""
    [document, *_] = documents(
        next(patient.nhs for patient in cast.patients() if patient.case == "additional_information")
    )
    assert lost(document) == []
    told_whole = told
    monkeypatch.setattr(f"{__name__}.told", lambda *parts: told_whole(*parts).replace("tablet", ""))
    assert lost(document)
