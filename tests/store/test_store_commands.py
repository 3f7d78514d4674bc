"""What leaves the database as a file, and what `audit verify` says of it on a machine that has neither database nor signing key."""

import asyncio
import csv
import io
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from fhir.resources.R4B.auditevent import AuditEvent
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.cli import main
from gateway.cli.exporting import recorded, written
from gateway.cli.verifying import MOST_NAMED
from gateway.config import load
from gateway.domain.errors import NotPossibleNow
from gateway.domain.journal import Write
from gateway.sandbox import Ports, settings_text
from gateway.store.checkpoints import EXPORTED, AnchorFile
from gateway.store.engine import make_engine, upgrade
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys, load_or_create_keys
from gateway.store.tables import audit, audit_chain, audit_checkpoint
from tests.store.conftest import MakeJournal
from tests.store.values import NOW, new_id, raised
from tests.store.values import entry as an_entry

FORMULA = "=HYPERLINK(0)"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> AuditKeys:
    """Keys whose folder the test knows."""
    return load_or_create_keys(_folder(tmp_path_factory))


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / "command-keys"


@pytest.fixture
def auditor(tmp_path: Path, keys: AuditKeys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an auditor is given: the chain's key and the public half of the one that signs."""
    folder = tmp_path / "auditor"
    folder.mkdir()
    for name in ("audit-mac.key", "audit-sign.pub"):
        shutil.copy2(_folder(tmp_path_factory) / name, folder / name)
    return folder


@pytest.fixture
async def export(make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path) -> Path:
    """An export of three entries and the one that says that it was made."""
    journal: Journal = make_journal()
    await journal.start()
    for number in range(3):
        await journal.commit(Write(entries=(an_entry(id=f"E{number + 1}", note=FORMULA),)))
    await journal.stop()
    made = await recorded(engine, keys, EXPORTED, "an auditor", lambda: NOW, new_id)
    path = tmp_path / "audit.jsonl"
    path.write_text("open to all")
    path.chmod(0o644)
    assert await written(engine, keys, "jsonl", made, path, []) == path.stat().st_size
    return path


def entries_of(export: Path) -> list[dict[str, str]]:
    """The entries in it."""
    lines = map(orjson.loads, export.read_bytes().splitlines())
    return [line["entry"] for line in lines if line["kind"] == "entry"]


def verify(export: Path, folder: Path, *more: str) -> tuple[int, str]:
    """(exit status, what it printed)."""
    result = CliRunner().invoke(main, ["audit", "verify", str(export), "--keys", str(folder), *more])
    return result.exit_code, result.stdout


def test_whoever_verifies_without_an_anchor_is_told_what_would_not_show(export: Path, auditor: Path) -> None:
    result = CliRunner().invoke(main, ["audit", "verify", str(export), "--keys", str(auditor)])
    assert "No anchor was given" in result.stderr
    refused = CliRunner().invoke(
        main, ["audit", "verify", str(export), "--keys", str(auditor), "--anchor", str(export)]
    )
    assert (refused.exit_code, "of the anchor is no checkpoint" in refused.stderr) == (2, True)


def test_an_export_verifies_without_what_signs_and_says_who_made_it(export: Path, auditor: Path) -> None:
    assert verify(export, auditor) == (
        0,
        "4 entries, 2 chains, 2 checkpoints, 0 entries after the last checkpoint: sound\n",
    )
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    [made] = [entry for entry in entries_of(export) if entry["event"] == "report"]
    assert (made["door"], made["operation"], made["network"]) == ("command-line", "audit export jsonl", "an auditor")


def test_a_changed_export_is_named_entry_by_entry(export: Path, auditor: Path) -> None:
    export.write_bytes(export.read_bytes().replace(b'"id":"E2"', b'"id":"E9"'))
    status, said = verify(export, auditor)
    assert status == 1
    assert "edited: writer" in said
    assert " entry 2 E9: this entry is not the one that was written here\n" in said
    assert said.endswith("NOT SOUND\n")


async def test_thousands_of_flaws_are_told_by_the_first_and_their_kinds(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, auditor: Path, tmp_path: Path
) -> None:
    journal = make_journal()
    await journal.start()
    await journal.commit(Write(entries=tuple(an_entry(id=f"E{number + 1}") for number in range(2000))))
    await journal.stop()
    made = await recorded(engine, keys, EXPORTED, "an auditor", lambda: NOW, new_id)
    path = tmp_path / "many.jsonl"
    await written(engine, keys, "jsonl", made, path, [])
    path.write_bytes(path.read_bytes().replace(b'"outcome":"record"', b'"outcome":"denied"'))
    status, said = verify(path, auditor)
    lines = said.splitlines()
    assert (status, len(lines)) == (1, MOST_NAMED + 2)
    assert all(line.startswith("edited: writer") for line in lines[:MOST_NAMED])
    assert lines[MOST_NAMED] == f"And {2000 - MOST_NAMED} more: {2000 - MOST_NAMED} edited; --all names each."
    assert lines[-1].endswith("NOT SOUND")
    status, said = verify(path, auditor, "--all")
    assert (status, said.count("edited: writer"), "more:" in said) == (1, 2000, False)


async def test_an_audit_without_a_gateways_entry_is_not_called_sound(
    engine: AsyncEngine, keys: AuditKeys, auditor: Path, tmp_path: Path
) -> None:
    path = tmp_path / "empty.jsonl"
    made = await recorded(engine, keys, EXPORTED, "an auditor", lambda: NOW, new_id)
    await written(engine, keys, "jsonl", made, path, [])
    result = CliRunner().invoke(main, ["audit", "verify", str(path), "--keys", str(auditor)])
    assert (result.exit_code, result.stdout.endswith(": NOTHING TO COMPARE\n")) == (2, True)
    assert "this is a new audit, or one that was emptied" in result.stderr


def test_without_its_keys_nothing_is_called_sound(export: Path, auditor: Path, tmp_path: Path) -> None:
    (auditor / "audit-sign.pub").unlink()
    refused = CliRunner().invoke(main, ["audit", "verify", str(export), "--keys", str(auditor)])
    assert (refused.exit_code, "neither audit-sign.pub nor audit-sign.key" in refused.stderr) == (2, True)
    load_or_create_keys(tmp_path / "others")
    status, said = verify(export, tmp_path / "others")
    assert (status, "unknown-key" in said, said.rstrip().endswith("NOT VERIFIED")) == (2, True, True)


@pytest.mark.parametrize("form", ["jsonl", "csv", "fhir"])
async def test_an_export_that_fails_leaves_the_one_before(
    engine: AsyncEngine, keys: AuditKeys, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "export"
    path.write_bytes(b"the one before")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE audit RENAME TO away")
    with pytest.raises(NotPossibleNow):
        await written(engine, keys, form, "made", path, [])
    there = await asyncio.to_thread(lambda: {one.name: one.read_bytes() for one in tmp_path.glob("export*")})
    assert there == {"export": b"the one before"}


async def test_the_forms_for_reading_hold_every_entry(
    export: Path, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    kept = [entry["id"] for entry in entries_of(export)]
    await written(engine, keys, "csv", kept[-1], tmp_path / "audit.csv", [])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "audit.csv").read_text(encoding="utf-8"))))
    assert [row["id"] for row in rows] == kept
    assert [row["note"] for row in rows].count(f"'{FORMULA}") == 3
    await written(engine, keys, "fhir", kept[-1], tmp_path / "audit.ndjson", [])
    events = [AuditEvent.model_validate_json(line) for line in (tmp_path / "audit.ndjson").read_bytes().splitlines()]
    assert [event.id for event in events] == [one.lower() for one in kept]


def test_an_earlier_export_is_not_written_over_unasked(export: Path) -> None:
    before = export.read_bytes()
    asked = ["audit", "export", "--config", str(export.with_name("none.toml")), "--output", str(export)]
    refused = CliRunner().invoke(main, asked)
    assert (refused.exit_code, f"{export} is there already" in refused.stderr) == (1, True)
    assert export.read_bytes() == before
    assert "is there already" not in CliRunner().invoke(main, [*asked, "--force"]).stderr


@pytest.fixture
async def sandboxed(tmp_path: Path) -> AsyncIterator[tuple[Path, AsyncEngine]]:
    """A sandbox's settings over a database with one alert, whose checkpoints are also kept in the anchor."""
    settings = tmp_path / "gateway.toml"
    settings.write_text(settings_text(Ports(base=19500), tmp_path, None), encoding="utf-8")
    store = load(settings).store
    engine = make_engine(store.url)
    await upgrade(engine)
    assert store.anchor is not None
    made = load_or_create_keys(store.keys)
    journal = Journal(
        engine=engine, keys=made, host="one", ids=new_id, clock=lambda: NOW, anchor=AnchorFile(store.anchor)
    )
    await journal.start()
    entry, alert = raised()
    await journal.commit(Write(entries=(an_entry(event="asked"), entry), alerts=(alert,)))
    await journal.stop()
    yield settings, engine
    await engine.dispose()


async def verify_settings(settings: Path, *more: str) -> tuple[int, str, str]:
    """(exit status, what it printed, what it said beside it) of a verification of the database."""
    asked = ["audit", "verify", "--config", str(settings), *more]
    result = await asyncio.to_thread(CliRunner().invoke, main, asked)
    return result.exit_code, result.stdout, result.stderr


async def test_the_database_is_verified_with_its_alerts_and_that_is_on_record(
    sandboxed: tuple[Path, AsyncEngine],
) -> None:
    settings, engine = sandboxed
    status, said, beside = await verify_settings(settings)
    assert (status, beside) == (0, "Checkpoints kept elsewhere and compared: 1.\n")
    assert said == "3 entries, 2 chains, 2 checkpoints, 0 entries after the last checkpoint, 1 alerts: sound\n"
    async with engine.begin() as connection:
        for guard in ("alert_no_change", "alert_forwards"):
            await connection.exec_driver_sql(f"DROP TRIGGER {guard}")
        await connection.exec_driver_sql("UPDATE alert SET state = 'closed', note = 'nothing'")
        operations = list((await connection.execute(select(audit.c.body).where(audit.c.event == "report"))).scalars())
    assert ['"operation":"audit verify"' in body for body in operations] == [True]
    status, said, _ = await verify_settings(settings)
    assert (status, said.count("alert: alert ")) == (1, 2)
    assert "note is not as entry 2 of writer one:" in said
    assert said.endswith("1 alerts: NOT SOUND\n")


async def test_a_gateway_that_has_made_no_checkpoint_yet_has_no_anchor(
    sandboxed: tuple[Path, AsyncEngine],
) -> None:
    settings, engine = sandboxed
    anchor = load(settings).store.anchor
    assert anchor is not None
    anchor.unlink()
    async with engine.begin() as connection:
        await connection.execute(delete(audit_checkpoint))
        await connection.execute(update(audit_chain).values(sealed=False))  # what ends a chain is a checkpoint of it
    for told in ("No anchor was given", "Checkpoints kept elsewhere and compared: 1."):  # the first keeps its own there
        status, said, beside = await verify_settings(settings)
        assert (status, told in beside, said.endswith(": sound\n")) == (0, True, True)


async def test_an_emptied_database_is_not_called_sound(sandboxed: tuple[Path, AsyncEngine], tmp_path: Path) -> None:
    settings, engine = sandboxed
    anchor = load(settings).store.anchor
    assert anchor is not None
    async with engine.begin() as connection:
        for guard in (await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            await connection.exec_driver_sql(f"DROP TRIGGER {guard[0]}")
        for table in ("outbox", "alert_action", "alert", "audit", "audit_chain", "audit_checkpoint"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")
    status, said, _ = await verify_settings(settings)
    assert (status, "the whole chain of 2 entries is missing" in said) == (1, True)  # the anchor still names it
    anchor.unlink()
    status, said, beside = await verify_settings(settings)
    assert (status, said.splitlines()[-1].endswith(", 0 alerts: NOTHING TO COMPARE")) == (2, True)
    assert "It was not verified that no entry is missing." in beside


async def removed(engine: AsyncEngine) -> None:
    """Takes out whole every chain that has ended, with its checkpoints, as somebody with the database in his hands can."""
    async with engine.begin() as connection:
        for guard in ("audit_no_delete", "audit_no_update"):
            await connection.exec_driver_sql(f"DROP TRIGGER {guard}")
        ended = "SELECT writer FROM audit_chain WHERE sealed = 1"
        await connection.exec_driver_sql(f"DELETE FROM audit WHERE writer IN ({ended})")
        await connection.exec_driver_sql(f"DELETE FROM audit_checkpoint WHERE signer IN ({ended})")
        await connection.exec_driver_sql("DELETE FROM audit_chain WHERE sealed = 1")


async def test_the_record_of_an_export_cannot_be_removed_unseen(
    sandboxed: tuple[Path, AsyncEngine], tmp_path: Path
) -> None:
    settings, engine = sandboxed
    asked = ["audit", "export", "--config", str(settings), "--output", str(tmp_path / "audit.jsonl")]
    assert (await asyncio.to_thread(CliRunner().invoke, main, asked)).exit_code == 0
    await removed(engine)
    status, said, _ = await verify_settings(settings)
    assert status == 1
    assert "cut: writer command-line/audit-export-jsonl:" in said
    assert "the whole chain of 1 entries is missing" in said


async def test_an_export_that_the_anchor_cannot_vouch_for_is_refused(
    sandboxed: tuple[Path, AsyncEngine], tmp_path: Path
) -> None:
    settings, _ = sandboxed
    anchor, output = load(settings).store.anchor, tmp_path / "audit.jsonl"
    assert anchor is not None
    anchor.unlink()
    for prepare, said in ((lambda: None, "is not there"), (anchor.mkdir, "is a folder")):
        prepare()
        asked = ["audit", "export", "--config", str(settings), "--output", str(output)]
        refused = await asyncio.to_thread(CliRunner().invoke, main, asked)
        assert (refused.exit_code, f"the anchor {anchor} {said}" in refused.stderr, output.exists()) == (1, True, False)


async def test_what_cannot_be_verified_is_said(sandboxed: tuple[Path, AsyncEngine], tmp_path: Path) -> None:
    settings, _ = sandboxed
    anchor = load(settings).store.anchor
    assert anchor is not None
    anchor.rename(tmp_path / "away")
    status, _, beside = await verify_settings(settings)
    assert (status, beside) == (2, f"audit verify: the anchor {anchor} is not there\n")
    anchor.mkdir()
    status, _, beside = await verify_settings(settings)
    assert (status, beside) == (2, f"audit verify: the anchor {anchor} is a folder\n")
    anchor.rmdir()
    status, said, _ = await verify_settings(settings, "--anchor", str(tmp_path / "away"))
    assert (status, said.endswith("sound\n")) == (0, True)
    for wrong in (
        [],
        [str(settings)],
        ["--config", str(settings), "--keys", str(tmp_path)],
        [str(settings), "--config", "x"],
    ):
        refused = await asyncio.to_thread(CliRunner().invoke, main, ["audit", "verify", *wrong])
        assert (refused.exit_code, "give an export FILE with --keys, or --config alone" in refused.stderr) == (2, True)


def _spoilt(database: Path) -> None:
    database.write_bytes(b"no database at all " * 300)
    for log in database.parent.glob(f"{database.name}-*"):
        log.unlink()


async def test_what_cannot_be_read_of_the_database_is_said(sandboxed: tuple[Path, AsyncEngine]) -> None:
    settings, engine = sandboxed
    name = str(engine.url.database)
    other = sqlite3.connect(name, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    status, said, beside = await verify_settings(settings)
    assert (status, said, "another process has the database locked" in beside) == (2, "", True)
    other.rollback()
    other.close()
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE alert_action")
    status, said, beside = await verify_settings(settings)
    assert (status, said, "verify: the table alert_action is missing in the database\n" in beside) == (2, "", True)
    await engine.dispose()
    shutil.move(name, f"{name}.away")
    status, said, beside = await verify_settings(settings)
    assert (status, said, "is not there" in beside) == (2, "", True)
    _spoilt(Path(name))
    status, said, beside = await verify_settings(settings)
    assert (status, said, "no SQLite database" in beside) == (2, "", True)


def _with_crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


async def test_a_file_that_is_no_verifiable_export_is_not_called_unsound(
    export: Path, engine: AsyncEngine, keys: AuditKeys, auditor: Path, tmp_path: Path
) -> None:
    for form in ("csv", "fhir"):
        await written(engine, keys, form, "E1", tmp_path / form, [])
    await asyncio.to_thread(_no_exports, tmp_path, export, auditor)


def _no_exports(tmp_path: Path, export: Path, auditor: Path) -> None:
    lines = export.read_bytes()
    for name, data in {
        "crlf": _with_crlf(lines),
        "crlf without the last": _with_crlf(lines)[:-2],
        "text": b"no export\n" * 2000,
        "empty": b"",
        "bytes": bytes(range(256)) * 40,
    }.items():
        (tmp_path / name).write_bytes(data)
    said = {
        "csv": "this is a CSV export; only JSON Lines can be verified",
        "fhir": "this is a FHIR export; only JSON Lines can be verified",
        "crlf": "its line ends were changed",
        "crlf without the last": "its line ends were changed",
        "text": "none of its lines is one of an export",
        "empty": "it is empty",
        "bytes": "none of its lines is one of an export",
    }
    for name, words in said.items():
        asked = ["audit", "verify", str(tmp_path / name), "--keys", str(auditor)]
        result = CliRunner().invoke(main, asked)
        assert (name, result.exit_code, result.stdout) == (name, 2, "")
        assert result.stderr.startswith(f"audit verify: {name} cannot be verified: {words}")
    (tmp_path / "one").write_bytes(lines.replace(b"\n", b"\r\n", 1))  # one line alone was changed by somebody
    assert verify(tmp_path / "one", auditor)[0] == 1


def test_an_anchor_that_cannot_be_read_is_named(export: Path, auditor: Path, tmp_path: Path) -> None:
    (tmp_path / "crlf").write_bytes(_with_crlf(b'{"kind":"checkpoint","body":"{}","signature":""}\n'))
    for name, words in {
        "auditor": "is a folder",
        "none": "is not there",
        "crlf": "every line ends with CR LF",
    }.items():
        asked = ["audit", "verify", str(export), "--keys", str(auditor), "--anchor", str(tmp_path / name)]
        result = CliRunner().invoke(main, asked)
        assert (result.exit_code, result.stdout, words in result.stderr, "Errno" in result.stderr) == (
            2,
            "",
            True,
            False,
        )
