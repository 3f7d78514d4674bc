"""Whether a note explains anything: length, words, substance (P-06). Never quotes the note."""

import re
import unicodedata
from collections.abc import Iterable

from gateway.policy.settings import Limits

_SIGNS = re.compile(r"[\W_]+")


def _seen(text: str) -> str:
    """The text as read: compatibility forms made plain, characters nobody sees left out."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cf", "Cc"} or letter.isspace())


def words(text: str) -> tuple[str, ...]:
    """Its words in lower case, letters and digits only: punctuation and what cannot be seen do not make two notes differ."""
    spoken = (_SIGNS.sub("", word) for word in _seen(text).casefold().split())
    return tuple(word for word in spoken if word)


def same_words(one: str | None, other: str | None) -> bool:
    """Whether two notes say the same, however spaced or capitalised."""
    return "".join(words(one or "")) == "".join(words(other or ""))


def flaw(note: str | None, recent: Iterable[str], limits: Limits) -> str | None:
    """What is wrong with a note, for engineers; None where nothing is. `recent`: the same user's last override notes."""
    text = (note or "").strip()
    if not text:
        return "none"
    if len(_seen(text)) < limits.note_shortest or len(text) > limits.note_longest:
        return "length"
    said = words(text)
    if len(said) < limits.note_words:
        return "too few words"
    if len(set(said)) == 1 or len(set("".join(said))) == 1:
        return "one thing repeated"
    if any(same_words(text, earlier) for earlier in recent):
        return "used lately"
    return None
