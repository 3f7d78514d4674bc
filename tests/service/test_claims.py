"""The access facts as claims: every member that cannot be used is told at once, with what is expected and no word of the caller's."""

import pytest

from gateway.domain.access import Purpose
from gateway.domain.codes import Code
from gateway.domain.errors import MessageInvalid
from gateway.service.claims import SETTING_EXPECTED, claims_from


def refused(**texts: object) -> MessageInvalid:
    """Why the claims are refused."""
    with pytest.raises(MessageInvalid) as error:
        claims_from(texts)
    return error.value


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_purpose_of_the_list_is_taken(purpose: Purpose) -> None:
    assert claims_from({"purpose": f" {purpose.value} "}).purpose == purpose.value
    assert claims_from({"purpose": "  "}).purpose is None


@pytest.mark.parametrize("purpose", ["treatment", "Direct-care", "direct_care", "DIRECT-CARE", "purpose"])
def test_a_purpose_of_no_list_is_told_with_the_list(purpose: str) -> None:
    error = refused(purpose=purpose)
    assert (error.code, error.rules) == (Code.MESSAGE_VALUE, ("P-15",))
    (found,) = error.findings
    assert (found.path, found.expected) == ("purpose", "one of " + ", ".join(Purpose))
    assert purpose == "purpose" or purpose not in repr(found).replace(found.expected, "")


@pytest.mark.parametrize("setting", ["g", "GP", "gp-out-of-hours", "_gp", "g" * 65])
def test_a_setting_that_can_be_none_is_told(setting: str) -> None:
    error = refused(setting=setting)
    assert error.rules == ("P-58",)
    assert [(one.path, one.expected) for one in error.findings] == [("setting", SETTING_EXPECTED)]
    assert claims_from({"setting": "veterinary"}).setting == "veterinary", "whether it is known is policy"


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(purpose="x", setting="-", role_profile="1", permission="maybe", until="soon", note="\0")
    assert [one.path for one in error.findings] == ["role_profile", "purpose", "setting", "permission", "note", "until"]
    assert error.rules == ("P-15", "P-58")


@pytest.mark.parametrize("name", ["note", "condition_changed_note"])
@pytest.mark.parametrize("letter", [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))])
def test_a_note_that_turns_the_direction_of_writing_is_refused(name: str, letter: str) -> None:
    error = refused(**{name: f"Found {letter}asleep at home"})
    (found,) = error.findings
    assert (error.code, found.path) == (Code.MESSAGE_VALUE, name)
    assert found.expected.endswith("none of which turns the direction of writing")
    assert letter not in repr(found)


@pytest.mark.parametrize(
    "text", ["\u05d4\u05d7\u05d5\u05dc\u05d4 \u05d9\u05e9\u05e0\u05d4", "left \u200e and right \u200f", "\u2065 \u206a"]
)
def test_a_note_in_any_script_is_taken(text: str) -> None:
    assert claims_from({"note": text}).note == text.strip()
