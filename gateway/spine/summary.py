"""GP Summary (REPC_MT150007UK05) -> SummaryRecord: header, sections, statements and coded entries. Pure.

It must never give a record without text, and never alter the document it reads.
"""

from lxml import etree

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber
from gateway.domain.record import Agent, SummaryRecord
from gateway.spine.agents import agent_of, read_agent, read_coding, read_time
from gateway.spine.entries import check_negations, marks_additional_information, read_coded
from gateway.spine.envelope import hl7
from gateway.spine.outcomes import unusable
from gateway.spine.presentation import Presentation, presentation_values, read_presentation
from gateway.spine.psis import document_id
from gateway.xml.names import OID_NHS_NUMBER
from gateway.xml.paths import first

_ADDITIONAL_HEADERS = frozenset(
    {
        "RisksToPatientHeader", "DiagnosesHeader", "ProblemsHeader", "ObservationsHeader", "TreatmentsHeader",
        "ResultsHeader", "EventsHeader", "ProceduresHeader", "AdviceHeader", "PreferencesHeader",
        "CircumstancesHeader", "DocumentationHeader", "HistoryHeader", "InvestigationsHeader", "LifestyleHeader",
        "PatientCarerCorrespondenceHeader", "RisksToProfessionalHeader", "ServicesHeader",
    }
)  # fmt: skip


def read_summary(summary: etree._Element, event_id: str) -> SummaryRecord:
    """A GPSummary element -> SummaryRecord. `event_id` is the id it was fetched under.

    Whose it is has been checked before (`check_summary`); here the number must only be one. Raises SpineFailure
    SPINE_UNUSABLE: no text at all; a negation outside the coded part, or one that cannot be read; no or a junk
    effectiveTime, no author, no id, no code.
    """
    check_negations(summary)
    presentation = read_presentation(presentation_values(summary))
    code = read_coding(first(summary, hl7("code")))
    created = read_time(first(summary, hl7("effectiveTime")))
    participation = first(summary, hl7("author"))
    element = agent_of(participation) if participation is not None else None
    if not presentation.has_words or code is None or created is None or element is None:
        raise unusable()
    author = read_agent(element)
    coded = read_coded(summary)
    prior = first(summary, hl7("replacementOf"), hl7("priorMessageRef"), hl7("id"))
    return SummaryRecord(
        nhs_number=_number(summary),
        event_id=event_id,
        document_id=document_id(summary),
        type=code,
        created=created,
        author=author,
        author_time=read_time(first(participation, hl7("time"))),
        author_name=author.name or (author.organisation_name if _is_organisation(author) else None),
        practice=author.organisation_name or presentation.practice,
        statements=presentation.statements,
        additional_information=marks_additional_information(coded) or _has_additional_section(presentation),
        sections=presentation.sections,
        coded=coded,
        replaces=None if prior is None else prior.get("root"),
        active_content_removed=presentation.active_content_removed,
    )


def _number(summary: etree._Element) -> NhsNumber:
    found = first(summary, hl7("recordTarget"), hl7("patient"), hl7("id"))
    if found is None or found.get("root") != OID_NHS_NUMBER:
        raise unusable()
    try:
        return NhsNumber(found.get("extension", ""))
    except InvalidValue as error:
        raise unusable() from error


def _is_organisation(author: Agent) -> bool:
    return author.form.startswith("AgentOrg")


def _has_additional_section(presentation: Presentation) -> bool:
    return any(section.id in _ADDITIONAL_HEADERS for section in presentation.sections)
