"""A note of substance is one that somebody can read (P-06): what shows as nothing makes neither words nor a new note."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.notes import flaw, same_words, words
from gateway.policy.settings import current
from tests.policy import cases as c

NOTE = "found unconscious at home"
LIMITS = current(c.NOW).limits


@pytest.mark.parametrize(
    "hidden",
    ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u180b", "\ufe0f", "\U000e0101", "\u200b", "\u202e"],
)
def test_letters_that_show_as_nothing_are_no_words(hidden: str) -> None:
    assert flaw(f"{hidden * 6} {hidden * 6}", (), LIMITS) == "too short"
    assert words(f"{hidden * 6} {hidden * 6}") == ()
    assert same_words(NOTE, NOTE.replace("con", f"con{hidden}"))
    assert flaw(NOTE.replace("con", f"con{hidden}"), (NOTE,), LIMITS) == "used lately"


SPOKEN = st.text(st.characters(categories=("Ll", "Lu")), min_size=2, max_size=12)
DIGITS = st.text(st.characters(categories=("Nd", "Po", "Sm", "Zs")), min_size=1, max_size=60)
LETTERS = st.lists(st.characters(categories=("Ll", "Lu", "Lo")), min_size=1, max_size=20)


@given(DIGITS)
def test_digits_and_signs_alone_never_explain(note: str) -> None:
    assert flaw(note, (), LIMITS) in {"none", "too short", "too few words"}


@given(DIGITS, SPOKEN)
def test_one_word_among_digits_never_explains(digits: str, word: str) -> None:
    for note in (f"{word} {digits}", f"{digits} {word}", f"{word} {digits} {word}"):
        assert flaw(note[:128], (), LIMITS) is not None


@given(LETTERS)
def test_single_letters_never_explain(letters: list[str]) -> None:
    plain = [letter for letter in letters if len(unicodedata.normalize("NFKC", letter).casefold()) == 1]
    assert flaw(" ".join(plain), (), LIMITS) is not None


@given(st.permutations(["found", "unresponsive", "999", "4", "2026-11-28"]))
def test_two_words_explain_wherever_the_digits_stand(pieces: list[str]) -> None:
    assert flaw(" ".join(pieces), (), LIMITS) is None


@pytest.mark.parametrize(
    "note", [NOTE, "não responde, trazido de ambulância", "ожог рук, без сознания", "昏迷 送入 急诊室 无法 回答 问题"]
)
def test_words_of_any_language_are_read(note: str) -> None:
    assert flaw(note, (), LIMITS) is None
