"""The two notes of an override after a refusal, kept as one text: the note, then how the condition changed (P-03, P-06).

Whoever compares notes must take them apart again: joined to another, a used note would pass for a new one.
"""

import unicodedata
from enum import StrEnum

from gateway.domain.cells import TURNS

STRAIGHT = "none of which turns the direction of writing"
"""What every door says of the characters of a note."""


def turns(text: str) -> bool:
    """Whether a note has characters that turn the direction of writing: whoever reads it would read other words than were
    sent. Every door refuses such a note, whatever it is for.
    """
    return TURNS.search(text) is not None


class NoteFlaw(StrEnum):
    """What is wrong with a note (P-06). The words are for engineers and explain a refusal's reason; none quotes a note."""

    NONE = "none"
    SHORT = "too short"
    LONG = "too long"
    FEW_WORDS = "too few words"
    REPEATED = "one thing repeated"
    USED = "used lately"
    SAME = "same as the note"


_CHANGED = "Condition changed: "
_JOIN = f" / {_CHANGED}"


def joined(note: str | None, changed: str | None) -> str | None:
    """One text of both, as audit and alerts keep it; None where there is neither."""
    if not changed:
        return note or None
    return f"{note}{_JOIN}{changed}" if note else f"{_CHANGED}{changed}"


def parts(text: str) -> tuple[str, ...]:
    """Every note that may stand in a kept text: the whole, and where it is joined each of its parts."""
    pieces = text.removeprefix(_CHANGED).split(_JOIN)
    return tuple(dict.fromkeys((text, *filter(None, pieces))))


_BLANK = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            0x2800,
            0x3164,
            0xFFA0,
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
        ),
    )
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Letters and marks that show as nothing (Unicode's default-ignorable ones that are no format characters, and the empty braille cell)."""


def seen(text: str) -> str:
    """The text as read: compatibility forms made plain, characters nobody sees left out."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if letter.isspace() or not _hidden(letter))


def says(text: str) -> bool:
    """Whether there is anything to read in a note: a letter, number, mark of punctuation or sign that is seen."""
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in seen(text))


def _hidden(letter: str) -> bool:
    return letter in _BLANK or unicodedata.category(letter) in {"Cf", "Cc"}
