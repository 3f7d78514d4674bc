"""The coded sections of a GP Summary -> coded entries. Pure.

It must never drop an entry because its kind is unknown, and never read a code by its display name.
"""

from collections.abc import Iterator
from typing import Any, cast

from lxml import etree

from gateway.domain.record import CodedEntry, CodedSection, Coding, EffectiveTime
from gateway.spine.active import local_of
from gateway.spine.agents import read_coding, read_participation, read_time, words_of
from gateway.spine.envelope import hl7
from gateway.spine.outcomes import unusable
from gateway.xml.paths import elements, first

_PARTICIPATIONS = (hl7("author"), hl7("informant"), hl7("performer"))
_NOT_LINKS = frozenset(
    {
        "id", "code", "text", "statusCode", "effectiveTime", "value", "author", "informant", "performer", "consumable",
        "templateId", "seperatableInd",
    }
)  # fmt: skip
_CONTENT = frozenset({"pertinentSupportingInfo", "pertinentDosageInstructions", "medicationQuantity"})
_PRESSURES = {"systolicPressure": "systolic", "diastolicPressure": "diastolic"}
_ENTRY = "UKCT_MT1440"
_NO_CODE = Coding("", "")
_CODED = hl7("pertinentInformation2")
_NEGATIONS = ("negationInd", "actionNegationInd", "valueNegationInd")
_SAYS = {"true": True, "1": True, "false": False, "0": False}
"""The words of an xs:boolean."""
_NEGATING = etree.XPath(" | ".join(f"descendant-or-self::*/@{name}/.." for name in _NEGATIONS))

_MARKER_CODE = "263536004"
_MARKER_TEXT = "Additional information records have been found"
_CORE_SECTIONS = frozenset({"163221000000102", "185361000000102"})
_THIRD_PARTY, _PREFERENCES = "163191000000109", "162961000000108"


def read_coded(summary: etree._Element) -> tuple[CodedSection, ...]:
    """All pertinentInformation2 of a GPSummary, in order, with every entry under them."""
    sections = []
    for information in elements(summary, hl7("pertinentInformation2")):
        for section in elements(information, hl7("pertinentCREType")):
            negated = is_negated(information) or is_negated(section)
            entries = tuple(
                entry
                for component in elements(section, hl7("component"))
                for entry in _entries(component, negated=negated)
            )
            sections.append(CodedSection(read_coding(first(section, hl7("code"))) or _NO_CODE, entries))
    return tuple(sections)


def marks_additional_information(sections: tuple[CodedSection, ...]) -> bool:
    """Whether the coded part shows more than the core: another kind of section, or the marker entry."""
    return any(_is_additional(section) for section in sections)


def _is_additional(section: CodedSection) -> bool:
    code = section.code.code
    if code in _CORE_SECTIONS:
        return False
    if code == _THIRD_PARTY:
        return any(
            entry.code.code == _MARKER_CODE and any(text.startswith(_MARKER_TEXT) for text in entry.supporting)
            for entry in section.entries
        )
    if code == _PREFERENCES and section.entries:
        return any(entry.element != "Refusal" for entry in section.entries)
    return True


def is_negated(element: etree._Element) -> bool:
    """Whether an act or a relationship says of itself that it is not so (HL7 V3 negationInd, an xs:boolean).

    Raises SpineFailure SPINE_UNUSABLE for any other word: what may mean no is never read as yes.
    """
    said = [_SAYS.get(text.strip()) for name in _NEGATIONS if (text := element.get(name)) is not None]
    if None in said:
        raise unusable()
    return any(said)


def check_negations(summary: etree._Element) -> None:
    """Only what stands in the coded part of a GPSummary may say that it is not so; nothing else can be shown then.

    Raises SpineFailure SPINE_UNUSABLE: the summary itself, whose it is, who wrote it or its text is negated, or what a
    negation anywhere says cannot be read.
    """
    for element in cast("list[Any]", _NEGATING(summary)):
        if is_negated(element) and not _is_coded(element, summary):
            raise unusable()


def _is_coded(element: etree._Element, summary: etree._Element) -> bool:
    """Whether it stands in the coded part of the summary."""
    above = (element, *element.iterancestors())
    return any(part.tag == _CODED and part.getparent() is summary for part in above)


def _entries(component: etree._Element, *, negated: bool) -> Iterator[CodedEntry]:
    """The entry of a component, then those nested in it (an organizer's findings), each whole.

    `negated`: what the component stands under is.
    """
    negated = negated or is_negated(component)
    for element in elements(component):
        if local_of(element) in {"templateId", "seperatableInd"}:
            continue
        yield read_entry(element, negated=negated)
        for link in elements(element):
            nested = any(local_of(inner).startswith(_ENTRY) for inner in elements(link))
            if nested and local_of(link).startswith("component"):
                yield from _entries(link, negated=negated or is_negated(element))


def read_entry(element: etree._Element, *, negated: bool = False) -> CodedEntry:
    """One entry element -> CodedEntry. Absent parts are None or empty; nothing is refused. `negated`: from outside it."""
    identifier, status = first(element, hl7("id")), first(element, hl7("statusCode"))
    code = first(element, hl7("code"))
    value = first(element, hl7("value"))
    return CodedEntry(
        element=local_of(element).rpartition(".")[2],
        id="" if identifier is None else identifier.get("root", ""),
        code=read_coding(code) or _NO_CODE,
        qualifiers=tuple(_qualifiers(code)),
        status=None if status is None else status.get("code"),
        effective=_effective(first(element, hl7("effectiveTime"))),
        value=_value(value) or _pressures(element),
        value_coding=read_coding(value) if value is not None and value.get("code") else None,
        supporting=tuple(_supporting(element)),
        dosage=_dosage(element),
        quantity=_quantity(element),
        product=read_coding(
            first(
                element,
                hl7("consumable"),
                hl7("manufacturedProduct"),
                hl7("manufacturedManufacturedMaterial"),
                hl7("code"),
            )
        ),
        references=tuple(_references(element)),
        participations=tuple(
            part for found in elements(element, *_PARTICIPATIONS) if (part := read_participation(found)) is not None
        ),
        negated=negated or is_negated(element),
        partly_negated=any(is_negated(inner) for inner in element.iterdescendants(hl7("*"))),
    )


def _qualifiers(code: etree._Element | None) -> Iterator[tuple[Coding, Coding]]:
    """(name, value) pairs that refine a code, such as an allergy's certainty; nested ones after their own."""
    if code is None:
        return
    for qualifier in elements(code, hl7("qualifier")):
        value = first(qualifier, hl7("value"))
        name, meaning = read_coding(first(qualifier, hl7("name"))), read_coding(value)
        if name is not None or meaning is not None:
            yield name or read_coding(qualifier) or _NO_CODE, meaning or _NO_CODE
        yield from _qualifiers(value)


def _effective(element: etree._Element | None) -> EffectiveTime:
    if element is None:
        return EffectiveTime()
    center = first(element, hl7("center"))  # both spellings are on the wire
    return EffectiveTime(
        value=read_time(element),
        low=read_time(first(element, hl7("low"))),
        high=read_time(first(element, hl7("high"))),
        center=read_time(center if center is not None else first(element, hl7("centre"))),
    )


def _value(element: etree._Element | None) -> str | None:
    """A value as text: its words, or a quantity with the name of its unit (`1` is no unit)."""
    if element is None:
        return None
    if element.get("value") is None:
        return words_of(element)
    name = words_of(first(element, hl7("translation"), hl7("originalText")))
    unit = name or (element.get("unit") if element.get("unit") != "1" else None)
    return " ".join(part for part in (element.get("value"), unit) if part) or None


def _pressures(element: etree._Element) -> str | None:
    """A blood pressure's two parts, named; None for any other entry."""
    if not local_of(element).endswith(".BloodPressure"):
        return None
    parts = []
    for link in elements(element):
        for inner in elements(link):
            name, value = _PRESSURES.get(local_of(inner)), _value(first(inner, hl7("value")))
            if name and value:
                parts.append(f"{name} {value}")
    return "; ".join(sorted(parts, reverse=True)) or None


def _supporting(element: etree._Element) -> Iterator[str]:
    """The act's own text, then its supporting texts."""
    text = words_of(first(element, hl7("text")))
    if text:
        yield text
    for link in elements(element):
        text = words_of(first(link, hl7("pertinentSupportingInfo"), hl7("value")))
        if text:
            yield text


def _dosage(element: etree._Element) -> str | None:
    found = (first(link, hl7("pertinentDosageInstructions"), hl7("value")) for link in elements(element))
    return next((text for value in found if (text := words_of(value))), None)


def _quantity(element: etree._Element) -> tuple[str | None, str | None, str | None] | None:
    for link in elements(element, hl7("component")):
        found = first(link, hl7("medicationQuantity"), hl7("quantity"))
        if found is not None:
            unit_name = words_of(first(found, hl7("translation"), hl7("originalText")))
            return found.get("value"), found.get("unit"), unit_name
    return None


def _references(element: etree._Element) -> Iterator[tuple[str, str]]:
    """Other entries pointed to: whatever a link holds that has an id and is not content of its own."""
    for link in elements(element):
        if local_of(link) in _NOT_LINKS:
            continue
        for target in elements(link):
            identifier = first(target, hl7("id"))
            name = local_of(target)
            if identifier is not None and name not in _CONTENT and name not in _PRESSURES:
                yield name.rpartition(".")[2], identifier.get("root", "")
