"""The summary record: what a GP Summary says, every word of it, in the order received.

Empty, absent and withheld stay three different things. Nothing here is ever logged.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import NhsNumber
from gateway.domain.instants import WireTime


class StatementKind(StrEnum):
    """Statements that change the meaning of the whole document; the word on the wire of every door."""

    REFUSED_STORAGE = "refused storage"
    NO_DATA = "holds no data"
    WITHHELD = "withheld"
    RECENTLY_REGISTERED = "recently registered"
    HIGHLIGHTED = "highlighted"


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole-document statement, in the source's words."""

    kind: StatementKind
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, sub-heading or list item."""

    text: str = field(repr=False)
    highlighted: bool = False

    @property
    def has_words(self) -> bool:
        """Whether it says anything."""
        return bool(self.text)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as sent: caption None where there is none or where it became the section's title; cells never dropped."""

    caption: str | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)

    @property
    def has_words(self) -> bool:
        """Whether any cell or the caption says anything."""
        return bool(self.caption) or any(self.columns) or any(any(row) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the presentation text under one heading, or before any (then id and title are None)."""

    id: str | None
    title: str | None
    blocks: tuple[Text | Table, ...]

    @property
    def texts(self) -> frozenset[str]:
        """Every paragraph and every cell: what tells whether a whole-document statement stands here too."""
        cells = (cell for block in self.blocks if isinstance(block, Table) for row in block.rows for cell in row)
        return frozenset(block.text for block in self.blocks if isinstance(block, Text)).union(cells)


@dataclass(frozen=True, slots=True)
class Coding:
    """A code as received. `system` is the OID."""

    code: str
    system: str
    display: str | None = None
    original_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EffectiveTime:
    """When a coded entry holds, in whichever of the forms it came."""

    value: WireTime | None = None
    low: WireTime | None = None
    high: WireTime | None = None
    center: WireTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An author, informant or performer: person, organisation or device."""

    form: str
    """Local name of the wire element, such as AgentPersonSDS."""
    role_profile: str | None = None
    user: str | None = None
    name: str | None = None
    name_parts: tuple[tuple[str, str], ...] = ()
    """(prefix|given|family|suffix, text) in document order; empty where the name is plain text."""
    job_role: Coding | None = None
    organisation_id: tuple[str, str] | None = None
    """(root, extension)."""
    organisation_code: Coding | None = None
    organisation_name: str | None = None
    address: str | None = None
    telecoms: tuple[tuple[str | None, str], ...] = ()
    """(use, value)."""
    device: tuple[tuple[str, str], ...] = ()
    """For a device: (element, text) pairs such as manufacturerModelName; `sdsId` is its id in the directory, `agentId`
    the id of its role as an agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """author, informant or performer of an entry."""

    type: str
    time: WireTime | None
    mode: Coding | None
    agent: Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedEntry:
    """One coded entry of a CRE section."""

    element: str
    """Local name without its UKCT_MT… prefix, such as Allergy or AcuteMedication."""
    id: str
    code: Coding
    status: str | None
    effective: EffectiveTime
    value: str | None = field(default=None, repr=False)
    value_coding: Coding | None = None
    qualifiers: tuple[tuple[Coding, Coding], ...] = ()
    """(name, value) pairs that refine the code, such as an allergy's certainty."""
    supporting: tuple[str, ...] = field(default=(), repr=False)
    dosage: str | None = field(default=None, repr=False)
    quantity: tuple[str | None, str | None, str | None] | None = None
    """(value, unit, unit name)."""
    product: Coding | None = None
    references: tuple[tuple[str, str], ...] = ()
    """(element, id) of other entries it points to."""
    participations: tuple[Participation, ...] = ()
    negated: bool = False
    """Stated not to be so (negationInd of the act, or of what it stands under): must never be shown as a positive fact."""
    partly_negated: bool = False
    """Something within it is negated, such as a link to another entry."""

    @property
    def nullified(self) -> bool:
        """Entered in error: must never be shown as current."""
        return self.status == "nullified"


@dataclass(frozen=True, slots=True)
class CodedSection:
    """A CRE section: its SNOMED code and the entries under it, in order."""

    code: Coding
    entries: tuple[CodedEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRecord:
    """One GP Summary, whole."""

    nhs_number: NhsNumber
    event_id: str
    document_id: str
    type: Coding
    created: WireTime
    author: Agent
    author_time: WireTime | None
    author_name: str | None
    practice: str | None
    statements: tuple[Statement, ...]
    additional_information: bool
    sections: tuple[Section, ...]
    coded: tuple[CodedSection, ...]
    replaces: str | None
    active_content_removed: bool = False

    def __post_init__(self) -> None:
        if not self.sections:
            raise InvalidValue("a summary without any text is not a summary")

    def where(self, statement: Statement) -> tuple[str, ...]:
        """Titles of the sections a statement stands in, so that "of this kind" says of which; those without one are left out."""
        return tuple(one.title for one in self.sections if one.title and statement.text in one.texts)
