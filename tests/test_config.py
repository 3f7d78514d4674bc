"""Settings from the environment: what is misspelt there is reported at any depth, before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.config import ConfigInvalid, load
from gateway.sandbox import Ports, settings_text

STRAY = {
    "SCR_GATEWAY_FOO": "SCR_GATEWAY_FOO",
    "scr_gateway_log_levels": "scr_gateway_log_levels",
    "SCR_GATEWAY_LOG_LEVEL__DEEP": "SCR_GATEWAY_LOG_LEVEL__DEEP",
    "SCR_GATEWAY_SPINES__ASID": "SCR_GATEWAY_SPINES__ASID",
    "SCR_GATEWAY_": "SCR_GATEWAY_",
    "SCR_GATEWAY_SPINE__FOO": "spine.foo",
}
"""Variable -> how its fault begins."""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A file of sound settings: the sandbox's own."""
    path = tmp_path / "gateway.toml"
    path.write_text(settings_text(Ports(base=19490), tmp_path, None), encoding="utf-8")
    return path


def test_settings_in_the_environment_win(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("SCR_GATEWAY_LOG_LEVEL", "ERROR"),
        ("scr_gateway_spine__asid", "200000000099"),
        ("SCR_GATEWAY_LISTEN__PLAIN__PORT", "19499"),
        ("SCR_GATEWAY_TRACES", '{"share": 0.5}'),
        ("SCR_GATEWAYS_FOO", "of somebody else"),
    ):
        monkeypatch.setenv(name, value)
    found = load(settings)
    assert (found.log_level, found.spine.asid, found.traces.share) == ("ERROR", "200000000099", 0.5)
    assert found.listen.plain is not None
    assert found.listen.plain.port == 19499


@pytest.mark.parametrize("variable", STRAY)
def test_a_variable_that_is_no_setting_is_reported(
    settings: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    load(settings)
    monkeypatch.setenv(variable, "hidden")
    with pytest.raises(ConfigInvalid) as told:
        load(settings)
    [fault] = told.value.faults
    assert fault.startswith(f"{STRAY[variable]}: ")
    assert "hidden" not in fault


def test_all_of_them_are_told_with_the_files_own_faults_at_every_command(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text("opertor = 1\n" + text, encoding="utf-8")
    for variable in STRAY:
        monkeypatch.setenv(variable, "1")
    for command in (
        ["check-config", "--config", str(settings)],
        ["serve", "--config", str(settings)],
        ["serve", "--workers", "2", "--config", str(settings)],
    ):
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 1
        lines = told.stderr.splitlines()
        assert {
            begin for begin in (*STRAY.values(), "opertor") if any(line.startswith(f"{begin}: ") for line in lines)
        } == {
            *STRAY.values(),
            "opertor",
        }, lines
    box = CliRunner().invoke(main, ["sandbox", "--port-base", "19490", "--data-dir", str(tmp_path / "box")])
    assert box.exit_code == 1
    assert "SCR_GATEWAY_FOO: no setting is called so (environment)" in box.stderr
