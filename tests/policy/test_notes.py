"""A note of substance is one that somebody can read (P-06): what shows as nothing makes neither words nor a new note."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.notes import fingerprint, flaw, same_words, words
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


@pytest.mark.parametrize(
    "note",
    [
        "\u02bc\u02bc\u02bc\u02bc\u02bc\u02bc \u02bb\u02bb\u02bb\u02bb\u02bb\u02bb",
        "\u01c3\u01c3\u01c3\u01c3\u01c3\u01c3 \u01c0\u01c0\u01c0\u01c0\u01c0\u01c0",
        "\u02c8\u02c8\u02c8\u02c8\u02c8\u02c8 \u02cc\u02cc\u02cc\u02cc\u02cc\u02cc",
        "\u0640\u0640\u0640\u0640\u0640\u0640 \u30fc\u30fc\u30fc\u30fc\u30fc\u30fc",
        "\u3005\u3005\u3005\u3005\u3005\u3005 \u309d\u309d\u309d\u309d\u309d\u309d",
        "qv             zk",
        "qz ............ wv",
    ],
)
def test_signs_that_are_letters_only_by_name_and_filling_make_no_note(note: str) -> None:
    assert flaw(note, (), LIMITS) == "too short"


@pytest.mark.parametrize(
    "note",
    [
        "aaaaaa bbbbbb",
        "xx yy xx yy",
        "ha haha hahaha",
        "aaaa a\u0430a\u0430 \u0430\u0430\u0430\u0430",
        "test test test",
    ],
)
def test_a_few_letters_over_and_over_are_no_substance(note: str) -> None:
    assert flaw(note, (), LIMITS) == "one thing repeated"


@pytest.mark.parametrize(
    "other",
    [
        "f\u043eund unc\u043en\u0441\u0441i\u043eus at h\u043em\u0435".replace("\u0441\u0441", "sc"),
        "f\u00f6und unc\u00f3nscious at home",
        "found unconsc\u0131ous at home",
        "f\u03bfund unconscious \u03b1t home",
        "FOUND, unconscious; at-home!",
    ],
)
def test_letters_that_look_alike_make_no_new_note(other: str) -> None:
    assert same_words(NOTE, other)
    assert fingerprint(NOTE) == fingerprint(other)
    assert flaw(other, (NOTE,), LIMITS) == "used lately"


@pytest.mark.parametrize(
    "note",
    [
        "GCS 3, no NOK",
        "cardiac arrest",
        "fall, no ID",
        "wedi llewygu gartref",
        "\u0646\u0642\u0644 \u0628\u0644\u0627 \u0648\u0639\u064a",
    ],
)
def test_short_honest_notes_still_explain(note: str) -> None:
    assert flaw(note, (), LIMITS) is None
