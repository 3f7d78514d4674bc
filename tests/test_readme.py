"""The README's commands work as written, on the running sandbox."""

import re
import shlex
import subprocess
from pathlib import Path

from tests.running import ROOT, RunningSandbox

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Every command of a fenced block that speaks to the sandbox, continuation lines joined."""
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    lines = [line.strip() for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    return [re.sub(r"\s+#.*$", "", line) for line in lines if re.match(r"(\.venv/bin/|curl )", line)]


def test_every_command_of_the_readme_works(sandbox: RunningSandbox, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    found = commands()
    assert len(found) >= 7
    statuses = []
    for command in found:
        line = command.replace("http://127.0.0.1:8080", sandbox.gateway)
        if "vendor-stub" in line:
            line = re.sub(
                r"(vendor-stub mini-service \w+)", rf"\1 --gateway {shlex.quote(sandbox.gateway)}", line, count=1
            )
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        statuses.append((command, done.returncode, bool(done.stdout.strip())))
    refused = [status for status in statuses if "--permission no" in status[0]]
    assert [code for _, code, _ in refused] == [3]
    assert all(code == 0 for name, code, _ in statuses if "--permission no" not in name), statuses
    assert (tmp_path / "request.xml").read_text(encoding="utf-8").rstrip().endswith("Envelope>")
