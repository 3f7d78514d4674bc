"""The sandbox's folder and ports: it takes nothing that is not its own, and nothing away from one that runs."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import sandbox_folder as box
from gateway.cli import main
from tests.running import ROOT, RunningSandbox, free_base, sandbox_running


def started(*arguments: object, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """A sandbox that is expected not to start: its code and what it said."""
    command = [sys.executable, "-m", "gateway", "sandbox", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """The process is gone at the end, whatever happened: nothing waits for it without bound."""
    with process:
        try:
            yield
        finally:
            process.kill()


def kept(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but what a running gateway writes to."""
    moving = ("gateway.sqlite", "sandbox.log", "anchor.jsonl")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(moving)
    }


def test_fresh_beside_a_running_sandbox_takes_nothing_from_it(sandbox: RunningSandbox) -> None:
    before = kept(sandbox.data)
    refused = started("--port-base", free_base(), "--data-dir", sandbox.data, "--fresh")
    assert refused.returncode == 1
    assert "is in use by another sandbox: choose another --data-dir" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert kept(sandbox.data) == before
    assert sandbox.database.stat().st_size > 0


@pytest.mark.parametrize("away", [0, 3, -3])
def test_ports_that_are_taken_are_told_before_anything_is_made(
    sandbox: RunningSandbox, tmp_path: Path, away: int
) -> None:
    refused = started("--port-base", sandbox.base + away, "--data-dir", tmp_path / "new", "--fresh")
    assert refused.returncode == 1
    assert "is in use by another program: choose another --port-base" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["lock"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The folder of a sandbox that ran, refused a message and ended, and its first port."""
    data = tmp_path_factory.mktemp("ran") / "data"
    with sandbox_running(data) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.base, timeout=20)
        connection.request("POST", "/itk", b"<a/>", {"Content-Type": "text/xml", "X-SCR-System": "portal-rzz09"})
        assert connection.getresponse().status == 500
        connection.close()
        return data, running.base


def test_a_port_that_is_taken_forgets_nothing(ran: tuple[Path, int]) -> None:
    data, base = ran
    before = kept(data)
    with closing(socket.create_server(("127.0.0.1", base + 4))):
        refused = started("--port-base", base, "--data-dir", data, "--fresh")
    assert f"port {base + 4} is in use" in refused.stderr
    assert kept(data) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "keys/audit-mac.key",
            "",
            "audit-mac.key is not 64 hex digits; the audit in this folder was written with its keys",
        ),
        (
            "keys/audit-mac.key",
            None,
            "audit-mac.key cannot be read; the audit in this folder was written with its keys",
        ),
        (
            "keys/audit-sign.key",
            None,
            "audit-sign.key cannot be read; the audit in this folder was written with its keys",
        ),
        ("certs/ca.pem", "no certificate", "ca.pem holds no certificate that can be read (PEM)"),
        ("certs/server.key", "no key", "server.key holds no private key that can be read (PEM)"),
    ],
)
def test_a_file_of_its_own_that_is_spoilt_or_gone_is_named_and_left(
    ran: tuple[Path, int], name: str, content: str | None, said: str
) -> None:
    """In one line, without what stands in it; a key that is gone is not made anew beside an audit that it wrote."""
    data, base = ran
    file = data / name
    whole = file.read_bytes()
    try:
        if content is None:
            file.unlink()
        else:
            file.write_text(content, encoding="utf-8")
        refused = started("--port-base", base, "--data-dir", data)
        now = file.read_text(encoding="utf-8") if file.exists() else None
    finally:
        file.write_bytes(whole)
        file.chmod(0o600)
    assert (refused.returncode, now) == (1, content)
    [line] = (line for line in refused.stderr.splitlines() if not line.startswith("STUB "))
    assert line.startswith(f"scr-gateway sandbox: {said}")


@pytest.mark.parametrize("name", ["gateway.toml", "registry.toml", "training.csv", "keys/id", "certs/my.pem", "lock"])
def test_a_folder_that_is_none_of_its_own_is_not_taken(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine = 1\n", encoding="utf-8")
    said = f"{name.partition('/')[0]} there was made by no sandbox"
    with pytest.raises(box.SandboxFault, match=said), box.alone(tmp_path):
        pass
    assert kept(tmp_path) == {name: b"mine = 1\n"}


def test_what_is_not_its_own_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "id_rsa").write_text("mine", encoding="utf-8")
    refused = started("--port-base", free_base(), "--data-dir", tmp_path, "--fresh")
    assert refused.returncode == 1
    assert "keys there was made by no sandbox: choose another --data-dir" in refused.stderr
    assert kept(tmp_path) == {"keys/id_rsa": b"mine"}


def test_the_root_of_everything_is_no_folder_for_it() -> None:
    with pytest.raises(box.SandboxFault, match="made by no sandbox"), box.alone(Path("/")):
        pass


def test_its_own_folder_is_taken_again_and_can_be_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with sandbox_running(data) as running:
        base = running.base
    key = (data / "certs" / "ca.pem").read_bytes()
    (data / "lock").write_text("", encoding="utf-8")  # as earlier ones left it
    with sandbox_running(data, base=base):
        assert (data / "certs" / "ca.pem").read_bytes() == key
    with sandbox_running(data, "--fresh", base=base):
        assert (data / "certs" / "ca.pem").read_bytes() != key


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://127.0.0.1:1/#f",
        "http://127.0.0.1:1/a?x=1",
        "http://u:p@127.0.0.1:1",
        'http://127.0.0.1:1/"',
        "http://127.0.0.1:1/\nmine = 1",
        "ftp://127.0.0.1",
        "127.0.0.1:8081",
    ],
)
def test_an_address_of_spine_that_cannot_work_is_told_at_once(tmp_path: Path, address: str) -> None:
    refused = CliRunner().invoke(main, ["sandbox", "--spine-url", address, "--data-dir", str(tmp_path / "new")])
    assert refused.exit_code == 2
    assert "write an address such as http://127.0.0.1:8081" in " ".join(refused.output.split())
    assert not (tmp_path / "new").exists()


def test_a_stop_while_it_starts_is_no_fault_of_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "sandbox", "--port-base", str(free_base())]
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a run in the background hands on that it is ignored
    try:
        process = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path / "new")], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with ended(process):
        while not (tmp_path / "new" / "lock").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors, errors
    assert process.returncode != 0
