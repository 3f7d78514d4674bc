"""Facts a GPSummary holds beside its text: author, practice, and whether it has Additional Information.

Looks at coded parts by code and element name, never by display name.
"""

from collections.abc import Iterable

from vendor_stubs.summary_text import flat_text, identifier, squeezed
from vendor_stubs.xml import HL7, Element, elements, local_name, qname

_CORE = frozenset({"163221000000102", "185361000000102", "163191000000109"})
_THIRD_PARTY = "163191000000109"
_PREFERENCES = "162961000000108"
_COMMUNICATION = "263536004"
_MARKER = "Additional information records have been found"
_HEADERS = frozenset(
    {
        "RisksToPatientHeader",
        "DiagnosesHeader",
        "ProblemsHeader",
        "ObservationsHeader",
        "TreatmentsHeader",
        "ResultsHeader",
        "EventsHeader",
        "ProceduresHeader",
        "AdviceHeader",
        "PreferencesHeader",
        "CircumstancesHeader",
        "DocumentationHeader",
        "HistoryHeader",
        "InvestigationsHeader",
        "LifestyleHeader",
        "PatientCarerCorrespondenceHeader",
        "RisksToProfessionalHeader",
        "ServicesHeader",
    }
)
_PERSONS = ("agentPerson", "agentPersonSDS", "representedPersonSDS")
_ORGANISATION_AGENTS = ("agentOrganization", "agentOrganizationSDS")
_REPRESENTED = ("representedOrganization", "representedOrganizationSDS", "representedScoperChoice")


def author_of(summary: Element) -> str | None:
    """Name of the person who wrote the summary, else of the organisation, else None."""
    return _name_under(_agent(summary), _PERSONS) or _name_under(_agent(summary), _ORGANISATION_AGENTS)


def practice_of(summary: Element, html: Element | None) -> str | None:
    """Name of the organisation the author stands for, else the text of the element with id Practice, else None."""
    named = _name_under(_agent(summary), _REPRESENTED + _ORGANISATION_AGENTS)
    if named or html is None:
        return named
    for element in html.iter():
        if local_name(element) and identifier(element) == "Practice":
            return squeezed(flat_text(element).removeprefix("Practice:")) or None
    return None


def _agent(summary: Element) -> Element | None:
    author = summary.find(qname(HL7, "author"))
    if author is None:
        return None
    return next((child for child in elements(author) if ".Agent" in local_name(child)), None)


def _name_under(agent: Element | None, holders: Iterable[str]) -> str | None:
    for holder in holders:
        name = None if agent is None else agent.find(f"{qname(HL7, holder)}/{qname(HL7, 'name')}")
        if name is not None:
            parts = [flat_text(part) for part in elements(name)] or [squeezed(name.text or "")]
            text = " ".join(part for part in parts if part)
            if text:
                return text
    return None


def additional_information(summary: Element, section_ids: Iterable[str | None]) -> bool:
    """Whether the summary holds more than allergies and medication, by codes, by marker or by its headings."""
    for section in summary.findall(f"{qname(HL7, 'pertinentInformation2')}/{qname(HL7, 'pertinentCREType')}"):
        code = section.find(qname(HL7, "code"))
        value = "" if code is None else code.get("code", "")
        if value == _THIRD_PARTY:
            if any(_is_marker(entry) for entry in _entries(section)):
                return True
        elif value and value not in _CORE and not (value == _PREFERENCES and _only_refusals(section)):
            return True
    return any(section_id in _HEADERS for section_id in section_ids)


def _entries(section: Element) -> list[Element]:
    return [
        child
        for component in section.findall(qname(HL7, "component"))
        for child in elements(component)
        if local_name(child).startswith("UKCT_")
    ]


def _only_refusals(section: Element) -> bool:
    entries = _entries(section)
    return bool(entries) and all(local_name(entry).endswith(".Refusal") for entry in entries)


def _is_marker(entry: Element) -> bool:
    code = entry.find(qname(HL7, "code"))
    if code is None or code.get("code") != _COMMUNICATION:
        return False
    path = "/".join(qname(HL7, name) for name in ("pertinentInformation", "pertinentSupportingInfo", "value"))
    return any(flat_text(value).startswith(_MARKER) for value in entry.findall(path))
