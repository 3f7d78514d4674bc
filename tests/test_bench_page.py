"""The bench's page: a run replaces the figures and nothing else."""

from pathlib import Path

import pytest

from tests.bench.page import BEGIN, END, write_figures

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


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
