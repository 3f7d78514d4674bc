"""The presentation text of a GP Summary: the XHTML a viewer shows.

Built as a tree in the NPfIT presentation namespace; the words of statements are this stub's own, except the ones a
reader must recognise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree

from vendor_stubs.spine import hostile
from vendor_stubs.spine.content import Allergy, Medication, MedicationKind, Statement, SummaryContent
from vendor_stubs.spine.groups import BY_KEY
from vendor_stubs.xml import PRESENTATION, Element, add, qname

_ALLERGY_COLUMNS = ("Date", "Description", "Certainty", "Severity", "Supporting Information")
_MEDICATION_COLUMNS = ("Type", "Date", "Medication Item", "Dosage Instructions", "Quantity")
_GROUP_COLUMNS = ("Date", "Description", "Additional information")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MEDICATION_SECTIONS = (
    (MedicationKind.ACUTE, "AcuteMeds", "Acute Medications", 12),
    (MedicationKind.REPEAT, "RepeatMeds", "Current Repeat Medications", 0),
    (MedicationKind.DISCONTINUED, "DiscRepeatMeds", "Discontinued Repeat Medications", 6),
)


@dataclass(frozen=True)
class _Table:
    """A section's table: key is its id and, with Header behind it, the id of its heading."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def displayed(day: date) -> str:
    """dd-MMM-yyyy, in English whatever the machine's locale."""
    return f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year}"


def presentation(content: SummaryContent) -> Element:
    """The html element of a summary."""
    # the cast of nsmap: lxml takes None for the default namespace
    html = etree.Element(qname(PRESENTATION, "html"), nsmap={None: PRESENTATION})  # type: ignore[dict-item]
    body = add(html, "body")
    _title_block(body, content)
    if content.core_sections:
        _allergies(body, content)
        for kind, key, title, months in _MEDICATION_SECTIONS:
            chosen = [entry for entry in content.medications if entry.kind is kind]
            _medications(body, content, key, _with_period(title, months, content), chosen)
    for group in content.groups:
        shown = BY_KEY[group.key]
        if shown.title is not None:
            rows = [
                (displayed(item.on), item.term, "; ".join(part for part in (item.value, item.supporting) if part))
                for item in group.items
            ]
            _section(body, content, _Table(group.key, shown.title, _GROUP_COLUMNS, rows))
    add(body, "p", f"Summary sent: {displayed(content.created)} {content.created:%H:%M}", id="SendTime")
    if content.hostile:
        hostile.poison(body)
    return html


def _title_block(body: Element, content: SummaryContent) -> None:
    add(body, "h2", content.type_name, id="Title")
    add(
        body,
        "h3",
        "Taken from the patient's record at the GP practice. It may not hold all there is to know about this patient.",
        id="Disclaimer",
    )
    add(body, "p", f"Summary created: {displayed(content.created)} {content.created:%H:%M}", id="CreateTime")
    for statement in content.statements:
        _statement(body, statement)
    author = content.author
    add(body, "p", f"Created by: {author.family.upper()}, {author.given} ({author.prefix})", id="Author")
    add(body, "p", f"Practice: {author.practice}, {author.practice_address}", id="Practice")


def _statement(body: Element, statement: Statement) -> None:
    attributes = {"id": statement.id} if statement.id else {}
    if statement.highlighted:
        attributes["class"] = "HighlightedStatement"
    add(body, statement.tag, statement.text, **attributes)


def _with_period(title: str, months: int, content: SummaryContent) -> str:
    if not months:
        return title
    end = content.created.date()
    years, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    start = date(years, month + 1, min(end.day, 28))
    return f"{title} (For the {months} month period {displayed(start)} to {displayed(end)})"


def _allergies(body: Element, content: SummaryContent) -> None:
    rows = [_allergy_row(entry) for entry in content.allergies]
    table = _Table("Allergies", "Allergies and Adverse Reactions", _ALLERGY_COLUMNS, rows)
    if rows or content.empty_allergy_table:
        _section(body, content, table, content.allergy_statement)
    else:
        _empty(body, content, table, "No allergies or adverse reactions are held in this record.")


def _allergy_row(entry: Allergy) -> tuple[str, ...]:
    return (displayed(entry.on), entry.term, entry.certainty, entry.severity, entry.supporting)


def _medications(body: Element, content: SummaryContent, key: str, title: str, chosen: Iterable[Medication]) -> None:
    table = _Table(key, title, _MEDICATION_COLUMNS, [_medication_row(entry) for entry in chosen])
    if table.rows:
        _section(body, content, table)
    else:
        _empty(body, content, table, "No medication of this kind is held in this record.")


def _medication_row(entry: Medication) -> tuple[str, ...]:
    when = {
        MedicationKind.ACUTE: f"Prescribed: {displayed(entry.on)}",
        MedicationKind.REPEAT: f"Last Issued: {displayed(entry.on)}",
        MedicationKind.DISCONTINUED: f"Discontinued: {displayed(entry.until or entry.on)}",
    }[entry.kind]
    kind = {
        MedicationKind.ACUTE: "Acute Medication",
        MedicationKind.REPEAT: "Repeat Medication",
        MedicationKind.DISCONTINUED: "Discontinued Repeat Medication",
    }[entry.kind]
    return (kind, when, entry.name, entry.dose, f"{entry.quantity} {entry.unit}")


def _section(body: Element, content: SummaryContent, table: _Table, statement: Statement | None = None) -> None:
    element = _opened(body, content, table, statement)
    head = add(add(element, "thead"), "tr")
    for column in table.columns:
        add(head, "th", column)
    part = add(element, "tbody")
    for number, row in enumerate(table.rows):
        line = add(part, "tr", **{"class": "evenRow" if number % 2 else "oddRow"})
        for cell in row:
            add(line, "td", cell or None)


def _empty(body: Element, content: SummaryContent, table: _Table, sentence: str) -> None:
    add(add(_opened(body, content, table), "tr"), "td", sentence, colspan=str(len(table.columns)))


def _opened(body: Element, content: SummaryContent, table: _Table, statement: Statement | None = None) -> Element:
    """The table element, after its heading and statement; with captions the table carries its title itself."""
    if not content.captions:
        add(body, "h2", table.title, id=f"{table.key}Header")
    if statement is not None:
        _statement(body, statement)
    element = add(body, "table", id=table.key, summary=f"Entries held under {table.title}.")
    if content.captions:
        add(element, "caption", table.title)
    return element
