"""The coded entries of a record that its practice marked as entered in error, which its text may still tell as current. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.domain.instants import WireTime
from gateway.domain.record import CodedEntry, CodedSection, SummaryRecord

HEADING = "Entries marked as withdrawn"
"""What stands above them wherever they are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnEntry:
    """One such entry (statusCode nullified)."""

    kind: str
    """What kind of entry it is, in words, such as `discontinued repeat medication`: the same medicine may stand in another
    entry, of another kind or time, that holds."""
    section: str
    """The coded section it stands in, in the practice's words; empty where it has none."""
    words: str = field(repr=False)
    """What it says, in the practice's own words; empty where it has none."""
    time: WireTime | None
    """When it holds, or begins to."""
    until: WireTime | None
    allergy: bool

    def line(self, day: Callable[[WireTime], str]) -> str:
        """For people, where it has words: kind, words, and its days as `day` writes them."""
        days = " to ".join(day(one) for one in (self.time, self.until) if one is not None)
        return f"{self.kind.capitalize()}: {self.words}" + (f" ({days})" if days else "")


def withdrawn(record: SummaryRecord) -> tuple[WithdrawnEntry, ...]:
    """All of them, in the order received."""
    return tuple(_entry(part, entry) for part in record.coded for entry in part.entries if entry.nullified)


def sentence(number: int) -> str:
    """What is said above them, for so many."""
    many = number != 1
    return (
        f"The practice marked {number} coded {'entries' if many else 'entry'} of this record as withdrawn, because "
        f"{'they were' if many else 'it was'} entered in error. The text below may still show {'them' if many else 'it'} as current."
    )


def unnamed(entries: tuple[WithdrawnEntry, ...]) -> str:
    """What is said below the named ones of those that have no words; empty where all have."""
    number = sum(not entry.words for entry in entries)
    if not number:
        return ""
    return f"{number} of them {'has' if number == 1 else 'have'} no words of {'its' if number == 1 else 'their'} own."


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def _entry(part: CodedSection, entry: CodedEntry) -> WithdrawnEntry:
    section, effective = part.code.display or "", entry.effective
    return WithdrawnEntry(
        kind=_CAPITAL.sub(" ", entry.element).lower(),
        section=section,
        words=_words(entry),
        time=effective.value or effective.center or effective.low,
        until=effective.high,
        allergy=is_allergy(part, entry),
    )


def is_allergy(part: CodedSection, entry: CodedEntry) -> bool:
    """Whether an entry tells of an allergy, by its own kind or by where it stands."""
    return entry.element.startswith("Allergy") or "allerg" in (part.code.display or "").casefold()


def _words(entry: CodedEntry) -> str:
    named = entry.product or entry.code
    value = entry.value_coding
    told = (
        named.original_text or named.display,
        entry.value if value is None else value.original_text or value.display,
    )
    words = ": ".join(part for part in told if part)
    return f"stated not to be so: {words}" if words and entry.negated else words
