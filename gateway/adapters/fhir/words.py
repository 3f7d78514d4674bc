"""The words of a coded entry where R4 has no member for what they say: notes, and a narrative for resources without notes. Pure.

It must never leave out a word, a value or a date of the entry it is given.
"""

from gateway.adapters.fhir.datatypes import Json, backwards, start_of
from gateway.adapters.fhir.narrative import paragraphs_div
from gateway.domain.record import CodedEntry


def notes(entry: CodedEntry, *more: str) -> list[Json]:
    """Whether it is negated, supporting information, then `more`, then an end that no period can hold: each once, none blank."""
    texts = dict.fromkeys((*negations(entry), *entry.supporting, *more, _backwards(entry)))
    return [{"text": text} for text in texts if text.strip()]


def negations(entry: CodedEntry) -> tuple[str, ...]:
    """What a reader of the words must know first of an entry that is stated not to be so, whole or in part."""
    said = []
    if entry.negated:
        said.append("Negated on the record: this is stated NOT to be so.")
    if entry.partly_negated:
        said.append("Negated in part on the record: something in this entry is stated NOT to be so.")
    return tuple(said)


def _backwards(entry: CodedEntry) -> str:
    """The end of an interval that cannot be one, in words: no date the practice wrote is lost."""
    time = entry.effective
    return f"Ended {time.high.iso}" if time.high is not None and backwards(start_of(time), time.high) else ""


def value_words(entry: CodedEntry) -> str:
    """An entry's value in words, for resources that have no member for one."""
    coded = entry.value_coding
    return entry.value or "" if coded is None else coded.original_text or coded.display or coded.code


def qualifier_notes(entry: CodedEntry) -> tuple[str, ...]:
    """Certainty and severity, also for readers who look at notes only."""
    said = []
    for name, meaning in entry.qualifiers:
        words = [part.original_text or part.display or part.code for part in (name, meaning)]
        said.append(": ".join(word for word in words if word))
    return tuple(said)


def taking_part(participants: tuple[Json, ...]) -> tuple[str, ...]:
    """Who took part, in words: for a resource that can name only one of them."""
    named = ((part["type"][0]["coding"][0]["display"], part["individual"].get("display")) for part in participants)
    return tuple(f"{role}: {name}" for role, name in named if name)


def generated(entry: CodedEntry, *more: str) -> Json | None:
    """A narrative for resources without notes."""
    words = entry.code.original_text or entry.code.display or ""
    texts = tuple(
        text
        for text in (*more, *negations(entry), words, value_words(entry), *entry.supporting, _backwards(entry))
        if text
    )
    extra = tuple(text for text in texts if text != words)
    return {"status": "generated", "div": paragraphs_div(texts)} if extra else None
