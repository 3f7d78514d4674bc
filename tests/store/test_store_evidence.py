"""The audit as evidence: every way of changing it is found and named, on both databases and on an export alone."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.journal import Write
from gateway.store.chain import Head, decode, encode, link
from gateway.store.checkpoints import EXPORTED, AnchorFile, Checkpoint
from gateway.store.export import export_lines
from gateway.store.flaws import Flaw, Report
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys, load_or_create_keys
from gateway.store.verify_database import verify_database
from gateway.store.verify_export import AnchorUnusable, read_anchor, read_checkpoints, verify_file
from tests.store.conftest import MakeJournal
from tests.store.values import OTHER, PATIENT
from tests.store.values import entry as an_entry

ENTRIES = 12
MADE = "E1"
"""The entry that says that an export is made; the first here, so that what stands last can be cut off."""


async def write(journal: Journal, number: int = ENTRIES) -> None:
    """So many entries, one after the other."""
    made = an_entry(id=MADE, event="report", operation=EXPORTED)
    for step in range(number):
        await journal.commit(Write(entries=(an_entry(id=f"E{step + 1}") if step else made,)))


async def verified(engine: AsyncEngine, keys: AuditKeys, folder: Path, anchored: tuple[Checkpoint, ...] = ()) -> Report:
    """Exports the whole audit to a file and verifies the file alone."""
    path = folder / "audit.jsonl"
    path.write_bytes(b"".join([block async for block in export_lines(engine, keys, MADE)]))
    return verify_file(path, keys.verify, anchored)


async def unguarded(engine: AsyncEngine, *statements: str) -> None:
    """What somebody with the database in his hands can do: away with the guard, then anything."""
    guards = {
        "sqlite": ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"),
        "postgresql": ("ALTER TABLE audit DISABLE TRIGGER ALL",),
    }
    async with engine.begin() as connection:
        for statement in (*guards[engine.dialect.name], *statements):
            await connection.exec_driver_sql(statement)


async def test_an_untouched_audit_verifies(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    journals = [make_journal() for _ in range(3)]
    for journal in journals:
        await journal.start()
    await asyncio.gather(*(write(journal, 30) for journal in journals))
    await journals[0].checkpoint()
    await write(journals[0], 5)
    report = await verified(engine, keys, tmp_path)
    assert (report.sound, report.entries, report.chains, report.checkpoints, report.uncovered) == (True, 95, 3, 1, 5)
    for journal in journals:
        await journal.stop()
    report = await verified(engine, keys, tmp_path)
    assert (report.flaws, report.uncovered, report.checkpoints) == ((), 0, 4)


async def test_the_database_itself_refuses_to_change_an_entry(journal: Journal, engine: AsyncEngine) -> None:
    await write(journal, 1)
    for statement in ("UPDATE audit SET mac = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.exec_driver_sql(statement)


FLIPPED = "UPDATE audit SET body = replace(body, 'record', 'recorc') WHERE seq = 5"
SWAPPED = "UPDATE audit SET seq = CASE seq WHEN 1004 THEN 7 ELSE 4 END WHERE seq IN (1004, 1007)"
COPIED = "INSERT INTO audit SELECT writer, 13, mac, 'E99', at, event, organisation, user_id, patient, correlation_id, body FROM audit WHERE seq = 12"

ROOM = ("UPDATE audit SET seq = seq + 1000 WHERE seq >= 6", "UPDATE audit SET seq = seq - 998 WHERE seq > 1000")
FORGED = [
    f"INSERT INTO audit SELECT writer, {seq}, mac, 'E9{seq}', at, event, organisation, user_id, patient, correlation_id, "
    f"replace(body, '\"E12\"', '\"E9{seq}\"') FROM audit WHERE seq = 14"
    for seq in (6, 7)
]
CLOSED_UP = ("UPDATE audit SET seq = seq + 1000 WHERE seq >= 5", "UPDATE audit SET seq = seq - {} WHERE seq > 1000")

TAMPERED = [
    ((*ROOM, *FORGED), {("inserted", 6, "E96"), ("inserted", 7, "E97")}),
    (("DELETE FROM audit WHERE seq = 5", *(one.format(1001) for one in CLOSED_UP)), {("removed", 5, "")}),
    (("DELETE FROM audit WHERE seq IN (5, 6, 7)", *(one.format(1003) for one in CLOSED_UP)), {("removed", 5, "")}),
    (
        (FLIPPED, "DELETE FROM audit WHERE seq = 9", CLOSED_UP[0].replace("5", "9"), CLOSED_UP[1].format(1001)),
        {("edited", 5, "E5"), ("removed", 9, "")},
    ),
    ((FLIPPED,), {("edited", 5, "E5")}),
    (
        ("UPDATE audit SET mac = replace(mac, substr(mac, 3, 1), 'z') WHERE seq = 5",),
        {("edited", 5, "E5")},
    ),
    (("DELETE FROM audit WHERE seq = 5",), {("removed", 5, "")}),
    (("DELETE FROM audit WHERE seq IN (5, 6, 7)",), {("removed", 5, "")}),
    (("DELETE FROM audit WHERE seq = 1",), {("removed", 1, ""), ("export-cut", 0, "")}),
    (
        ("UPDATE audit SET seq = seq + 1000 WHERE seq IN (4, 7)", SWAPPED),
        {("moved", 4, "E7"), ("moved", 7, "E4")},
    ),
    ((COPIED,), {("inserted", 13, "E12"), ("index", 13, "E12")}),
    (("DELETE FROM audit WHERE seq > 9",), {("cut", 10, "")}),
    (("DELETE FROM audit",), {("cut", 1, ""), ("export-cut", 0, "")}),
    (("DELETE FROM audit", "DELETE FROM audit_chain"), {("cut", 12, ""), ("export-cut", 0, "")}),
    (("DELETE FROM audit_chain",), {("unknown-chain", 1, "E1")}),
    ((f"UPDATE audit SET patient = '{OTHER.value}' WHERE seq = 3",), {("index", 3, "E3")}),
    (("UPDATE audit SET user_id = NULL WHERE seq = 3",), {("index", 3, "E3")}),
    (("DELETE FROM audit_checkpoint WHERE number = 1",), {("checkpoint", 1, "")}),
    (
        ("UPDATE audit_checkpoint SET body = replace(body, '\"length\":12', '\"length\":11') WHERE number = 2",),
        {("checkpoint", 2, "")},
    ),
    (("UPDATE audit_chain SET key_id = 'other'",), {("unknown-key", 0, "")}),
]


@pytest.mark.parametrize(("statements", "expected"), TAMPERED)
async def test_tampering_is_found_and_named(
    journal: Journal,
    engine: AsyncEngine,
    keys: AuditKeys,
    tmp_path: Path,
    statements: tuple[str, ...],
    expected: set[tuple[str, int, str]],
) -> None:
    await write(journal)
    await journal.checkpoint()
    await journal.checkpoint()
    await unguarded(engine, *statements)
    report = await verified(engine, keys, tmp_path)
    assert {(flaw.kind, flaw.seq, flaw.id) for flaw in report.flaws} == expected
    assert not report.sound


async def test_a_chain_rewritten_without_its_key_is_found(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal)
    await journal.stop()
    path = tmp_path / "audit.jsonl"
    lines = [
        orjson.loads(line)
        for block in [b async for b in export_lines(engine, keys, MADE)]
        for line in block.splitlines()
    ]
    wrong = bytes(32)
    writer = next(line["writer"] for line in lines if line["kind"] == "entry")
    head = Head.start(writer, wrong)
    for line in lines:
        if line["kind"] == "entry":
            if line["seq"] >= 6:
                line["entry"]["patient"] = OTHER.value
            head = head.next(encode(decode(orjson.dumps(line["entry"]))), wrong)
            line["mac"] = head.mac
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    report = verify_file(path, keys.verify)
    assert {flaw.seq for flaw in report.flaws if flaw.kind == "edited"} == set(range(1, ENTRIES + 1))
    assert [flaw.seq for flaw in report.flaws if flaw.kind == "rewritten"] == [ENTRIES]


async def test_a_chain_rewritten_with_its_key_disagrees_with_the_checkpoint(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal)
    await journal.stop()
    lines = [
        orjson.loads(line)
        for block in [b async for b in export_lines(engine, keys, MADE)]
        for line in block.splitlines()
    ]
    writer = next(line["writer"] for line in lines if line["kind"] == "entry")
    head = Head.start(writer, keys.mac)
    for line in lines:
        if line["kind"] == "entry":
            line["entry"]["patient"] = PATIENT.value if line["seq"] != 6 else OTHER.value
            head = head.next(encode(decode(orjson.dumps(line["entry"]))), keys.mac)
            line["mac"] = head.mac
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    assert [(flaw.kind, flaw.seq) for flaw in verify_file(path, keys.verify).flaws] == [("rewritten", ENTRIES)]


async def test_checkpoints_kept_elsewhere_show_what_was_cut_from_the_database(
    make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    journal = make_journal()
    journal._signer._anchor = AnchorFile(tmp_path / "anchors.jsonl")
    await journal.start()
    await write(journal)
    await journal.stop()
    await unguarded(engine, "DELETE FROM audit WHERE seq > 3", "DELETE FROM audit_checkpoint")
    left = (await verified(engine, keys, tmp_path)).flaws  # nothing left in the database tells what is missing
    assert [(flaw.kind, "no checkpoint" in flaw.sentence) for flaw in left] == [("export-cut", True)]
    anchored = tuple(read_checkpoints(tmp_path / "anchors.jsonl"))
    report = await verified(engine, keys, tmp_path, anchored)
    assert [(flaw.kind, flaw.seq) for flaw in report.flaws] == [("cut", 4)]


async def test_a_forged_checkpoint_is_found(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.checkpoint()
    stated = await anext(_checkpoint_lines(engine, keys))
    real = Checkpoint(body=stated["body"], signature=stated["signature"])
    forged = replace(real, signature=Ed25519PrivateKey.generate().sign(real.body.encode()).hex())
    report = await verified(engine, keys, tmp_path, (forged,))
    assert [flaw.kind for flaw in report.flaws] == ["checkpoint"]


async def _checkpoint_lines(engine: AsyncEngine, keys: AuditKeys):  # type: ignore[no-untyped-def]
    async for block in export_lines(engine, keys, MADE):
        for line in block.splitlines():
            values = orjson.loads(line)
            if values["kind"] == "checkpoint":
                yield values


Damage = Callable[[list[bytes]], list[bytes]]
UNREAD = {"unreadable", "removed", "export-cut"}
"""What is said of an entry's line that is not as an export writes it."""


def _in_line(lines: list[bytes], old: bytes, new: bytes) -> list[bytes]:
    return [line.replace(old, new, 1) if b'"seq":4,' in line else line for line in lines]


def _recounted(lines: list[bytes]) -> list[bytes]:
    """With a last line that counts what is left, and the digest of it: all that somebody without the key can write."""
    end = orjson.loads(lines[-1])
    kinds = [orjson.loads(line)["kind"] for line in lines]
    end |= {"entries": kinds.count("entry"), "checkpoints": kinds.count("checkpoint")}
    end["sha256"] = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    return [*lines[:-1], orjson.dumps(end) + b"\n"]


@pytest.mark.parametrize(
    "change", [lambda lines: lines[:-2], lambda lines: [*lines[1:]], lambda lines: [*lines[:2], *lines[3:]]]
)
async def test_no_part_of_an_export_can_go_and_the_counts_be_made_to_fit(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path, change: Damage
) -> None:
    await write(journal, 3)
    await journal.stop()
    lines = [
        line + b"\n" for block in [b async for b in export_lines(engine, keys, MADE)] for line in block.splitlines()
    ]
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(_recounted([*change(lines[:-1]), lines[-1]])))
    assert not verify_file(path, keys.verify).sound


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no checkpoint"),
        (b"root:x:0:0\n", "line 1 of the anchor is no checkpoint"),
        (None, "no checkpoint"),  # its only line breaks off
    ],
)
async def test_an_anchor_that_is_none_is_refused(
    make_journal: MakeJournal, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "anchor.jsonl"
    journal = make_journal()
    journal._signer._anchor = AnchorFile(path)
    await journal.start()
    await write(journal, 1)
    await journal.stop()
    assert len(read_anchor(path).checkpoints) == 1
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    with pytest.raises(AnchorUnusable, match=said):
        read_anchor(path)


async def test_a_line_of_the_anchor_that_breaks_off_spoils_none_after_it(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    path = tmp_path / "anchor.jsonl"
    for cut in (1, 20, 0):
        journal = make_journal()
        journal._signer._anchor = AnchorFile(path)
        await journal.start()
        await write(journal, 1)
        await journal.stop()
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
    found = read_anchor(path)
    # the first lacks nothing but the end of its line, which the next one gave it
    assert (len(found.checkpoints), found.torn) == (2, (2,))


def test_a_checkpoint_that_does_not_fit_the_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, room = tmp_path / "anchor.jsonl", [5, 0]
    plain = os.write

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "no space left")
        return plain(descriptor, bytes(data)[: room.pop(0)])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="no space"):
        AnchorFile(path).keep(b'{"body":"a"}\n')
    monkeypatch.undo()
    AnchorFile(path).keep(b"whole\n")
    assert path.read_bytes() == b'{"bod\nwhole\n'


@pytest.mark.parametrize(
    ("damage", "kinds"),
    [
        (lambda lines: lines[:-1], {"export-cut"}),
        (lambda lines: [*lines[:-3], lines[-1]], {"export-cut", "cut"}),
        (lambda lines: [*lines[:-3], lines[-2], lines[-3], lines[-1]], {"moved"}),
        (lambda lines: [*lines[:-2], lines[-2], *lines[-2:]], {"inserted", "export-cut"}),
        (lambda lines: [*lines, b"no json\n"], {"unreadable"}),
        (
            lambda lines: [line.replace(b'"mac":', b'"mak":', 1) if b'"seq":4,' in line else line for line in lines],
            {"unreadable", "removed"},
        ),
        # a name given twice, of which one reader takes the first and another the last; other bytes for the same values
        (lambda lines: _in_line(lines, b'"entry":{', b'"entry":{"user":"666666666666",'), UNREAD),
        (lambda lines: _in_line(lines, b'{"kind":"entry"', b'{"kind":"entry","entry":{}'), UNREAD),
        (lambda lines: _in_line(lines, b'"seq":4,', b'"seq": 4,'), UNREAD),
        # whole parts taken away and the counts made to fit
        (lambda lines: _recounted([line for line in lines if b'"kind":"checkpoint"' not in line]), {"export-cut"}),
        (lambda lines: _recounted([line for line in lines if b'"kind":"end"' in line]), {"export-cut"}),
    ],
)
async def test_a_damaged_export_is_found(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path, damage: Damage, kinds: set[str]
) -> None:
    await write(journal)
    await journal.stop()
    lines = [
        line + b"\n" for block in [b async for b in export_lines(engine, keys, MADE)] for line in block.splitlines()
    ]
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(damage(lines)))
    assert {flaw.kind for flaw in verify_file(path, keys.verify).flaws} == kinds


async def test_an_older_chain_key_still_verifies(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal)
    await journal.stop()
    newer = load_or_create_keys(tmp_path / "newer")
    assert not (await verified(engine, newer, tmp_path)).sound
    for name, content in (("audit-mac.key.2026.old", keys.mac.hex()),):
        (tmp_path / "newer" / name).write_text(content)
        (tmp_path / "newer" / name).chmod(0o600)
    report = await verified(engine, load_or_create_keys(tmp_path / "newer"), tmp_path)
    assert {flaw.kind for flaw in report.flaws} == {"checkpoint"}  # its signing key is still missing


def test_the_chain_is_a_function_of_its_words() -> None:
    key = bytes(range(32))
    head = Head.start("host:1", key).next(b"{}", key)
    assert (head.length, head.mac) == (1, link("host:1", 1, Head.start("host:1", key).mac, b"{}", key))
    others = [link("host:2", 1, "", b"{}", key), link("host:1", 2, "", b"{}", key), link("host:1", 1, "0", b"{}", key)]
    assert len({*others, link("host:1", 1, "", b"{ }", key), link("host:1", 1, "", b"{}", bytes(32))}) == 5


def _named(flaw: Flaw, seq: int, line: int) -> bool:
    """Whether the flaw points at the entry with this number, at the one after it whose code rests on it, or at its line."""
    return flaw.seq in (seq, seq + 1) or (flaw.kind == "unreadable" and flaw.seq == line)


async def test_one_flipped_bit_anywhere_in_an_entry_is_found_and_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 4)
    await journal.stop()
    lines = [
        line + b"\n" for block in [b async for b in export_lines(engine, keys, MADE)] for line in block.splitlines()
    ]
    path, unseen, unnamed = tmp_path / "audit.jsonl", [], []
    place = next(number for number, line in enumerate(lines) if b'"seq":2,' in line)
    for offset in range(len(lines[place]) - 1):
        flipped = bytearray(lines[place])
        flipped[offset] ^= 0x01 if offset % 2 else 0x20
        path.write_bytes(b"".join([*lines[:place], bytes(flipped), *lines[place + 1 :]]))
        flaws = verify_file(path, keys.verify).flaws
        if not flaws:
            unseen.append(offset)
        elif not any(_named(flaw, 2, place + 1) for flaw in flaws):
            unnamed.append((offset, flaws))
    assert (unseen, unnamed) == ([], [])


@pytest.mark.parametrize("kind", ["chain", "checkpoint", "end"])
async def test_one_flipped_bit_elsewhere_in_an_export_is_found(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path, kind: str
) -> None:
    await write(journal, 2)
    await journal.stop()
    lines = [
        line + b"\n" for block in [b async for b in export_lines(engine, keys, MADE)] for line in block.splitlines()
    ]
    path, unseen = tmp_path / "audit.jsonl", []
    place = next(number for number, line in enumerate(lines) if orjson.loads(line)["kind"] == kind)
    for offset in range(len(lines[place]) - 1):
        flipped = bytearray(lines[place])
        flipped[offset] ^= 0x01 if offset % 2 else 0x20
        path.write_bytes(b"".join([*lines[:place], bytes(flipped), *lines[place + 1 :]]))
        if verify_file(path, keys.verify).sound:
            unseen.append((offset, bytes(flipped)))
    assert unseen == []


async def test_a_body_in_other_bytes_in_the_database_is_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.checkpoint()
    await unguarded(engine, 'UPDATE audit SET body = \'{"user":"666666666666",\' || substr(body, 2) WHERE seq = 2')
    report = await verified(engine, keys, tmp_path)
    assert ("edited", 2) in {(flaw.kind, flaw.seq) for flaw in report.flaws}


async def test_a_time_made_unreadable_in_the_database_is_named(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.checkpoint()
    worth = "'long ago'" if engine.dialect.name == "sqlite" else "'-infinity'"
    await unguarded(engine, f"UPDATE audit SET at = {worth} WHERE seq = 2")
    report = await verified(engine, keys, tmp_path)
    assert [(flaw.kind, flaw.seq) for flaw in report.flaws] == [("index", 2)]


async def test_an_export_without_the_entry_that_says_it_was_made_is_not_sound(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.stop()
    path = tmp_path / "audit.jsonl"
    for made, sound in ((MADE, True), ("E2", False), ("E9", False)):  # E2 tells of something else
        path.write_bytes(b"".join([block async for block in export_lines(engine, keys, made)]))
        flaws = verify_file(path, keys.verify).flaws
        assert [flaw.kind for flaw in flaws] == ([] if sound else ["export-cut"])


async def test_another_audits_anchor_vouches_for_nothing(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.checkpoint()
    stated = await anext(_checkpoint_lines(engine, keys))
    values = orjson.loads(stated["body"])
    for chains in ([], [{"writer": "elsewhere:1", "length": 0, "mac": ""}]):
        body = orjson.dumps({**values, "signer": "elsewhere:1", "chains": chains}, option=orjson.OPT_SORT_KEYS)
        signature = keys.sign.sign(b"scr-checkpoint 1\n" + body).hex()
        foreign = Checkpoint(body=body.decode(), signature=signature)
        for flaws in (
            (await verified(engine, keys, tmp_path, (foreign,))).flaws,
            (await verify_database(engine, keys.verify, (foreign,))).flaws,
        ):
            assert ("anchor", "the anchor") in {(flaw.kind, flaw.place) for flaw in flaws}
    real = Checkpoint(body=stated["body"], signature=stated["signature"])
    assert (await verified(engine, keys, tmp_path, (real,))).sound


async def test_a_checkpoint_that_stands_twice_is_called_that(
    journal: Journal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(journal, 3)
    await journal.checkpoint()
    await journal.checkpoint()
    lines = b"".join([block async for block in export_lines(engine, keys, MADE)]).splitlines(keepends=True)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join([*lines[:2], lines[0], *lines[2:]]))
    found = {flaw.place: flaw.sentence for flaw in verify_file(path, keys.verify).flaws}
    assert found["line 3"] == "this checkpoint stands in the export twice"


def test_a_flaw_says_where_it_is_in_words() -> None:
    assert [Flaw(kind, "host:1", 6).place for kind in ("unreadable", "checkpoint", "edited", "export-cut")] == [
        "line 6",
        "writer host:1 checkpoint 6",
        "writer host:1 entry 6",
        "the file",
    ]
