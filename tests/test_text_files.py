"""Files an operator writes: what is no text is one fault with its line at each command and at SIGHUP, never a traceback."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.config import ConfigInvalid
from gateway.proving import RegistryInvalid, load_registry
from gateway.text_files import LARGEST, TextUnreadable, read_text
from vendor_stubs import cast

ROOT = Path(__file__).resolve().parents[1]
LATIN = b'# one\r\n# two\nx = "caf\xe9"\n'
ENDLESS = Path("/proc/self/mem")
"""A file that may be opened but not read from its beginning."""


def test_text_is_read_as_pathlib_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes("é = 1\r\nb\rc\n".encode())
    assert read_text(file) == file.read_text(encoding="utf-8") == "é = 1\nb\nc\n"


def test_what_is_no_text_is_told_with_its_line_and_without_its_words(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(LATIN)
    with pytest.raises(TextUnreadable, match=r"^line 3: This is not UTF-8") as told:
        read_text(file)
    assert told.value.line == 3
    assert "caf" not in str(told.value)
    file.write_bytes(b" " * (LARGEST + 1))
    for path, why in (
        (file, "larger than"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
        (ENDLESS, "cannot be read"),
    ):
        with pytest.raises(TextUnreadable, match=why) as told:
            read_text(path)
        assert told.value.line is None


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"\xef\xbb\xbf# one\n")
    assert read_text(file) == "# one\n"


def test_a_pipe_or_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(TextUnreadable, match="a pipe or a device"):
            read_text(path)
        told = CliRunner().invoke(main, ["registry", "check", str(path)])
        assert (told.exit_code, "a pipe or a device" in told.output) == (1, True)
        told = CliRunner().invoke(main, ["policy", "explain", str(path)])
        assert (told.exit_code, "a pipe or a device" in told.stderr) == (2, True)


def test_facts_too_large_to_judge_are_refused_from_a_file_or_standard_input(tmp_path: Path) -> None:
    large = b"[" + b" " * LARGEST + b"]"
    (tmp_path / "large").write_bytes(large)
    for name, given in ((str(tmp_path / "large"), b""), ("-", large)):
        told = CliRunner().invoke(main, ["policy", "explain", name], input=given)
        assert (told.exit_code, "larger than 16 MiB" in told.stderr) == (2, True)


@pytest.mark.parametrize("command", ["check", "show"])
def test_registry_commands_say_the_one_fault_and_end_as_for_any_other(tmp_path: Path, command: str) -> None:
    latin = tmp_path / "l.toml"
    latin.write_bytes(LATIN)
    for file, said in (
        (latin, "line 3: This is not UTF-8"),
        (tmp_path, "the whole file: It cannot be read (Is a directory)."),
        (tmp_path / "none", "the whole file: It cannot be read (No such file or directory)."),
        (ENDLESS, "the whole file: It cannot be read"),
    ):
        told = CliRunner().invoke(main, ["registry", command, str(file)])
        assert told.exit_code == 1, told.exception
        assert isinstance(told.exception, SystemExit)
        first, last = told.output.splitlines()
        assert first.startswith(f"{file}: {said}")
        assert last == "1 fault, 0 warnings"


def test_check_config_says_it_of_the_settings_and_of_the_registry(tmp_path: Path) -> None:
    settings, registry = tmp_path / "gateway.toml", tmp_path / "registry.toml"
    for file, said in ((tmp_path, "Is a directory"), (ENDLESS, "cannot be read")):
        told = CliRunner().invoke(main, ["check-config", "--config", str(file)])
        assert (told.exit_code, said in told.stderr) == (1, True), told.output
    settings.write_bytes(LATIN)
    told = CliRunner().invoke(main, ["check-config", "--config", str(settings)])
    assert told.exit_code == 1
    assert told.stderr.startswith("gateway.toml: line 3: This is not UTF-8")
    text = (ROOT / "deploy" / "compose.toml").read_text(encoding="utf-8")
    settings.write_text(text.replace("/state", str(tmp_path)), encoding="utf-8")

    def of_the_registry() -> list[str]:
        told = CliRunner().invoke(main, ["check-config", "--config", str(settings)])
        assert (told.exit_code, told.stdout) == (1, "not usable for `serve`\n")
        return [line for line in told.stderr.splitlines() if line.startswith("registry: ")]

    assert of_the_registry() == ["registry: registry.toml cannot be read (No such file or directory)"]
    registry.write_bytes(LATIN)
    [line] = of_the_registry()
    assert line.startswith("registry: line 3: This is not UTF-8")
    registry.unlink()
    registry.mkdir()
    assert of_the_registry() == ["registry: registry.toml is a folder, not a file"]


def test_the_alarm_of_a_reload_has_the_line(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(cast.registry_toml(), encoding="utf-8")
    assert load_registry(file).registry.systems
    file.write_bytes(LATIN)
    with pytest.raises(RegistryInvalid) as told:
        load_registry(file)
    assert told.value.places == ("line 3",)
    assert isinstance(told.value, ConfigInvalid)
    assert "caf" not in json.dumps(told.value.faults)


def test_other_files_of_the_operator_are_refused_alike(tmp_path: Path) -> None:
    file = tmp_path / "l"
    file.write_bytes(LATIN)
    for command in (
        ["training", "import", str(file), "--config", str(tmp_path / "none")],
        ["dev-certs", str(tmp_path / "certs"), "--registry", str(file)],
    ):
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 1, told.exception
        assert "line 3: This is not UTF-8" in told.stderr
