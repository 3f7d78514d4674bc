"""The bench's verdicts: each goal is judged by the figures it names, and one without figures is left out."""

import pytest

from tests.bench.databases import POSTGRES, SQLITE
from tests.bench.doors import PASS
from tests.bench.goals import DOOR, table
from tests.bench.inner import DECISIONS, SLOWEST, slowest
from tests.bench.inner import table as parts_table
from tests.bench.workers import CALLERS, MANY, door


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
    assert "3.500 ms" in lines[1]
    assert "9.000 ms" in lines[2]


@pytest.mark.parametrize(("rate", "late", "verdicts"), [(20_000.0, 0.499, "met met"), (19_999.0, 0.5, "MISSED MISSED")])
def test_the_policy_is_judged_by_its_rate_and_its_slowest(rate: float, late: float, verdicts: str) -> None:
    parts: list[dict[str, object]] = [{"what": DECISIONS, "median": rate}, {"what": SLOWEST, "median": late}]
    lines = table({"parts": parts}).splitlines()[2:]
    assert [line.split("|")[3].strip() for line in lines] == verdicts.split()


def test_the_slowest_decision_is_measured_and_written_with_its_places() -> None:
    row = slowest(0.05, 1)
    assert 0 < float(str(row["least"])) <= float(str(row["median"])) <= float(str(row["most"]))
    written = parts_table([{"what": SLOWEST, "unit": "ms", "median": 0.0423, "least": 0.04, "most": 1.25}])
    assert written.endswith("| 0.042 | 0.040 | 1.2 |")


@pytest.mark.parametrize(("each", "verdict"), [(11.7, "met"), (11.8, "MISSED")])
def test_four_workers_are_judged_with_as_many_callers_for_each_on_postgresql(each: float, verdict: str) -> None:
    one: dict[str, object] = {"door": door(1, POSTGRES), "callers": CALLERS, "cpu_ms_each": 10.0}
    four: dict[str, object] = {"door": door(MANY, POSTGRES), "callers": MANY * CALLERS, "cpu_ms_each": each}
    fewer = four | {"callers": CALLERS, "cpu_ms_each": 1.0}
    other = four | {"door": door(MANY, SQLITE), "cpu_ms_each": 1.0}
    lines = table({"workers": [one, fewer, other, four]}).splitlines()[2:]
    assert [line.split("|")[3].strip() for line in lines] == [verdict]


def test_what_was_not_measured_is_not_judged() -> None:
    assert table({}) == ""
