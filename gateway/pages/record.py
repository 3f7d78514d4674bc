"""A record as a page shows it: every word in the order received, and what is empty, absent or withheld said apart (section 6b). Pure.

Never says "none" for what is not there, never re-sorts, never drops a section it does not know.
"""

from dataclasses import dataclass, field
from typing import Any

from gateway.domain.record import Section, Statement, StatementKind, SummaryRecord, Table, Text
from gateway.domain.withdrawn import WithdrawnEntry, is_allergy, sentence, unnamed, withdrawn
from gateway.pages import formats

HEADINGS = {
    StatementKind.WITHHELD: "Information has been withheld",
    StatementKind.RECENTLY_REGISTERED: "Recently registered: this record may be incomplete",
    StatementKind.NO_DATA: "The practice holds no significant data",
    StatementKind.REFUSED_STORAGE: "The patient has chosen not to store information here",
    StatementKind.HIGHLIGHTED: "Please note",
}
"""What stands above a statement; its own words stand below, untouched."""

CORE = (
    ("Allergies and adverse reactions", "allergiesheader", ("allerg",)),
    ("Acute medications", "acutemedsheader", ("acute med",)),
    ("Current repeat medications", "repeatmedsheader", ("current repeat", "repeat med")),
    ("Discontinued repeat medications", "discrepeatmedsheader", ("discontinued", "past repeat")),
)
"""The parts of a core summary: name for people, heading id, words of a title that stands for it."""

_MEDICINES = {
    "acute medication": "acutemedsheader",
    "repeat medication": "repeatmedsheader",
    "current repeat medication": "repeatmedsheader",
    "discontinued repeat medication": "discrepeatmedsheader",
}
"""Kind of a coded medicine -> the heading it stands under."""

ADDITIONAL = frozenset(
    name.casefold()
    for name in (
        "RisksToPatientHeader", "DiagnosesHeader", "ProblemsHeader", "ObservationsHeader", "TreatmentsHeader",
        "ResultsHeader", "EventsHeader", "ProceduresHeader", "AdviceHeader", "PreferencesHeader",
        "CircumstancesHeader", "DocumentationHeader", "HistoryHeader", "InvestigationsHeader", "LifestyleHeader",
        "PatientCarerCorrespondenceHeader", "RisksToProfessionalHeader", "ServicesHeader",
    )
)  # fmt: skip
"""Heading ids of Additional Information (P-86)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    """A section with what the page says about it."""

    anchor: str
    section: Section = field(repr=False)
    heading: str
    """The title, or words that say there is none."""
    additional: bool
    empty: bool
    withdrawn: tuple[str, ...] = field(repr=False)
    """Coded entries of this part that the practice marked as entered in error, in words."""
    blocks: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Coded entries that the practice marked as entered in error."""

    number: int
    names: tuple[str, ...] = field(repr=False)
    """Of those that have words, in the order received."""
    allergies: bool
    """Whether an allergy is among them."""
    all_allergies: bool
    """Whether every coded allergy of the record is among them."""
    sentence: str
    unnamed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord:
    """A record for the template."""

    record: SummaryRecord = field(repr=False)
    statements: tuple[dict[str, Any], ...] = field(repr=False)
    """Kind, heading, the source's words, and the sections (anchor, heading) they stand in."""
    sections: tuple[ShownSection, ...] = field(repr=False)
    absent: tuple[str, ...]
    """Core parts this record does not include."""
    withdrawn: Withdrawn


def shown(record: SummaryRecord) -> ShownRecord:
    """A record -> what the page shows of it."""
    told = {statement.text: statement for statement in record.statements}
    taken_back = withdrawn(record)
    sections = tuple(_section(at, section, told, taken_back) for at, section in enumerate(record.sections, start=1))
    return ShownRecord(
        record=record,
        statements=tuple(_statement(one, sections) for one in record.statements),
        sections=sections,
        absent=absent(record),
        withdrawn=_withdrawn(record),
    )


def _withdrawn(record: SummaryRecord) -> Withdrawn:
    entries = withdrawn(record)
    allergies = [entry.nullified for part in record.coded for entry in part.entries if is_allergy(part, entry)]
    return Withdrawn(
        number=len(entries),
        names=tuple(entry.line(formats.day) for entry in entries if entry.words),
        allergies=any(allergies),
        all_allergies=bool(allergies) and all(allergies),
        sentence=sentence(len(entries)),
        unnamed=unnamed(entries),
    )


def _statement(statement: Statement, sections: tuple[ShownSection, ...]) -> dict[str, Any]:
    """A statement with where it stands, so that "of this kind" says of which."""
    where = [(one.anchor, one.heading) for one in sections if statement.text in one.section.texts]
    return {
        "kind": statement.kind.value,
        "heading": HEADINGS[statement.kind],
        "text": statement.text,
        "where": where,
    }


def _section(
    at: int, section: Section, told: dict[str, Statement], taken_back: tuple[WithdrawnEntry, ...]
) -> ShownSection:
    return ShownSection(
        anchor=f"part-{at}",
        section=section,
        heading=section.title or "Text without a heading",
        additional=(section.id or "").casefold() in ADDITIONAL,
        empty=not section.blocks,
        withdrawn=tuple(
            entry.line(formats.day) if entry.words else f"{entry.kind.capitalize()}, without words of its own"
            for entry in taken_back
            if _stands_in(entry, section)
        ),
        blocks=tuple(_block(block, told) for block in section.blocks),
    )


def _stands_in(entry: WithdrawnEntry, section: Section) -> bool:
    """Whether a coded entry belongs under this heading: an allergy or a medicine by its kind, anything else by the same title.

    The text has no link to its coded entries, so nothing is said of a single row.
    """
    header, titles = (section.id or "").casefold(), _titles(section)
    if entry.allergy:
        return header == "allergiesheader" or any("allerg" in title for title in titles)
    medicine = _MEDICINES.get(entry.kind)
    if medicine is not None:
        return header == medicine or entry.kind in " ".join(titles)
    return bool(entry.section) and entry.section.casefold() in titles


def _titles(section: Section) -> list[str]:
    """Its title and the captions of its tables, for comparing."""
    captions = [block.caption for block in section.blocks if isinstance(block, Table)]
    return [title.casefold() for title in (section.title, *captions) if title]


def _block(block: Text | Table, told: dict[str, Statement]) -> dict[str, Any]:
    if isinstance(block, Text):
        statement = told.get(block.text)
        return {"kind": "text", "text": block.text, "marked": statement is not None or block.highlighted}
    width = max((len(row) for row in (block.columns, *block.rows)), default=0)
    return {
        "kind": "table",
        "caption": block.caption,
        "columns": block.columns,
        "rows": block.rows,
        "width": width,
        "marked": any(cell in told for row in block.rows for cell in row),
    }


EMPTY = "none listed: this does not mean that there are none"


def allergies(record: ShownRecord) -> dict[str, str | None]:
    """For the banner: where the record's allergies stand. Says where to look, never what is there or that there are none."""
    for one in record.sections:
        captions = [block["caption"] for block in one.blocks if block["kind"] == "table" and block["caption"]]
        named = any("allerg" in text.casefold() for text in (one.heading, *captions))
        if named or (one.section.id or "").casefold() == "allergiesheader":
            return {"anchor": one.anchor, "words": _allergy_words(record, one)}
    return {"anchor": None, "words": "not in this record" + _withheld(record, frozenset())}


def _allergy_words(record: ShownRecord, section: ShownSection) -> str:
    """Whether entries stand there. That none is listed is never said to mean that there is none."""
    told = {one["text"] for one in record.statements}
    tables = (block for block in section.blocks if block["kind"] == "table")
    entries = any(any(row) and not told.intersection(row) for block in tables for row in block["rows"])
    texts = section.section.texts - {""}
    words = "listed below" if entries else "see below" if texts - told else EMPTY
    if words != EMPTY and record.withdrawn.allergies:
        every = record.withdrawn.all_allergies
        words += ", every coded one marked as withdrawn" if every else ", some marked as withdrawn"
    return words + _withheld(record, texts)


def _withheld(record: ShownRecord, texts: frozenset[str]) -> str:
    """What a statement of withholding adds: one among these texts is about them, one elsewhere may be."""
    said = [one["text"] for one in record.statements if one["kind"] == StatementKind.WITHHELD.value]
    if not said:
        return ""
    return "; some are withheld" if texts.intersection(said) else "; some may be withheld"


def absent(record: SummaryRecord) -> tuple[str, ...]:
    """Core parts that no section, by id or title or table caption, stands for. Statements of no data or refusal explain all of them."""
    kinds = {statement.kind for statement in record.statements}
    if kinds & {StatementKind.NO_DATA, StatementKind.REFUSED_STORAGE}:
        return ()
    ids = {(section.id or "").casefold() for section in record.sections}
    titles = [(section.title or "").casefold() for section in record.sections]
    for section in record.sections:
        titles += [block.caption.casefold() for block in section.blocks if isinstance(block, Table) and block.caption]
    missing = []
    for name, header, words in CORE:
        titled = any(
            any(word in title for word in words)
            for title in titles
            if header != "repeatmedsheader" or not any(other in title for other in ("discontinued", "past"))
        )
        if header not in ids and not titled:
            missing.append(name)
    return tuple(missing)
