"""What one GP Summary says, as values: the presentation text and the coded entries are both written from it.

Values only. Because both come from the same place, text and codes of a stub's summary always agree.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from vendor_stubs.spine.names import GP_INITIAL_SUMMARY, GP_SUMMARY


class MedicationKind(StrEnum):
    """The three lists of medication in a core summary."""

    ACUTE = "acute"
    REPEAT = "repeat"
    DISCONTINUED = "discontinued"


@dataclass(frozen=True, kw_only=True)
class Medication:
    """One medication entry; until is the end of a discontinued one."""

    kind: MedicationKind
    name: str
    dose: str
    quantity: str
    unit: str
    on: date
    until: date | None = None
    status: str = "completed"


@dataclass(frozen=True, kw_only=True)
class Allergy:
    """One allergy or adverse reaction."""

    term: str
    on: date
    certainty: str = ""
    severity: str = ""
    supporting: str = ""
    status: str = "completed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One entry of an Additional Information group; who tells which forms of author and performer it carries."""

    term: str
    on: date
    value: str = ""
    supporting: str = ""
    status: str = "completed"
    degraded: bool = False


@dataclass(frozen=True, kw_only=True)
class GroupContent:
    """The entries of one Additional Information group, by the group's key."""

    key: str
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A paragraph of the title block: tag h3 or p, with its id and whether it is marked as highlighted."""

    text: str
    id: str | None = None
    tag: str = "p"
    highlighted: bool = False


class AuthorForm(StrEnum):
    """Forms in which a summary names its author."""

    PERSON_SDS = "AgentPersonSDS"
    PERSON_SDS_PARTS = "AgentPersonSDS with a name in parts"
    PERSON = "AgentPerson with an organisation"
    PERSON_SCOPER = "AgentPerson with a scoper"
    ORGANISATION_SDS = "AgentOrgSDS"
    ORGANISATION = "AgentOrg"


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who wrote the summary, and in which form the wire says so."""

    form: AuthorForm
    prefix: str
    given: str
    family: str
    practice: str
    practice_ods: str
    practice_address: str


@dataclass(frozen=True, kw_only=True)
class SummaryContent:
    """All of one GP Summary. created is wall clock in Europe/London, without a zone, as the wire has it."""

    nhs: str
    document_id: str
    created: datetime
    author: Author
    initial: bool = False
    replaces: str | None = None
    minute_precision: bool = False
    captions: bool = False
    statements: tuple[Statement, ...] = ()
    allergy_statement: Statement | None = None
    empty_allergy_table: bool = False
    allergies: tuple[Allergy, ...] = ()
    medications: tuple[Medication, ...] = ()
    groups: tuple[GroupContent, ...] = ()
    core_sections: bool = True
    hostile: bool = False

    @property
    def type_code(self) -> str:
        """SNOMED code of the document's own type."""
        return GP_INITIAL_SUMMARY if self.initial else GP_SUMMARY

    @property
    def type_name(self) -> str:
        """Title of the document."""
        return "General Practice Initial Summary" if self.initial else "General Practice Summary"

    @property
    def created_on_wire(self) -> str:
        """effectiveTime: 14 digits, or 12 where the sender has no seconds."""
        return self.created.strftime("%Y%m%d%H%M" if self.minute_precision else "%Y%m%d%H%M%S")
