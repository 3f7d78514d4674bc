"""The table of what the cast may see is the one kept here, and holds what it must whoever reads it."""

import re

import pytest

from tests.policy import cast_decisions as table
from vendor_stubs import cast


@pytest.fixture(scope="module")
def present() -> tuple[table.Row, ...]:
    return table.rows()


def test_the_table_is_what_the_policy_decides(present: tuple[table.Row, ...]) -> None:
    told = table.differences(table.kept(), present)
    assert not told, "read, then: python -m tests.policy.cast_decisions --write\n" + "\n".join(told)


def test_every_user_and_every_system_has_its_rows(present: tuple[table.Row, ...]) -> None:
    assert {row[0] for row in present} == {user.uid for user in cast.users()}
    assert {row[2] for row in present} == {system.id for system in cast.systems()} | {table.ELSEWHERE}
    assert len({row[:3] for row in present}) == len(present)


def test_nothing_opens_elsewhere_nor_for_a_refused_purpose(present: tuple[table.Row, ...]) -> None:
    for row in present:
        assert "allow" not in row[-1], row
        if row[2] == table.ELSEWHERE:
            assert "allow" not in " ".join(row), row


def test_every_override_and_every_claimed_relationship_raises_its_alert(present: tuple[table.Row, ...]) -> None:
    """1/4 and 1/1 to 1/3 where the relationship is claimed, 2/5 and 2/1 to 2/3 where it is on record."""
    opened = 0
    for row in present:
        for cell, kind in zip(row[3:6], table.RELATIONSHIPS, strict=True):
            if "; " not in cell:
                continue
            for outcome, _, said in (part.partition(": ") for part in cell.split("; ")):
                if not outcome.startswith("allow"):
                    continue
                opened += 1
                alert = re.match(r"allow(?:\+(\d)/(\d))?", outcome)
                assert alert is not None
                if {"emergency", "best-interests", "legal"} & set(said.split()):
                    assert alert[1] == ("2" if kind == "referral" else "1"), row
                elif kind != "referral":
                    assert alert[0] == "allow+1/6", row
    assert opened > 100


def test_a_difference_names_the_row_and_the_cell() -> None:
    row = ("u", "r", "s", "a", "b", "c", "d", "e")
    changed = ("u", "r", "s", "a", "x", "c", "d", "e")
    other = ("v", "r", "s", "a", "b", "c", "d", "e")
    assert table.differences([row], [row]) == []
    assert table.differences([row], [changed]) == ["u r s [direct-care, referral]: b -> x"]
    assert table.differences([row], [other]) == ["gone: u r s", "new: v r s"]
