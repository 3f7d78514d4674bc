"""docs/doors/systmone.md says what the door does: its samples are the golden ones, its table of codes is the catalogue's.

`python -m tests.doors.systmone.test_systmone_docs` writes the table anew after a change of the catalogue.
"""

from pathlib import Path

from gateway.adapters.systmone import FUNCTIONS
from gateway.domain.codes import Code
from tests.doors.systmone.systmone_door import sample

PAGE = Path(__file__).resolve().parents[3] / "docs" / "doors" / "systmone.md"
PASTED = (
    "search-by-number",
    "search-by-details",
    "search-answer",
    "permission",
    "permission-answer",
    "view-to-open",
    "view-to-open-answer",
    "refused-problem",
)


def row(code: Code) -> str:
    """One line of the table of codes."""
    return f"| `{code.slug}` | {code.entry.http} | {code.kind.value} | {code.sentence} |"


def test_the_samples_are_the_golden_ones() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in PASTED:
        assert f"```xml\n{sample(name).decode().strip()}\n```" in page, name


def test_every_code_has_its_line_and_there_is_no_other() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `") and line.count("|") == 5] == [row(code) for code in Code]


def test_every_function_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for function in FUNCTIONS:
        assert f"**{function}**" in page


def write() -> None:
    """The page with its table of codes made new."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| code |")) + 2
    PAGE.write_text("\n".join([*lines[:start], *map(row, Code)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
