"""SummaryRecord -> the searchset Bundle of GET /Bundle: Composition with its sections, authors, coded entries, Patient. Pure.

Every section of the record is there, in order, after what its practice took back; a section without coded entries has
its text and nothing that could be read as "nothing known".
"""

from dataclasses import dataclass

from gateway.adapters.fhir.agents import People
from gateway.adapters.fhir.datatypes import (
    CODE,
    NHS_NUMBER,
    RFC4122,
    SNOMED,
    TERMINOLOGY,
    Json,
    coding,
    concept,
    extension,
    identifier,
    instant_of,
    plain_concept,
    time_of,
    without_nothing,
)
from gateway.adapters.fhir.entries import Placed, resource_of, resource_type
from gateway.adapters.fhir.narrative import section_div
from gateway.adapters.fhir.shelf import Shelf
from gateway.adapters.fhir.taken_back import withdrawn_section
from gateway.adapters.fhir.vocabulary import BELONGS, HEADINGS, MEDICATION, MEDICATION_HEADINGS, SECTIONS, heading_of
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import CodedEntry, Participation, Section, StatementKind, SummaryRecord, Text

DOCUMENTATION = "163171000000105"
_PARTICIPATIONS = {"author": ("AUT", "author"), "informant": ("INF", "informant"), "performer": ("PRF", "performer")}
_MODE = "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-ModeCode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds a record in the Bundle."""

    base: str
    """Base address of this FHIR server."""
    bundle_id: str
    answer_id: str | None
    """Id of Spine's answer."""
    answered: str | None
    """When Spine answered: an instant."""
    requested: NhsNumber | None
    """The number asked for, where it was superseded."""


def record_bundle(record: SummaryRecord, frame: Frame) -> Json:
    """The Bundle. `total` counts matches: the one Composition; everything else is included with it."""
    shelf = Shelf(frame.base, record.event_id)
    composition_id, patient_id = shelf.name("Composition", record.event_id), shelf.name("Patient")
    patient = {"reference": f"Patient/{patient_id}"}
    people = People(shelf, patient)
    author = people.author(record.author)
    custodian = people.organisation(record.author)
    linked = _entries(record, shelf, people, patient)
    shelf.put(patient_resource(patient_id, record.nhs_number, frame.requested))
    apart = _without_section(linked, record)
    taken_back = withdrawn_section(record, tuple(one.reference for one in linked if one.entry.nullified))
    composition = _composition(record, composition_id, patient, author, custodian, apart) | {
        "section": [*taken_back, *(_section(section, linked, record) for section in record.sections)],
    }
    shelf.put(without_nothing(composition), mode="match")
    shelf.entries.insert(0, shelf.entries.pop())
    return without_nothing(
        {
            "resourceType": "Bundle",
            "id": frame.bundle_id,
            "identifier": identifier(frame.answer_id, RFC4122) if frame.answer_id else None,
            "type": "searchset",
            "timestamp": frame.answered,
            "total": 1,
            "entry": shelf.entries,
        }
    )


def patient_resource(patient_id: str, number: NhsNumber, requested: NhsNumber | None) -> Json:
    """A Patient known by number alone: the current one first, then the one asked for where it was superseded."""
    identifiers = [identifier(number.value, NHS_NUMBER)]
    if requested is not None and requested != number:
        identifiers.append({"use": "old", **identifier(requested.value, NHS_NUMBER)})
    return {"resourceType": "Patient", "id": patient_id, "identifier": identifiers}


def _composition(
    record: SummaryRecord, wanted: str, patient: Json, author: Json, custodian: Json | None, apart: list[Json]
) -> Json:
    """The Composition but for its sections; `apart`: links to the entries that stand in none."""
    shown = {"reference": author["reference"]} if "reference" in author else author
    if record.author_name:
        shown = shown | {"display": record.author_name}
    if record.practice:
        custodian = (custodian or {}) | {"display": record.practice}
    last = instant_of(record.created)
    return {
        "resourceType": "Composition",
        "id": wanted,
        "meta": {"lastUpdated": last} if last else None,
        "extension": [*_extensions(record), *apart],
        "identifier": identifier(record.document_id, RFC4122),
        "status": "final",
        "type": plain_concept(record.type),
        "category": [concept(DOCUMENTATION, SNOMED, SECTIONS[DOCUMENTATION])],
        "subject": patient,
        "date": time_of(record.author_time or record.created),
        "author": [shown],
        "title": record.type.display or "General Practice Summary",
        "custodian": custodian,
        "relatesTo": [{"code": "replaces", "targetIdentifier": identifier(record.replaces)}] if record.replaces else [],
    }


def _extensions(record: SummaryRecord) -> list[Json]:
    """What the record says that R4 has no place for: its statements, whether it holds more than the core, when it was made."""
    statements = [
        {
            "url": extension("document-statement")["url"],
            "extension": [
                {"url": "kind", "valueString": statement.kind.value},
                {"url": "text", "valueString": statement.text},
            ],
        }
        for statement in record.statements
    ]
    return [
        extension("created", valueDateTime=record.created.iso),
        extension("additional-information", valueBoolean=record.additional_information),
        extension("active-content-removed", valueBoolean=record.active_content_removed),
        *statements,
    ]


# Coded entries


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: CodedEntry
    section: str
    id: str

    @property
    def reference(self) -> Json:
        return {"reference": f"{resource_type(self.entry)}/{self.id}"}


def _entries(record: SummaryRecord, shelf: Shelf, people: People, patient: Json) -> tuple[_Kept, ...]:
    """Puts every entry's resource on the shelf, who took part before it; returns them with their sections."""
    kept = tuple(
        _Kept(
            entry,
            BELONGS.get(entry.element, section.code.code),
            shelf.name(resource_type(entry), entry.id),
        )
        for section in record.coded
        for entry in section.entries
    )
    by_id: dict[str, _Kept] = {}
    for one in kept:
        by_id.setdefault(one.entry.id.upper(), one)
    for one in kept:
        found = [by_id.get(target.upper()) for _, target in one.entry.references]
        links = tuple((other.reference, other.entry) for other in found if other is not None and other is not one)
        loose = tuple(
            {"identifier": identifier(target), "display": element}
            for element, target in one.entry.references
            if target and target.upper() not in by_id
        )
        participants = tuple(_participant(part, people) for part in one.entry.participations)
        own = resource_type(one.entry) == "Encounter"
        encounter = shelf.put(_taking_part(participants, patient)) if participants and not own else None
        placed = Placed(
            entry=one.entry,
            section=one.section,
            id=one.id,
            patient=patient,
            encounter=encounter,
            participants=participants,
            links=links,
            loose=loose,
        )
        shelf.put(resource_of(placed))
    return kept


def _participant(part: Participation, people: People) -> Json:
    code, display = _PARTICIPATIONS.get(part.type, ("PART", "Participation"))
    start = time_of(part.time)
    return without_nothing(
        {
            "extension": [{"url": _MODE, "valueCodeableConcept": plain_concept(part.mode)}] if part.mode else None,
            "type": [concept(code, f"{TERMINOLOGY}/v3-ParticipationType", display)],
            "period": {"start": start} if start else None,
            "individual": people.participant(part.agent),
        }
    )


def _taking_part(participants: tuple[Json, ...], patient: Json) -> Json:
    """The Encounter that says who wrote, told or did an entry; its class is not known."""
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": f"{TERMINOLOGY}/v3-NullFlavor", "code": "UNK", "display": "Unknown"},
        "subject": patient,
        "participant": list(participants),
    }


# Sections


def _section(section: Section, kept: tuple[_Kept, ...], record: SummaryRecord) -> Json:
    """Title, code (the heading's id, then the section's SNOMED CT code), narrative, and the entries under that heading.

    An id that is no possible code stands as text.
    """
    heading = heading_of(section.id)
    first = next((other for other in record.sections if heading_of(other.id) == heading), None)
    present = _present(record)
    entries = [one.reference for one in kept if heading and first is section and _under(one, present) == heading]
    codings = [coding(section.id)] if section.id and CODE.fullmatch(section.id) else []
    named = without_nothing({"coding": codings, "text": None if codings else section.id})
    if heading is not None:
        codings.append(coding(HEADINGS[heading], SNOMED, SECTIONS[HEADINGS[heading]]))
    withheld = not entries and _only_withheld(section, record)
    return without_nothing(
        {
            "title": section.title,
            "code": named,
            "text": {"status": "generated", "div": section_div(section)},
            "entry": entries,
            "emptyReason": concept("withheld", f"{TERMINOLOGY}/list-empty-reason", "Information Withheld")
            if withheld
            else None,
        }
    )


def _present(record: SummaryRecord) -> set[str]:
    """The headings that have text in this document."""
    return {name for section in record.sections if (name := heading_of(section.id)) is not None}


def _without_section(kept: tuple[_Kept, ...], record: SummaryRecord) -> list[Json]:
    """Links to the entries whose section has no text here, so that each is reached from the Composition."""
    present = _present(record)
    return [extension("entry", valueReference=one.reference) for one in kept if _under(one, present) is None]


def _under(one: _Kept, present: set[str]) -> str | None:
    """The heading an entry stands under in this document; None where its section has no text here."""
    if one.section == MEDICATION:
        named = MEDICATION_HEADINGS.get(one.entry.element)
        if named is not None:
            return named if named in present else None
    return next((name for name, code in HEADINGS.items() if code == one.section and name in present), None)


def _only_withheld(section: Section, record: SummaryRecord) -> bool:
    """Whether a section holds nothing but the statement that its entries were withheld."""
    withheld = {statement.text for statement in record.statements if statement.kind is StatementKind.WITHHELD}
    texts = [block.text for block in section.blocks if isinstance(block, Text)]
    return bool(texts) and len(texts) == len(section.blocks) and withheld.issuperset(texts)
