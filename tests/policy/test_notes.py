"""A note of substance is one that somebody can read (P-06): what shows as nothing makes neither words nor a new note."""

import pytest

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


@pytest.mark.parametrize(
    "note", [NOTE, "não responde, trazido de ambulância", "ожог рук, без сознания", "昏迷 送入 急诊室 无法 回答 问题"]
)
def test_words_of_any_language_are_read(note: str) -> None:
    assert flaw(note, (), LIMITS) is None
