"""What the calling side prints: the contract's JSON object and the text for people, and the exit status of each outcome."""

import json
from typing import Any

import pytest

from vendor_stubs.calling.result import ViewResult

RECORD: dict[str, Any] = {
    "nhs_number": "9992003812",
    "requested_nhs_number": "9992003448",
    "created": "2026-07-01T10:15:00+01:00",
    "author": "Dr Zoë Ångström",
    "practice": None,
    "document_statements": [{"kind": "withheld", "text": "Some items were withheld."}],
    "additional_information": False,
    "sections": [
        {"id": None, "title": None, "blocks": []},
        {
            "id": "AllergiesHeader",
            "title": "Allergies",
            "blocks": [
                {"kind": "text", "text": "Read \x9b31m with care\x1b[2J \N{SNOWMAN} שלום", "caption": None, "columns": [], "rows": []},
                {"kind": "table", "text": "", "caption": "Drugs", "columns": ["Date", "What"],
                 "rows": [["1 May", "Penicillin"], ["2 June 2026", "x" * 100]]},
                {"kind": "table", "text": "", "caption": None, "columns": [], "rows": [["a", "", "c"], ["only one"]]},
                {"kind": "table", "text": "", "caption": None, "columns": ["A"], "rows": []},
            ],
        },
    ],
}  # fmt: skip


def result(outcome: str = "refused", **changes: Any) -> ViewResult:
    usual: dict[str, Any] = {
        "outcome": outcome,
        "code": "permission-refused",
        "wire_code": "SCR-0003",
        "sentence": "No.",
    }
    return ViewResult(**(usual | changes))


SHOWN = result("record", code="ok", wire_code="SMSP-0000", record={**RECORD, "active_content_removed": True})


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("refused", 3), ("no_record", 4), ("invalid", 5), ("unavailable", 6), ("failed", 1), ("answered", 0)],
)
def test_each_outcome_has_its_exit_status(outcome: str, status: int) -> None:
    assert result(outcome).exit_status == status


def test_a_record_and_its_outcome_go_together() -> None:
    assert SHOWN.exit_status == 0
    with pytest.raises(ValueError, match="record"):
        result("record")
    with pytest.raises(ValueError, match="record"):
        result("refused", record=RECORD)
    with pytest.raises(ValueError, match="outcome"):
        result("shown")


def test_json_of_a_record_has_the_members_of_the_contract_and_no_other() -> None:
    document = json.loads(SHOWN.as_json())
    assert list(document) == [
        "outcome", "code", "wire_code", "sentence", "rules", "correlation_id", "nhs_number", "requested_nhs_number",
        "created", "author", "practice", "document_statements", "additional_information", "sections",
    ]  # fmt: skip
    assert {name: document[name] for name in RECORD} == RECORD
    assert SHOWN.as_json().isascii()


def test_json_of_a_refusal_holds_no_record() -> None:
    told = result(rules=("P-03",), correlation_id="C", next_step="Ask.")
    assert json.loads(told.as_json()) == {
        "outcome": "refused",
        "code": "permission-refused",
        "wire_code": "SCR-0003",
        "sentence": "No.",
        "rules": ["P-03"],
        "correlation_id": "C",
    }


def test_people_see_every_word_the_statements_first_and_no_terminal_commands() -> None:
    text = SHOWN.as_text()
    lines = text.splitlines()
    assert "NHS number: 999 200 3812" in lines
    assert "!! Asked for 999 200 3448, which was superseded by 999 200 3812" in lines
    assert text.index("!! WITHHELD: Some items were withheld.") < text.index("Allergies")
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "Read \N{REPLACEMENT CHARACTER}31m with care\N{REPLACEMENT CHARACTER}[2J \N{SNOWMAN} שלום" in lines
    assert "Practice: not stated" in lines
    assert "Dr Zoë Ångström" in text
    assert "x" * 100 in text


def test_tables_stand_in_columns_and_say_when_they_are_empty() -> None:
    lines = SHOWN.as_text().splitlines()
    at = lines.index("Drugs:")
    assert [line.index("|") for line in lines[at + 1 : at + 5 : 2]] == [12, 12]
    assert lines[at + 2].index("+") == 12
    assert "a        |  | c" in lines
    assert "only one" in lines
    assert "(the table has no rows)" in lines
    assert "(nothing stands under this heading)" in lines


def test_people_are_told_why_not_what_next_and_what_to_quote() -> None:
    text = result(rules=("P-03", "P-04"), correlation_id="C-1", next_step="Ask the patient.").as_text()
    assert text.splitlines() == [
        "REFUSED: No.",
        "Next: Ask the patient.",
        "Rules: P-03 P-04",
        "Code: permission-refused / SCR-0003",
        "Correlation id: C-1",
    ]


def test_an_operations_answer_is_told_by_its_members() -> None:
    told = result("answered", answer={"exists": True, "consent": None, "accesses": [{"user": "9"}, {"user": "8"}]})
    assert told.as_text().splitlines()[:-1] == ["exists: yes", "consent: -", "accesses: 2", "  user 9", "  user 8"]
    assert json.loads(told.as_json())["accesses"] == [{"user": "9"}, {"user": "8"}]
