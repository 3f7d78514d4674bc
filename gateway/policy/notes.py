"""Whether a note explains anything: length, words, substance (P-06). Never quotes the note."""

import re
import unicodedata
from collections.abc import Iterable

from gateway.domain.notes import NoteFlaw
from gateway.policy.settings import Limits

_SIGNS = re.compile(r"[\W_]+")
_FEWEST_LETTERS = 2


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


def _seen(text: str) -> str:
    """The text as read: compatibility forms made plain, characters nobody sees left out."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if letter.isspace() or not _hidden(letter))


def _hidden(letter: str) -> bool:
    return letter in _BLANK or unicodedata.category(letter) in {"Cf", "Cc"}


def words(text: str) -> tuple[str, ...]:
    """Its words in lower case, letters and digits only: punctuation and what cannot be seen do not make two notes differ."""
    spoken = (_SIGNS.sub("", word) for word in _seen(text).casefold().split())
    return tuple(word for word in spoken if word)


def _spoken(word: str) -> bool:
    """Whether it is a word of speech, of two letters or more: numbers and single letters explain nothing by themselves."""
    return sum(letter.isalpha() for letter in word) >= _FEWEST_LETTERS


def same_words(one: str | None, other: str | None) -> bool:
    """Whether two notes say the same, however spaced or capitalised."""
    return "".join(words(one or "")) == "".join(words(other or ""))


def flaw(note: str | None, recent: Iterable[str], limits: Limits) -> NoteFlaw | None:
    """What is wrong with a note; None where nothing is. `recent`: the same user's last override notes."""
    text = (note or "").strip()
    said = words(text)
    spoken = tuple(filter(_spoken, said))
    conditions = (
        (NoteFlaw.NONE, not text),
        (NoteFlaw.SHORT, len(_seen(text)) < limits.note_shortest),
        (NoteFlaw.LONG, len(text) > limits.note_longest),
        (NoteFlaw.FEW_WORDS, len(spoken) < limits.note_words),
        (NoteFlaw.REPEATED, len(set(spoken)) == 1 or len(set("".join(said))) == 1),
        (NoteFlaw.USED, any(same_words(text, earlier) for earlier in recent)),
    )
    return next((wrong for wrong, holds in conditions if holds), None)
