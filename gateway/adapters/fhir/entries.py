"""Coded entries -> FHIR resources: one resource for each entry, whatever its kind. Pure.

Resources come from coded entries alone, never from text; a nullified entry is always marked entered-in-error.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.adapters.fhir.datatypes import (
    SNOMED,
    TERMINOLOGY,
    Json,
    concept,
    extension,
    has_words,
    identifier,
    period,
    plain_concept,
    point_of,
    qualified_concept,
    start_of,
    time_of,
    unknown_concept,
    without_nothing,
)
from gateway.adapters.fhir.statuses import (
    condition_status,
    encounter_status,
    event_status,
    medication_status,
    modifiers,
    odd_state,
    statuses,
)
from gateway.adapters.fhir.vocabulary import FAMILY_HISTORY, LIFESTYLE, RESOURCES, SECTIONS
from gateway.adapters.fhir.words import generated, notes, qualifier_notes, taking_part, value_words
from gateway.domain.record import CodedEntry

_PERIODS = frozenset({"163131000000108", "163141000000104", FAMILY_HISTORY, LIFESTYLE})
"""Observations whose `low` is the start of a period; elsewhere a lone `low` is the date of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An entry with its place among the others. `links`: (reference, entry) of those it points to that are here."""

    entry: CodedEntry
    section: str
    """Code of the section it belongs to."""
    id: str
    patient: Json
    encounter: Json | None
    participants: tuple[Json, ...] = ()
    """Encounter.participant values, for an entry that is an Encounter itself."""
    links: tuple[tuple[Json, CodedEntry], ...] = ()
    loose: tuple[Json, ...] = ()
    """Logical references to entries that are not in this document."""

    @property
    def category(self) -> Json:
        """The section as a category."""
        return concept(self.section, SNOMED, SECTIONS.get(self.section)) if self.section else unknown_concept()


def resource_type(entry: CodedEntry) -> str:
    """The type of resource an entry becomes."""
    return RESOURCES.get(entry.element, "Basic")


def resource_of(placed: Placed) -> Json:
    """The resource of an entry."""
    kind = resource_type(placed.entry)
    entry = placed.entry
    resource = {
        "resourceType": kind,
        "id": placed.id,
        "modifierExtension": modifiers(kind, entry),
        "extension": _extensions(kind, placed),
        "identifier": [identifier(entry.id)] if entry.id else None,
        **_BUILDERS[kind](placed),
    }
    return without_nothing(resource)


def _extensions(kind: str, placed: Placed) -> list[Json]:
    """Links; and for Basic, which has a place for neither, who took part and when it was where that is an interval."""
    found = [extension("related", valueReference=reference) for reference in _related(kind, placed)]
    if kind == "Basic" and placed.encounter is not None:
        found.append(extension("encounter", valueReference=placed.encounter))
    time = placed.entry.effective
    if kind == "Basic" and time.high is not None:
        found.append(extension("effective", valuePeriod=period(start_of(time), time.high)))
    return found


_REASONS = frozenset({"Condition", "Observation"})
"""What a medicine's reason may be in R4."""


def _related(kind: str, placed: Placed) -> list[Json]:
    """Links for which R4 has no member of that meaning: kept, and nothing claimed of what kind they are.

    Where something in the entry is negated, it may be the link: then none is given as evidence or as a reason.
    """
    linked = [*(reference for reference, _ in placed.links), *placed.loose]
    if placed.entry.partly_negated:
        return linked
    if kind == "Condition":
        return []
    if kind == "MedicationStatement":
        return [reference for reference, other in placed.links if resource_type(other) not in _REASONS]
    return linked


def _concept(entry: CodedEntry) -> Json:
    return qualified_concept(entry.code, entry.qualifiers) if has_words(entry.code) else unknown_concept()


def _observation(placed: Placed) -> Json:
    entry = placed.entry
    value: Json = {}
    if entry.value_coding is not None:
        value = {"valueCodeableConcept": plain_concept(entry.value_coding)}
    elif entry.value:
        value = {"valueString": entry.value}
    return {
        "status": "entered-in-error" if entry.nullified else "final",
        "category": [placed.category],
        "code": _concept(entry),
        "subject": placed.patient,
        "encounter": placed.encounter,
        **_timed("effective", entry, interval=placed.section in _PERIODS),
        **value,
        "note": notes(entry),
    }


def _timed(name: str, entry: CodedEntry, *, interval: bool = False) -> Json:
    """`<name>DateTime` of a moment, `<name>Period` of an interval."""
    time = entry.effective
    if time.high is not None or (interval and time.low is not None):
        return {f"{name}Period": period(start_of(time), time.high)}
    return {f"{name}DateTime": time_of(start_of(time))}


def _condition(placed: Placed) -> Json:
    """The clinical status is stated only where the wire states it; an ended one is inactive (con-4).

    A Problem takes the code of the entry it points to, but never of one that was withdrawn or is negated: it would come
    back as a live one.
    """
    entry = placed.entry
    ended = None if entry.nullified or entry.negated else time_of(entry.effective.high)
    links = () if entry.partly_negated else placed.links
    target = next((other for _, other in links if not (other.nullified or other.negated)), None)
    code = _concept(target) if entry.element == "Problem" and target is not None else _concept(entry)
    said = (f"Ended {entry.effective.high.iso}",) if ended is None and entry.effective.high else ()
    shown = () if entry.partly_negated else (*(link for link, _ in links), *placed.loose)
    evidence = [{"detail": [reference]} for reference in shown]
    return {
        **statuses("Condition", entry, condition_status(entry, ended=ended is not None)),
        "category": [placed.category],
        "code": code,
        "subject": placed.patient,
        "encounter": placed.encounter,
        "onsetDateTime": time_of(start_of(entry.effective)),
        "abatementDateTime": ended,
        "evidence": evidence,
        "note": notes(entry, *said, *odd_state(entry), value_words(entry)),
    }


def _allergy(placed: Placed) -> Json:
    """Listed by the practice, so active (ait-1), unless it has ended or is negated; nothing is said about its verification."""
    entry = placed.entry
    ended = entry.effective.high
    said = (f"Ended {ended.iso}",) if ended else ()
    return {
        **statuses("AllergyIntolerance", entry, "inactive" if ended or entry.negated else "active"),
        "code": _concept(entry),
        "patient": placed.patient,
        "encounter": placed.encounter,
        "onsetDateTime": time_of(start_of(entry.effective)),
        "note": notes(entry, *qualifier_notes(entry), *said, *odd_state(entry), value_words(entry)),
    }


def _medication(placed: Placed) -> Json:
    entry = placed.entry
    quantity = _quantity(entry)
    product = plain_concept(entry.product) if entry.product is not None else None
    links, loose = ((), ()) if entry.partly_negated else (placed.links, placed.loose)
    return {
        "status": medication_status(entry),
        "category": _concept(entry),
        "medicationCodeableConcept": product or unknown_concept(),
        "subject": placed.patient,
        "context": placed.encounter,
        **_timed("effective", entry),
        "reasonReference": [
            *(reference for reference, other in links if resource_type(other) in _REASONS),
            *loose,
        ],
        "note": notes(entry, f"Quantity: {quantity}" if quantity else "", *odd_state(entry), value_words(entry)),
        "dosage": [{"text": entry.dosage}] if entry.dosage else None,
    }


def _quantity(entry: CodedEntry) -> str:
    value, unit, name = entry.quantity or (None, None, None)
    shown = name or (unit if unit != "1" else None)
    return " ".join(part for part in (value, shown) if part)


def _procedure(placed: Placed) -> Json:
    entry = placed.entry
    return {
        "status": event_status(entry),
        "category": placed.category,
        "code": _concept(entry),
        "subject": placed.patient,
        "encounter": placed.encounter,
        **_timed("performed", entry),
        "note": notes(entry, value_words(entry)),
    }


def _encounter(placed: Placed) -> Json:
    entry = placed.entry
    point = point_of(entry.effective)
    return {
        "text": generated(entry),
        "status": encounter_status(entry),
        "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "GENRL", "display": "General"},
        "type": [_concept(entry)],
        "subject": placed.patient,
        "participant": list(placed.participants),
        "period": period(entry.effective.low or point, entry.effective.high or point),
    }


def _communication(placed: Placed) -> Json:
    entry = placed.entry
    return {
        "status": event_status(entry),
        "category": [placed.category],
        "topic": _concept(entry),
        "subject": placed.patient,
        "encounter": placed.encounter,
        "sent": time_of(start_of(entry.effective)),
        "note": notes(entry, value_words(entry)),
    }


def _basic(placed: Placed) -> Json:
    """Kinds R4 has no resource for, and kinds not known here: kept, never dropped.

    Basic has no status, so that a nullified one carries a modifier extension, which nobody may overlook, and says it;
    nor an encounter, so that who took part is linked by an extension.
    """
    entry = placed.entry
    start = start_of(entry.effective)
    return {
        "text": generated(entry, "Entered in error." if entry.nullified else "", *taking_part(placed.participants)),
        "code": _concept(entry),
        "subject": placed.patient,
        "author": next((part["individual"] for part in placed.participants), None),
        "created": start.iso[:10] if start is not None else None,
    }


_BUILDERS: dict[str, Callable[[Placed], Json]] = {
    "AllergyIntolerance": _allergy,
    "Basic": _basic,
    "Communication": _communication,
    "Condition": _condition,
    "Encounter": _encounter,
    "MedicationStatement": _medication,
    "Observation": _observation,
    "Procedure": _procedure,
}
