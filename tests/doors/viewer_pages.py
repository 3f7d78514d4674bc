"""The parts of docs/doors/adastra.md and cleo.md that are made from samples and tables. Run this module to write them anew."""

from pathlib import Path

from gateway.adapters.viewer_faults import CLIENT, FAULT_CODES
from gateway.domain.codes import Code
from tests.doors.viewer_doors import VIEWERS, Viewer

PAGES = Path(__file__).resolve().parents[2] / "docs" / "doors"
ELSEWHERE = frozenset(
    code
    for code in Code
    if code.name.startswith(("SESSION_", "LAUNCH_", "ALERT_"))
    or code in {Code.PAGE_NOT_FOUND, Code.METHOD_NOT_ALLOWED, Code.NOT_ACCEPTABLE, Code.FORM_TOKEN}
    or code in {Code.SPINE_ACTIVE_CONTENT, Code.PATIENT_NOT_VERIFIED}
)
"""Codes of browsers, launches and other doors: mapped here too, but never said."""


def parts(viewer: Viewer) -> dict[str, str]:
    """Name of a part -> its text."""
    answer = viewer.sample("view-to-open-answer").decode()
    return {
        "request": _xml(viewer.sample("view-to-open").decode()),
        "answer": _xml(answer),
        "fault": _xml(viewer.sample("refused-fault").decode()),
        "codes": codes(viewer),
    }


def _xml(text: str) -> str:
    return f"```xml\n{text.rstrip()}\n```"


def codes(viewer: Viewer) -> str:
    """Every code this door may say."""
    lines = ["| code | fault | what it says | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{code.slug}` | {_fault(viewer, code)} | {code.sentence} | {code.entry.next_step} |"
        for code in Code
        if code not in ELSEWHERE
    ]
    return "\n".join(lines)


def _fault(viewer: Viewer, code: Code) -> str:
    said = FAULT_CODES[code]
    if viewer.product == "adastra":
        return "Sender" if said == CLIENT else {"Server": "Receiver"}.get(said, said)
    return said


def written(page: str, viewer: Viewer) -> str:
    """The page with its parts as they must be."""
    for name, text in parts(viewer).items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        assert begin in page, name
        head, _, rest = page.partition(begin)
        page = f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    for one in VIEWERS:
        path = PAGES / f"{one.product}.md"
        path.write_text(written(path.read_text(encoding="utf-8"), one), encoding="utf-8")
