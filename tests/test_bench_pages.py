"""The bench of pages: percentiles, and rows that say what was measured and whether the goal was met."""

import pytest

from tests.bench.pages import FIRST, GOALS, RECORDS, pages, percentile, table


@pytest.mark.parametrize(
    ("times", "part", "found"),
    [
        ([3.0], 0.95, 3.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(100, 0, -1)], 0.5, 50.0),
        ([1.0, 2.0, 9.0], 0.95, 9.0),
        ([1.0, 2.0], 0.0, 1.0),
    ],
)
def test_percentiles_are_times_that_were_measured(times: list[float], part: float, found: float) -> None:
    assert percentile(times, part) == found


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.95)


def test_a_missed_goal_is_said() -> None:
    row = {"page": "record page", "requests": 9, "p50_ms": 1.0, "most_ms": 300.0, "goal_ms": 200.0}
    text = table([{**row, "p95_ms": 200.0}, {**row, "p95_ms": 200.1}, {**row, "p95_ms": 1.0, "goal_ms": None}])
    met, missed, none = text.splitlines()[2:]
    assert met.endswith("| 200 ms: met |")
    assert missed.endswith("| 200 ms: MISSED |")
    assert none.endswith("| none |")


def test_a_short_run_measures_every_page() -> None:
    rows = pages(0.1, 1)
    assert [row["page"] for row in rows] == [FIRST, *RECORDS]
    assert {row["page"]: row["goal_ms"] for row in rows if row["goal_ms"] is not None} == GOALS
    for row in rows:
        assert int(str(row["requests"])) >= 4
        assert 0 < float(str(row["p50_ms"])) <= float(str(row["p95_ms"])) <= float(str(row["most_ms"]))
