"""The memory bench's own reckoning: flat is flat, and growth is seen wherever it begins."""

import pytest

from tests.bench.memory import Reading, grown, table


def readings(*resident: float) -> list[Reading]:
    """One reading after each thousand views."""
    return [Reading(views=number * 1000, resident=size, own=size) for number, size in enumerate(resident)]


def test_warming_up_is_no_growth() -> None:
    assert grown(readings(100, *[140] * 20)) == pytest.approx(0)


@pytest.mark.parametrize("late", [143.0, 160.0])
def test_growth_after_the_first_tenth_is_seen(late: float) -> None:
    assert grown(readings(100, *[140] * 10, *[late] * 10)) == pytest.approx(late / 140 - 1)


def test_what_is_missed_is_said() -> None:
    before, after = readings(100, 101)
    assert "MISSED" not in table(readings(100, *[140] * 20), 10, (before, after))
    assert table(readings(100, *[140] * 10, *[160] * 10), 10, (before, after)).count("MISSED") == 2
