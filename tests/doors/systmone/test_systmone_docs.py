"""docs/doors/systmone.md says what the door does: its samples are the golden ones, its table of codes is the catalogue's.

`python -m tests.doors.systmone.test_systmone_docs` writes the table anew after a change of the catalogue.
"""

import re
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from gateway.adapters.systmone import FUNCTIONS, PATH
from gateway.domain.codes import Code
from tests.doors.records import NOW
from tests.doors.systmone.systmone_door import read, refused, sample
from tests.running import RunningSandbox

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


async def test_what_never_reaches_the_door_is_a_problem_in_json(sandbox: RunningSandbox) -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert "What never reaches the door is a problem document too, but in JSON (`application/problem+json`)" in page
    twice = [("Accept", "application/xml"), ("Content-Type", "application/xml"), ("Content-Type", "application/xml")]
    async with aiohttp.ClientSession(sandbox.gateway, headers={"Accept": "application/xml"}) as session:
        for method, address, headers, status in (
            ("PUT", PATH, {}, 405),
            ("POST", f"{PATH}/", {}, 404),
            ("POST", PATH, CIMultiDict(twice), 400),
        ):
            async with session.request(method, address, data=b"<a/>", headers=headers) as answer:
                told = await answer.json()
                assert (answer.status, answer.content_type) == (status, "application/problem+json"), address
                assert told["code"] == answer.headers["X-SCR-Code"]


@pytest.mark.parametrize(("made", "answered"), [(-359, True), (-361, False), (59, True), (61, False)])
def test_clocks_may_differ_by_a_minute_as_the_page_says(made: int, answered: bool) -> None:
    assert "answered for five minutes; clocks may differ by a minute" in PAGE.read_text(encoding="utf-8")
    at = f"{NOW + timedelta(seconds=made):%Y-%m-%dT%H:%M:%SZ}".encode()
    message = re.sub(rb'created="[^"]*"', b'created="' + at + b'"', sample("view-to-open"))
    if answered:
        assert read(message)
    else:
        assert refused(message).code is Code.MESSAGE_EXPIRED


def write() -> None:
    """The page with its table of codes made new."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| code |")) + 2
    PAGE.write_text("\n".join([*lines[:start], *map(row, Code)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
