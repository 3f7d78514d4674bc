"""docs/doors/emis-web.md says what the door does: its samples are the golden ones, its table of codes is the door's own.

`python -m tests.doors.emis_web.test_emis_docs` writes the table anew after a change of the catalogue.
"""

from pathlib import Path

from gateway.adapters.emis_web_codes import ANSWERS, GENERAL, Issue, SpineFault
from gateway.domain.codes import Code
from tests.doors.emis_web.emis_door import sample

PAGE = Path(__file__).resolve().parents[3] / "docs" / "doors" / "emis-web.md"
PASTED = ("event-list", "event-to-open", "permission-missing-answer", "nothing-found-answer", "spine-unreachable-fault")


def row(code: Code) -> str:
    """One line of the table of codes."""
    answer = ANSWERS[code]
    if isinstance(answer, SpineFault):
        told = f"fault {answer.code}"
    else:
        specific = f"/{answer.specific}" if answer.specific else ""
        told = f"AE {answer.general}{specific} ({answer.qualifier})"
    return f"| `{code.slug}` | {told} | {code.sentence} |"


def test_the_samples_are_the_golden_ones() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in PASTED:
        assert f"```xml\n{sample(name).decode().strip()}\n```" in page, name


def test_every_code_has_its_line_and_there_is_no_other() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `") and line.count("|") == 4] == [row(code) for code in Code]


def test_every_class_and_fault_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for general in GENERAL:
        assert f"{general} " in page
    for answer in ANSWERS.values():
        assert (answer.general if isinstance(answer, Issue) else answer.code) in page


def write() -> None:
    """The page with its table of codes made new."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| code |")) + 2
    PAGE.write_text("\n".join([*lines[:start], *map(row, Code)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
