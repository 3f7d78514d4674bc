"""The bench's verdicts: each goal is judged by the figures it names, and one without figures is left out."""

import pytest

from tests.bench.doors import PASS
from tests.bench.goals import DOOR, table


def rows(share: float, late: float) -> dict[str, list[dict[str, object]]]:
    """A run with the doors alone."""
    reference = {"door": PASS, "callers": 1, "p50_ms": 1.0, "p99_ms": 2.0}
    alone = {"door": DOOR, "callers": 1, "p50_ms": 4.5, "p99_ms": 11.0}
    many = {"door": DOOR, "callers": 32, "of_pass": share}
    crowd = {"door": DOOR, "callers": 200, "p50_ms": 100.0, "p99_ms": late}
    return {"doors": [reference, alone, many, crowd]}


@pytest.mark.parametrize(
    ("share", "late", "verdicts"), [(0.25, 200.0, "met met MISSED met"), (0.2, 201.0, "MISSED met MISSED MISSED")]
)
def test_each_goal_is_judged_by_its_own_figures(share: float, late: float, verdicts: str) -> None:
    lines = table(rows(share, late)).splitlines()[2:]
    assert [line.split("|")[3].strip() for line in lines] == verdicts.split()
    assert "3.50 ms" in lines[1]
    assert "9.00 ms" in lines[2]


def test_what_was_not_measured_is_not_judged() -> None:
    assert table({}) == ""
