"""The command lines of the four viewers' pages work as pasted: each is run against a sandbox and must end in a record."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT, RunningSandbox

PAGES = ("adastra", "cleo", "emis-web", "systmone")
RECORD = re.compile(r"SUMMARY CARE RECORD|:Record |GPSummary|queryResponseEventList")


def commands(page: str) -> list[str]:
    """Each command of the page's fenced blocks without a language, continuation lines joined."""
    text = (ROOT / "docs" / "doors" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    plain = [block for language, block in blocks if not language]
    return [line for block in plain for line in block.replace("\\\n", "").splitlines() if line.strip()]


def test_each_page_has_a_line_for_the_stub_and_one_for_curl() -> None:
    for page in PAGES:
        lines = commands(page)
        assert any(" raw " in line for line in lines), page
        assert any("curl " in line for line in lines), page


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_the_page_open_a_record(sandbox: RunningSandbox, tmp_path: Path, page: str) -> None:
    for name in (".venv", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    kept = tmp_path / "kept"
    kept.mkdir()
    for command in commands(page):
        line = command.replace("http://127.0.0.1:8080", sandbox.gateway)
        line = line.replace("http://127.0.0.1:8082", sandbox.identity)
        line = re.sub(r"(vendor-stub (?:token|[\w-]+ \w+)) ", rf"\1 --gateway {sandbox.gateway} ", line)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(kept)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
        if "?wsdl" in command:
            assert "definitions" in done.stdout
        elif "/sandbox/saml" in command:
            assert "<saml:Assertion " in done.stdout or "Assertion" in done.stdout.partition(">")[0]
        else:
            assert RECORD.search(done.stdout), (command, done.stdout[:800])
    assert {path.name for path in tmp_path.iterdir()} == {".venv", "tests", "kept"}, (
        "nothing is written where the page is read"
    )


@pytest.mark.parametrize("kind", ["self-referral", "colleague-granted"])
@pytest.mark.parametrize("page", PAGES)
def test_each_relationship_a_feed_knows_opens_a_record(sandbox: RunningSandbox, page: str, kind: str) -> None:
    """The page's own view by the stub, with another relationship on record first."""
    line = next(line for line in commands(page) if f"vendor-stub {page} view " in line)
    line = re.sub(r" --relationship [\w-]+", "", line).strip() + f" --relationship {kind} --gateway {sandbox.gateway}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (line, done.stdout[-500:], done.stderr[-500:])
    assert RECORD.search(done.stdout), done.stdout[:800]
    assert "put no" not in done.stdout + done.stderr, "the feed took it"
