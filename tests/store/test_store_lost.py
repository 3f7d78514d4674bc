"""A database file that is gone is never replaced by a new and empty one while anything tells of an earlier audit."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.sandbox import Ports, prepare
from gateway.sandbox_folder import MARK
from gateway.store.engine import DatabaseMissing, refuse_to_begin_again
from gateway.store.keys import load_or_create_keys
from tests.running import free_base


@pytest.mark.parametrize(
    ("files", "keys", "named"),
    [
        ((), False, None),
        (("audit.sqlite",), True, None),
        (("audit.sqlite", "audit.sqlite-wal"), True, None),
        (("audit.sqlite-wal",), False, "audit.sqlite-wal"),
        ((), True, "the audit's keys"),
        (("audit.sqlite-wal",), True, "audit.sqlite-wal and the audit's keys"),
    ],
)
def test_what_is_there_without_its_database(
    tmp_path: Path, files: tuple[str, ...], keys: bool, named: str | None
) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"kept")
    url = f"sqlite+aiosqlite:///{tmp_path / 'audit.sqlite'}"
    if named is None:
        refuse_to_begin_again(url, keys)
    else:
        with pytest.raises(DatabaseMissing, match=named):
            refuse_to_begin_again(url, keys)
    refuse_to_begin_again("postgresql+asyncpg://scr@db/scr", keys_made=True)
    assert {path.name for path in tmp_path.iterdir()} == set(files)


def test_new_tables_beside_a_log_without_its_database_are_refused(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "deploy" / "compose.toml"
    text = example.read_text(encoding="utf-8")
    lines = [
        f'url = "sqlite+aiosqlite:///{tmp_path}/audit.sqlite"' if "postgresql" in x else x for x in text.splitlines()
    ]
    (tmp_path / "gateway.toml").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "audit.sqlite-wal").write_bytes(b"kept")
    result = CliRunner().invoke(main, ["db", "upgrade", "--config", str(tmp_path / "gateway.toml")])
    assert (result.exit_code, "audit.sqlite is not there" in result.output) == (1, True)
    assert (tmp_path / "audit.sqlite-wal").read_bytes() == b"kept"


async def test_a_sandbox_whose_database_is_gone_does_not_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    (data / "lock").write_text(f"{MARK}\n", encoding="utf-8")
    (data / "keys" / "audit-mac.key").write_text("00" * 32, encoding="utf-8")
    (data / "gateway.sqlite-wal").write_bytes(b"kept")
    scr = Path(sys.executable).with_name("scr-gateway")
    process = await asyncio.create_subprocess_exec(
        str(scr), "sandbox", "--data-dir", str(data), "--port-base", str(free_base()), stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.terminate()
    assert process.returncode == 1
    assert b"gateway.sqlite is not there or empty, but gateway.sqlite-wal and the audit's keys" in said
    assert (data / "gateway.sqlite-wal").read_bytes() == b"kept"
    assert not (data / "gateway.sqlite").exists()
    shutil.rmtree(data)


@pytest.mark.parametrize("empty", [False, True], ids=["gone", "emptied"])
@pytest.mark.parametrize(
    "words",
    [
        ("audit", "export", "--output", "out.jsonl"),
        ("audit", "verify"),
        ("audit", "retention"),
        ("interest", "list"),
        ("training", "import", "training.csv"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_no_command_makes_a_new_database_in_place_of_a_lost_one(
    tmp_path: Path, words: tuple[str, ...], empty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ports = Ports(base=20000)
    config = asyncio.run(prepare(ports, tmp_path, None))
    load_or_create_keys(tmp_path / "keys")
    (tmp_path / "training.csv").write_text("uid,module,topics_version,passed,date\n", encoding="utf-8")
    database = tmp_path / "gateway.sqlite"
    if empty:
        database.touch()
    result = CliRunner().invoke(main, [*words, "--config", str(config)])
    assert result.exit_code in (1, 2), result.output
    assert "the audit is missing" in result.output
    assert database.exists() == empty
    assert not empty or database.stat().st_size == 0
