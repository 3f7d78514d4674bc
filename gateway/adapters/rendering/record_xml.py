"""A summary record as structured XML (namespace urn:scr-gateway:record:1, schema record/record.xsd).

Built from the record read, never from the source's markup; must never drop, add or reorder a word of it.
"""

from lxml import etree

from gateway.domain.record import Section, SummaryRecord, Table, Text
from gateway.domain.spine import Demographics
from gateway.domain.withdrawn import withdrawn
from gateway.service.outcomes import Viewed
from gateway.xml.names import RECORD, qname

GENDERS = {"0": "not-known", "1": "male", "2": "female", "9": "not-specified"}
"""PDS gender code -> its word on the wire."""


def add(parent: etree._Element, local: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new last child in the parent's namespace; an empty text stays an empty text."""
    child = etree.SubElement(parent, qname(etree.QName(parent).namespace or "", local), attributes)
    child.text = text
    return child


def record_element(record: SummaryRecord, viewed: Viewed) -> etree._Element:
    """The record and whose it is -> `rec:Record`, valid by its schema."""
    root = etree.Element(qname(RECORD, "Record"), nsmap={"rec": RECORD})
    _header(root, record, viewed)
    statements = add(root, "Statements")
    for statement in record.statements:
        where = "; ".join(record.where(statement))
        add(statements, "Statement", statement.text, kind=statement.kind.value, **({"section": where} if where else {}))
    _withdrawn(root, record)
    sections = add(root, "Sections")
    for section in record.sections:
        _section(sections, section)
    return root


def _withdrawn(root: etree._Element, record: SummaryRecord) -> None:
    """What the practice took back; nothing at all where it took nothing back."""
    entries = withdrawn(record)
    if not entries:
        return
    told = add(root, "WithdrawnEntries")
    for entry in entries:
        where = {"section": entry.section} if entry.section else {}
        moments = {name: one.iso for name, one in (("time", entry.time), ("until", entry.until)) if one is not None}
        flag = str(entry.allergy).lower()
        add(told, "WithdrawnEntry", entry.words, kind=entry.kind, allergy=flag, **where, **moments)


def _header(root: etree._Element, record: SummaryRecord, viewed: Viewed) -> None:
    header = add(root, "Header")
    add(header, "NhsNumber", viewed.patient.nhs_number.value)
    if viewed.requested is not None:
        add(header, "RequestedNhsNumber", viewed.requested.value)
    write_person(add(header, "Patient"), viewed.patient)
    add(header, "Created", record.created.iso)
    for local, text in (("Author", record.author_name), ("Practice", record.practice)):
        if text is not None:
            add(header, local, text)
    add(header, "AdditionalInformation", str(record.additional_information).lower())
    add(header, "ActiveContentRemoved", str(record.active_content_removed).lower())


def write_person(element: etree._Element, patient: Demographics) -> None:
    """Name, birth, gender and death as children of `element`, in its namespace. Nothing that tells where a person lives."""
    if patient.family is not None:
        add(element, "FamilyName", patient.family)
    for given in patient.given:
        add(element, "GivenName", given)
    if patient.prefix is not None:
        add(element, "Title", patient.prefix)
    if patient.birth is not None:
        add(element, "DateOfBirth", patient.birth.iso)
    if patient.gender in GENDERS:
        add(element, "Gender", GENDERS[patient.gender])
    if patient.deceased is not None:
        add(element, "DateOfDeath", patient.deceased.iso)


def _section(sections: etree._Element, section: Section) -> None:
    element = add(sections, "Section", **({} if section.id is None else {"id": section.id}))
    if section.title is not None:
        add(element, "Title", section.title)
    for block in section.blocks:
        if isinstance(block, Text):
            add(element, "Text", block.text, **({"highlighted": "true"} if block.highlighted else {}))
        else:
            _table(element, block)


def _table(section: etree._Element, table: Table) -> None:
    element = add(section, "Table")
    if table.caption is not None:
        add(element, "Caption", table.caption)
    if table.columns:
        columns = add(element, "Columns")
        for column in table.columns:
            add(columns, "Column", column)
    for row in table.rows:
        line = add(element, "Row")
        for cell in row:
            add(line, "Cell", cell)
