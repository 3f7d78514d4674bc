"""Summary records and what surrounds them, drawn by hypothesis or made by hand, for tests of doors that show records."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import WireTime
from gateway.domain.record import (
    Agent,
    CodedEntry,
    CodedSection,
    Coding,
    EffectiveTime,
    Section,
    Statement,
    StatementKind,
    SummaryRecord,
    Table,
    Text,
)
from gateway.domain.spine import Confidentiality, Demographics, EventDocument
from gateway.service.outcomes import Viewed

NOW = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)
NUMBER = NhsNumber("9000000009")
OLD_NUMBER = NhsNumber("9000000017")
SNOMED = "2.16.840.1.113883.2.1.3.2.4.15"

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
"""Every character XML can carry but control characters; a record's texts have their white space collapsed."""

WORDS = st.text(LETTERS, min_size=1, max_size=30).map(lambda text: " ".join(text.split(" ")).strip(" ") or "x")
MAYBE = st.none() | WORDS
BLOCKS = st.builds(Text, WORDS, st.booleans()) | st.builds(
    Table,
    MAYBE,
    st.lists(WORDS | st.just(""), max_size=3).map(tuple),
    st.lists(st.lists(WORDS | st.just(""), min_size=1, max_size=3).map(tuple), max_size=3).map(tuple),
)
SECTIONS = st.builds(Section, MAYBE, MAYBE, st.lists(BLOCKS, max_size=3).map(tuple))


def coded(
    display: str | None,
    status: str,
    *,
    element: str = "Allergy",
    day: str | None = None,
    until: str | None = None,
    **more: Any,
) -> CodedEntry:
    """One coded entry."""
    when = EffectiveTime(low=WireTime(day) if day else None, high=WireTime(until) if until else None)
    return CodedEntry(element=element, id="", code=Coding("1", "2", display), status=status, effective=when, **more)


def part(*entries: CodedEntry, display: str = "Allergies and Adverse Reactions") -> CodedSection:
    """A section of them."""
    return CodedSection(Coding("1", "2", display), entries)


_MEDICINE: dict[str, Any] = {"element": "AcuteMedication", "product": Coding("3", "2", "Amlodipine 5mg tablets")}
_DISCONTINUED = _MEDICINE | {"element": "DiscontinuedRepeatMedication"}
WITHDRAWN = (
    part(coded("Adverse reaction to codeine", "nullified"), coded("Nut allergy", "completed")),
    part(
        coded("Discontinued", "nullified", day="20240301000000", until="20240331", **_DISCONTINUED),
        coded("Acute medication", "completed", day="20240401", **_MEDICINE),
        coded(None, "nullified", element="Finding"),
        coded("Pulse rate", "nullified", element="Finding", value="52 beats/min", negated=True),
        display="Medication",
    ),
)
"""Four entries taken back and two that hold; the same medicine stands there twice, once withdrawn, and one has no words."""


def record(**changes: Any) -> SummaryRecord:
    """A small record; any member may be changed."""
    values: dict[str, Any] = {
        "nhs_number": NUMBER,
        "event_id": "E1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        "document_id": "D1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F",
        "type": Coding("196981000000101", SNOMED, "General Practice Summary"),
        "created": WireTime("20290601101500"),
        "author": Agent(form="AgentPersonSDS"),
        "author_time": None,
        "author_name": "GREEN, Ada (Dr)",
        "practice": "Weir Lane Surgery",
        "statements": (Statement(StatementKind.WITHHELD, "One or more entries have been deliberately withheld."),),
        "additional_information": True,
        "sections": (
            Section(None, None, (Text("Before any heading", highlighted=True),)),
            Section(
                "AllergiesHeader",
                "Allergies and Adverse Reactions",
                (Table(None, ("Date", "Description"), (("12-Mar-2019", "Penicillin <all> & others"), ("", "Nuts"))),),
            ),
            Section("AcuteMedsHeader", "Acute Medications", ()),
            Section(
                "NotesHeader", "Notes", (Text("Zoë 🩺 \u05e9\u05dc\u05d5\u05dd"), Table("Bare", (), (("a", "b"),)))
            ),
        ),
        "coded": (),
        "replaces": None,
    }
    return SummaryRecord(**(values | changes))


def person(**changes: Any) -> Demographics:
    """The patient of `record`."""
    values: dict[str, Any] = {
        "nhs_number": NUMBER,
        "requested": None,
        "family": "Ó'Brien",
        "given": ("Ada", "Mary"),
        "prefix": "Ms",
        "birth": WireTime("19620317"),
        "gender": "2",
        "deceased": None,
        "practice": None,
        "confidentiality": Confidentiality.UNRESTRICTED,
    }
    return Demographics(**(values | changes))


def viewed(shown: SummaryRecord | None = None, patient: Demographics | None = None) -> Viewed:
    """A record that may be shown."""
    shown = shown or record()
    document = EventDocument(
        nhs_number=shown.nhs_number, event_id=shown.event_id, document_id=shown.document_id, summary=None
    )
    # doors never look at the decision
    return Viewed(patient=patient or person(), document=document, record=shown, decision=None)  # type: ignore[arg-type]
