"""The two notes of an override after a refusal, kept as one text: the note, then how the condition changed (P-03, P-06).

Whoever compares notes must take them apart again: joined to another, a used note would pass for a new one.
"""

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
