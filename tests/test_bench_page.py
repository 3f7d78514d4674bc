"""The bench's page: a run replaces the figures and nothing else."""

import re
from pathlib import Path

import pytest

from tests.bench import capacity
from tests.bench.__main__ import SECTIONS
from tests.bench.page import BEGIN, END, write_figures

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"


def test_only_the_figures_change(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for figures in ("| a | b |", "| c | d |"):
        write_figures(page, figures)
    text, shipped = page.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8")
    assert text.split(BEGIN)[0] == shipped.split(BEGIN)[0]
    assert text.split(END)[1] == shipped.split(END)[1]
    assert text.split(BEGIN)[1].split(END)[0].strip() == "| c | d |"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_its_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="once each"):
        write_figures(page, "figures")
    assert page.read_text(encoding="utf-8") == text


def test_capacity_is_worked_out_from_what_a_view_costs() -> None:
    row = {"door": "cleo, whole view", "callers": 32, "spine_ms": 0, "cpu_ms_each": 5.0}
    others = [row | {"callers": 8}, row | {"spine_ms": 20}, row | {"door": "pass-through"}]
    *_, line = capacity.table({"doors": [row, *others]}).splitlines()
    assert line == "| cleo | 5.0 | 200 | 133 | 0.8 |"
    assert capacity.table({"doors": others}) == capacity.table({}) == ""


def test_the_operators_page_takes_the_table(tmp_path: Path) -> None:
    page = tmp_path / "operating.md"
    page.write_text((PAGE.parent / "operating.md").read_text(encoding="utf-8"), encoding="utf-8")
    write_figures(page, "| a | b |")
    assert "| a | b |" in page.read_text(encoding="utf-8")


def test_the_page_names_every_section_of_a_run() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+)`", page)) == set(SECTIONS)
    asked = re.findall(r'ARGS="--only (\w+)"', (ROOT / "README.md").read_text(encoding="utf-8"))
    asked += re.findall(r'ARGS="--only (\w+)"', (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert asked == ["parts", "parts"]
