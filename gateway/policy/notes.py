"""Whether a note explains anything: length, words, substance (P-06). Never quotes the note."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from gateway.domain.notes import NoteFlaw, seen
from gateway.policy.settings import Limits

_SIGNS = re.compile(r"[\W_\u01c0-\u01c3]+")
"""With the letters of clicks, which read as strokes and exclamation marks."""
_ROW = re.compile(r"([\W_\u01c0-\u01c3])\1+")
_FEWEST_LETTERS = 2
_FEWEST_KINDS = 3
"""Different letters that a note has at least: fewer are one thing over and over."""
_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d\u043a\u043c\u0442\u0432\u043d"
    "\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u03c5\u03c7\u03c4\u03b5\u0131\u0237\u00f8\u0142\u0111\u0127\u0251\u0261",
    "aeopcyxijsdhqwkmtbhaopvikuxteijoldhag",
)
"""Cyrillic, Greek and other letters (lower case) that look like a Latin one -> that one, for comparing notes."""


def words(text: str) -> tuple[str, ...]:
    """Its words in lower case, letters and digits only: punctuation and what cannot be seen do not make two notes differ.

    Letters that only modify others (primes, apostrophes, marks of length or repetition) are signs here, not words.
    """
    spoken = (_SIGNS.sub("", word) for word in _unmodified(seen(text).casefold()).split())
    return tuple(word for word in spoken if word)


def _unmodified(text: str) -> str:
    """Without letters that only modify others."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Lm")


def _alike(text: str) -> str:
    """Letters that look the same made the same: accents left out, Cyrillic and Greek look-alikes as Latin."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f").translate(_ALIKE)


def _spoken(word: str) -> bool:
    """Whether it is a word of speech, of two letters or more: numbers and single letters explain nothing by themselves."""
    return sum(letter.isalpha() for letter in word) >= _FEWEST_LETTERS


def same_words(one: str | None, other: str | None) -> bool:
    """Whether two notes say the same, however spaced, capitalised or accented, and in whichever letters that look alike."""
    return _alike("".join(words(one or ""))) == _alike("".join(words(other or "")))


def fingerprint(note: str) -> str:
    """The same for any two notes that say the same (SHA-256 of the words, hexadecimal)."""
    return hashlib.sha256(_alike("".join(words(note))).encode()).hexdigest()


def _length(text: str) -> int:
    """Characters that are read: a row of spaces, or of one sign, is one, so that neither makes a note longer."""
    return len(_ROW.sub(r"\1", " ".join(_unmodified(seen(text)).split())))


def _kinds(said: tuple[str, ...]) -> int:
    """How many different letters it has."""
    return len({letter for letter in _alike("".join(said)) if letter.isalpha()})


def flaw(note: str | None, recent: Iterable[str], limits: Limits) -> NoteFlaw | None:
    """What is wrong with a note; None where nothing is. `recent`: the same user's last override notes."""
    text = (note or "").strip()
    said = words(text)
    spoken = tuple(filter(_spoken, said))
    conditions = (
        (NoteFlaw.NONE, not text),
        (NoteFlaw.SHORT, _length(text) < limits.note_shortest),
        (NoteFlaw.LONG, len(text) > limits.note_longest),
        (NoteFlaw.FEW_WORDS, len(spoken) < limits.note_words),
        (NoteFlaw.REPEATED, len(set(spoken)) == 1 or _kinds(said) < _FEWEST_KINDS),
        (NoteFlaw.USED, any(same_words(text, earlier) for earlier in recent)),
    )
    return next((wrong for wrong, holds in conditions if holds), None)
