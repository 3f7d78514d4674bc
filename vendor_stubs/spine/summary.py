"""A GPSummary element from its content: the frame around the presentation text and the coded sections.

Builds one tree and hands it over; must not know patients or cases.
"""

from lxml import etree

from vendor_stubs.spine.agents import add_author
from vendor_stubs.spine.coding import inner_id
from vendor_stubs.spine.content import SummaryContent
from vendor_stubs.spine.entries import EntryWriter
from vendor_stubs.spine.groups import DOCUMENTATION_CODE
from vendor_stubs.spine.names import NHS_NUMBER, SNOMED, TEMPLATE, TEXT_KIND
from vendor_stubs.spine.presentation import presentation
from vendor_stubs.xml import HL7, XSI, Element, add, qname


def build_summary(content: SummaryContent) -> Element:
    """The GPSummary element (urn:hl7-org:v3) of a content."""
    # None is lxml's name for the default namespace
    summary = etree.Element(
        qname(HL7, "GPSummary"),
        {"classCode": "COMPOSITION", "moodCode": "EVN"},
        nsmap={None: HL7, "xsi": XSI},  # type: ignore[dict-item]
    )
    time = content.created_on_wire
    add(summary, "id", root=content.document_id)
    add(summary, "code", code=content.type_code, codeSystem=SNOMED, displayName=content.type_name)
    add(summary, "statusCode", code="active")
    add(summary, "effectiveTime", value=time)
    add_author(summary, content.author, time)
    _excerpt(summary, content)
    _root_type(summary)
    if not content.initial:
        EntryWriter(summary, content).write()
    patient = add(add(summary, "recordTarget", typeCode="RCT"), "patient", classCode="PAT")
    add(patient, "id", root=NHS_NUMBER, extension=content.nhs)
    if content.replaces is not None:
        replaced = add(summary, "replacementOf", typeCode="RPLC")
        reference = add(replaced, "priorMessageRef", classCode="COMPOSITION", moodCode="EVN")
        add(reference, "id", root=content.replaces)
    return summary


def _template(parent: Element, name: str, *, separable: bool) -> None:
    add(parent, "templateId", root=TEMPLATE, extension=f"CSAB_RM-NPfITUK10.{name}")
    add(parent, "seperatableInd", value="true" if separable else "false")


def _excerpt(summary: Element, content: SummaryContent) -> None:
    excerpt = add(
        summary,
        "excerptFrom",
        typeCode="XCRPT",
        inversionInd="false",
        contextConductionInd="true",
        negationInd="false",
    )
    _template(excerpt, "excerptFrom", separable=False)
    documentation = add(
        excerpt, "UKCT_MT144051UK01.CareProfessionalDocumentationCRE", classCode="CATEGORY", moodCode="EVN"
    )
    add(
        documentation,
        "code",
        code=DOCUMENTATION_CODE,
        codeSystem=SNOMED,
        displayName="Care Professional Documentation",
    )
    component = add(documentation, "component", typeCode="COMP", inversionInd="false", negationInd="false")
    _template(component, "component", separable=False)
    text = add(component, "presentationText", classCode="OBS", moodCode="EVN")
    add(text, "value", mediaType="text/plain").append(presentation(content))
    add(text, "id", root=inner_id(content.document_id, "presentation"))
    add(text, "code", code="PresentationText", codeSystem=TEXT_KIND, displayName="Presentation Text")
    add(text, "statusCode", code="completed")
    add(text, "effectiveTime", value=content.created_on_wire)


def _root_type(summary: Element) -> None:
    information = add(
        summary,
        "pertinentInformation1",
        typeCode="PERT",
        inversionInd="false",
        contextConductionInd="true",
        negationInd="false",
    )
    _template(information, "pertinentInformation1", separable=True)
    root = add(information, "pertinentRootCREType", classCode="CATEGORY", moodCode="EVN")
    add(root, "code", code=DOCUMENTATION_CODE, codeSystem=SNOMED, displayName="Care Professional Documentation")
