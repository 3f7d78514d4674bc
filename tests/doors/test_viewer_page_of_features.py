"""docs/doors/README.md has a column for every door and a row for every feature, and shows that no viewer lacks one of its own."""

import re

import pytest

from tests.features import DOORS, FEATURES, PAGE
from tests.running import ROOT

NOT_THERE = ("emis-web", "kept permission")
"""The practice that uses EMIS Web in the sandbox keeps none (`test_a_permission_is_not_kept_where_the_practice_keeps_none`)."""
VIEWERS = ("adastra", "cleo", "emis-web", "systmone")


def cells() -> dict[str, dict[str, str]]:
    """Feature -> door -> what the page says."""
    rows = [
        line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "
    ]
    names = [re.sub(r"[\[\]]|\(.*\)", "", cell) for cell in rows[0]]
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows[1:]}


def test_every_door_and_every_feature_is_there() -> None:
    page = cells()
    assert list(page) == [title for title, _ in FEATURES]
    assert all(set(row) == set(DOORS) for row in page.values())
    for name in DOORS.values():
        assert (PAGE.parent / name).is_file()
    assert "(docs/doors/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("door", VIEWERS)
def test_a_viewer_has_tests_of_every_feature(door: str) -> None:
    for title, row in cells().items():
        assert row[door].isdigit() or (door, title) == NOT_THERE, title
