"""Whether a note explains anything: length, words, substance (P-06). Never quotes the note."""

import hashlib
import re
from collections.abc import Iterable

from gateway.domain.notes import NoteFlaw, seen
from gateway.policy.settings import Limits

_SIGNS = re.compile(r"[\W_]+")
_FEWEST_LETTERS = 2


def words(text: str) -> tuple[str, ...]:
    """Its words in lower case, letters and digits only: punctuation and what cannot be seen do not make two notes differ."""
    spoken = (_SIGNS.sub("", word) for word in seen(text).casefold().split())
    return tuple(word for word in spoken if word)


def _spoken(word: str) -> bool:
    """Whether it is a word of speech, of two letters or more: numbers and single letters explain nothing by themselves."""
    return sum(letter.isalpha() for letter in word) >= _FEWEST_LETTERS


def same_words(one: str | None, other: str | None) -> bool:
    """Whether two notes say the same, however spaced or capitalised."""
    return "".join(words(one or "")) == "".join(words(other or ""))


def fingerprint(note: str) -> str:
    """The same for any two notes that say the same (SHA-256 of the words, hexadecimal)."""
    return hashlib.sha256("".join(words(note)).encode()).hexdigest()


def flaw(note: str | None, recent: Iterable[str], limits: Limits) -> NoteFlaw | None:
    """What is wrong with a note; None where nothing is. `recent`: the same user's last override notes."""
    text = (note or "").strip()
    said = words(text)
    spoken = tuple(filter(_spoken, said))
    conditions = (
        (NoteFlaw.NONE, not text),
        (NoteFlaw.SHORT, len(seen(text)) < limits.note_shortest),
        (NoteFlaw.LONG, len(text) > limits.note_longest),
        (NoteFlaw.FEW_WORDS, len(spoken) < limits.note_words),
        (NoteFlaw.REPEATED, len(set(spoken)) == 1 or len(set("".join(said))) == 1),
        (NoteFlaw.USED, any(same_words(text, earlier) for earlier in recent)),
    )
    return next((wrong for wrong, holds in conditions if holds), None)
