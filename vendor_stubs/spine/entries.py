"""The coded sections of a GP Summary: allergies, medication, Additional Information groups and the marker for them.

Each entry says what its row of the presentation text says; must never say more.
"""

from collections.abc import Callable
from datetime import date
from functools import partial

from vendor_stubs.spine.agents import add_participants
from vendor_stubs.spine.coding import concept, inner_id
from vendor_stubs.spine.content import Allergy, GroupContent, Item, Medication, MedicationKind, SummaryContent
from vendor_stubs.spine.groups import ALLERGIES_CODE, BY_KEY, MEDICATION_CODE, THIRD_PARTY_CODE, EntryShape
from vendor_stubs.spine.names import DOSAGE, SNOMED, TEMPLATE, TEXT_KIND
from vendor_stubs.xml import XSI, Element, add, qname

_DEGRADED = "196411000000103"
_PROBLEM_NODE = "181301000000103"
_MARKER_CODE = "263536004"
MARKER_OPENING = "Additional information records have been found under the following types:"
_MEDICATION = {
    MedicationKind.ACUTE: ("AcuteMedication", "222671000000103", "Acute medication"),
    MedicationKind.REPEAT: ("CurrentRepeatMedication", "222681000000101", "Repeat medication"),
    MedicationKind.DISCONTINUED: ("DiscontinuedRepeatMedication", "222691000000104", "Discontinued repeat medication"),
}


def _midnight(day: date) -> str:
    return f"{day:%Y%m%d}000000"


class EntryWriter:
    """Writes the coded sections of one summary; ids follow from the document's id and each entry's place."""

    def __init__(self, summary: Element, content: SummaryContent) -> None:
        self._summary = summary
        self._content = content
        self._count = 0

    def write(self) -> None:
        """Adds every pertinentInformation2 the content asks for, the third party marker first."""
        content = self._content
        shown = [BY_KEY[group.key].display for group in content.groups if BY_KEY[group.key].title]
        if shown:
            self._section(THIRD_PARTY_CODE, "Third Party Correspondence", lambda add_to: self._marker(add_to(), shown))
        if content.allergies:
            self._section(ALLERGIES_CODE, "Allergies and Adverse Reactions", self._allergies)
        if content.medications:
            self._section(MEDICATION_CODE, "Medication", self._medications)
        for group in content.groups:
            known = BY_KEY[group.key]
            self._section(known.code, known.display, partial(self._group, group=group))

    def _next_id(self) -> str:
        self._count += 1
        return self._inner("entry", str(self._count))

    def _inner(self, *parts: str) -> str:
        return inner_id(self._content.document_id, *parts)

    def _section(self, code: str, display: str, fill: Callable[[Callable[[], Element]], None]) -> None:
        information = add(
            self._summary,
            "pertinentInformation2",
            typeCode="PERT",
            inversionInd="false",
            contextConductionInd="true",
            negationInd="false",
        )
        add(information, "templateId", root=TEMPLATE, extension="CSAB_RM-NPfITUK10.pertinentInformation1")
        add(information, "seperatableInd", value="true")
        section = add(information, "pertinentCREType", classCode="CATEGORY", moodCode="EVN")
        add(section, "code", code=code, codeSystem=SNOMED, displayName=display)

        def add_component() -> Element:
            component = add(section, "component", typeCode="COMP", contextConductionInd="true")
            add(component, "templateId", root=TEMPLATE, extension="CSAB_RM-NPfITUK10.component")
            add(component, "seperatableInd", value="false")
            return component

        fill(add_component)

    def _entry(self, component: Element, shape: EntryShape) -> tuple[Element, str]:
        entry = add(component, shape.element, classCode=shape.class_code, moodCode=shape.mood_code)
        entry_id = self._next_id()
        add(entry, "id", root=entry_id)
        return entry, entry_id

    def _marker(self, component: Element, shown: list[str]) -> None:
        shape = EntryShape(element="UKCT_MT144035UK01.ThirdPartyCorrespondence", class_code="DOC")
        entry, _ = self._entry(component, shape)
        add(entry, "code", code=_MARKER_CODE, codeSystem=SNOMED, displayName="Communication")
        add(entry, "statusCode", code="normal")
        add(entry, "effectiveTime", value=self._content.created_on_wire)
        _supporting(entry, "\n".join((MARKER_OPENING, *shown)))

    def _allergies(self, add_component: Callable[[], Element]) -> None:
        for allergy in self._content.allergies:
            self._allergy(add_component(), allergy)

    def _allergy(self, component: Element, allergy: Allergy) -> None:
        entry, _ = self._entry(component, EntryShape(element="UKCT_MT144053UK02.Allergy", class_code="OBS"))
        _code(entry, allergy.term)
        add(entry, "statusCode", code=allergy.status)
        add(add(entry, "effectiveTime"), "low", value=_midnight(allergy.on))
        _supporting(
            entry, "; ".join(part for part in (allergy.certainty, allergy.severity, allergy.supporting) if part)
        )

    def _medications(self, add_component: Callable[[], Element]) -> None:
        for medication in self._content.medications:
            self._medication(add_component(), medication)

    def _medication(self, component: Element, medication: Medication) -> None:
        name, code, display = _MEDICATION[medication.kind]
        shape = EntryShape(element=f"UKCT_MT144040UK01.{name}", class_code="SBADM", mood_code="RQO")
        entry, entry_id = self._entry(component, shape)
        add(entry, "code", code=code, codeSystem=SNOMED, displayName=display)
        add(entry, "statusCode", code=medication.status)
        _medication_time(entry, medication)
        information = add(entry, "pertinentInformation1", typeCode="PERT", contextConductionInd="true")
        add(information, "seperatableInd", value="false")
        dosage = add(information, "pertinentDosageInstructions", classCode="OBS", moodCode="EVN")
        add(dosage, "value", medication.dose)
        add(dosage, "code", code="DI", codeSystem=DOSAGE, displayName="Dose Instructions")
        _quantity(entry, medication)
        consumable = add(entry, "consumable", typeCode="CSM", contextControlCode="OP")
        product = add(consumable, "manufacturedProduct", classCode="MANU")
        material = add(product, "manufacturedManufacturedMaterial", classCode="MMAT", determinerCode="KIND")
        add(material, "code", code=concept(medication.name), codeSystem=SNOMED, displayName=medication.name)
        if medication.kind is MedicationKind.DISCONTINUED:
            reason = add(entry, "reason", typeCode="RSON", inversionInd="false", negationInd="false")
            add(reason, "templateId", root=TEMPLATE, extension="CSAB_RM-NPfITUK10.sourceOf1")
            add(reason, "seperatableInd", value="false")
            finding = add(reason, "Finding", classCode="OBS", moodCode="EVN")
            add(finding, "id", root=self._inner("reason", entry_id))

    def _group(self, add_component: Callable[[], Element], group: GroupContent) -> None:
        shapes = BY_KEY[group.key].shapes
        for place, item in enumerate(group.items):
            self._item(add_component(), shapes[place % len(shapes)], item, place)

    def _item(self, component: Element, shape: EntryShape, item: Item, place: int) -> None:
        entry, entry_id = self._entry(component, shape)
        is_problem = shape.element.endswith(".Problem")
        if is_problem:
            add(entry, "code", code=_PROBLEM_NODE, codeSystem=SNOMED, displayName="Abstract problem node")
        elif item.degraded:
            code = add(entry, "code", code=_DEGRADED, codeSystem=SNOMED, displayName="Transfer-degraded record Entry")
            add(code, "originalText", item.term)
        else:
            _code(entry, item.term)
        add(entry, "statusCode", code=item.status)
        _item_time(entry, item, place)
        if item.value:
            add(entry, "value", item.value)
        if is_problem:
            reference = add(entry, "pertinentInformation", typeCode="PERT", contextConductionInd="true")
            add(reference, "seperatableInd", value="false")
            finding = add(reference, "Finding", classCode="OBS", moodCode="EVN")
            add(finding, "id", root=self._inner("problem", entry_id))
        _supporting(entry, item.supporting)
        if shape.element.endswith(".Diagnosis"):
            reference = add(entry, "pertinentInformation1", typeCode="PERT", contextConductionInd="true")
            add(reference, "seperatableInd", value="false")
            finding = add(reference, "pertinentFinding", classCode="OBS", moodCode="EVN")
            add(finding, "id", root=self._inner("diagnosis", entry_id))
        add_participants(entry, self._content.author, place % 4, _midnight(item.on))


def _code(entry: Element, term: str) -> None:
    add(entry, "code", code=concept(term), codeSystem=SNOMED, displayName=term)


def _supporting(entry: Element, text: str) -> None:
    if not text:
        return
    information = add(entry, "pertinentInformation", typeCode="PERT", contextConductionInd="true")
    add(information, "seperatableInd", value="false")
    supporting = add(information, "pertinentSupportingInfo", classCode="OBS", moodCode="EVN")
    add(supporting, "value", text)
    add(supporting, "code", code="SupportingText", codeSystem=TEXT_KIND, displayName="Supporting Text")


def _medication_time(entry: Element, medication: Medication) -> None:
    if medication.kind is MedicationKind.ACUTE:
        add(entry, "effectiveTime", value=_midnight(medication.on))
        return
    time = add(entry, "effectiveTime")
    if medication.kind is MedicationKind.REPEAT:
        add(time, "center", value=_midnight(medication.on))
    else:
        add(time, "low", value=_midnight(medication.on))
        add(time, "high", value=_midnight(medication.until or medication.on))


def _item_time(entry: Element, item: Item, place: int) -> None:
    """The forms in turn: a value, low, low and high, centre, and a value of the year and month alone."""
    form = place % 5
    if form == 0:
        add(entry, "effectiveTime", value=_midnight(item.on))
    elif form == 4:
        add(entry, "effectiveTime", value=f"{item.on:%Y%m}")
    else:
        time = add(entry, "effectiveTime")
        if form == 3:
            add(time, "centre", value=_midnight(item.on))
        else:
            add(time, "low", value=_midnight(item.on))
            if form == 2:
                add(time, "high", value=_midnight(item.on))


def _quantity(entry: Element, medication: Medication) -> None:
    component = add(entry, "component", typeCode="COMP")
    add(component, "seperatableInd", value="false")
    supply = add(component, "medicationQuantity", classCode="SPLY", moodCode="RQO")
    quantity = add(supply, "quantity", **{qname(XSI, "type"): "PQ", "value": medication.quantity, "unit": "1"})
    add(add(quantity, "translation", value=medication.quantity), "originalText", medication.unit)
    add(supply, "code", code="246205007", codeSystem=SNOMED, displayName="Quantity")
