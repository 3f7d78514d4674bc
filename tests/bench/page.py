"""Writes a run's tables into a page of docs, between two marks; the words around them are people's and stay as they are."""

from pathlib import Path

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def write_figures(page: Path, figures: str) -> None:
    """Replaces what stands between the marks. Raises ValueError where the page does not have each mark once, in order."""
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{page.name} must have the marks {BEGIN} and {END} once each")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{figures.strip()}\n\n{after}", encoding="utf-8")
