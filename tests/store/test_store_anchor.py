"""Which copy of the anchor an export is held against: what was made after it is no fault of it, what was cut before it is found."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.cli.exporting import recorded, written
from gateway.domain.journal import Write
from gateway.store.checkpoints import EXPORTED, AnchorFile, Checkpoint
from gateway.store.flaws import Report
from gateway.store.journal import Journal
from gateway.store.keys import AuditKeys
from gateway.store.verify_export import read_anchor, verify_file
from tests.store.conftest import MakeJournal
from tests.store.test_store_evidence import unguarded
from tests.store.values import NOW, new_id
from tests.store.values import entry as an_entry


class Site:
    """A gateway that writes, its anchor, and the exports made beside it."""

    def __init__(self, make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, folder: Path) -> None:
        self.make, self.engine, self.keys, self.folder = make_journal, engine, keys, folder
        self.anchor = AnchorFile(folder / "anchor.jsonl")
        self.now = NOW

    async def gateway(self) -> Journal:
        """One more, started."""
        journal = self.make()
        journal.clock = lambda: self.now
        journal._signer._clock = lambda: self.now
        journal._signer._anchor = self.anchor
        await journal.start()
        return journal

    async def export(self, name: str = "audit.jsonl") -> Path:
        """As the command makes it."""
        made = await recorded(self.engine, self.keys, EXPORTED, "an auditor", lambda: self.now, new_id, self.anchor)
        path = self.folder / name
        await written(self.engine, self.keys, "jsonl", made, path, [])
        return path

    def kept(self) -> tuple[Checkpoint, ...]:
        """What the anchor holds now."""
        return read_anchor(self.anchor.path).checkpoints

    def verify(self, path: Path, kept: tuple[Checkpoint, ...]) -> Report:
        """Off the host."""
        return verify_file(path, self.keys.verify, kept)


@pytest.fixture
def site(make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path) -> Site:
    """Without anything in it."""
    return Site(make_journal, engine, keys, tmp_path)


async def write(journal: Journal, number: int) -> None:
    """So many entries, vouched for."""
    for _ in range(number):
        await journal.commit(Write(entries=(an_entry(),)))
    await journal.checkpoint()


async def test_an_export_is_sound_against_an_older_an_equal_and_any_later_copy_of_the_anchor(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 3)
    older = site.kept()
    await write(journal, 3)
    path = await site.export()
    equal = site.kept()
    for copy in ((), older, equal):
        report = site.verify(path, copy)
        assert (report.flaws, report.later) == ((), 0)
    await write(journal, 4)
    report = site.verify(path, site.kept())
    assert (report.flaws, report.later, report.uncovered) == ((), 1, 0)
    await write(journal, 1)
    await journal.stop()  # a restart, another export, and days
    site.now += timedelta(hours=3)
    second = await site.gateway()
    await write(second, 2)
    await site.export("second.jsonl")
    await write(second, 2)
    await second.stop()
    site.now += timedelta(days=3)
    third = await site.gateway()
    await write(third, 2)
    report = site.verify(path, site.kept())
    assert (report.flaws, report.later) == ((), len(site.kept()) - len(equal))
    report = site.verify(site.folder / "second.jsonl", site.kept())
    assert (report.flaws, report.later) == ((), 3)


async def test_what_nothing_vouched_for_before_the_export_is_not_called_cut_by_what_came_later(site: Site) -> None:
    journal = await site.gateway()
    await journal.commit(Write(entries=(an_entry(),)))
    path = await site.export()
    await write(journal, 5)
    assert site.verify(path, site.kept()).flaws == ()


CUTS = (
    "DELETE FROM audit WHERE writer NOT LIKE 'command-line/%' AND seq > 4",
    "DELETE FROM audit_checkpoint WHERE number > 1",
)


async def test_a_tail_cut_before_the_export_is_found_with_a_later_copy(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 4)
    await write(journal, 4)
    await write(journal, 4)
    await unguarded(site.engine, *CUTS)
    path = await site.export()
    other = await site.gateway()
    await write(other, 3)
    report = site.verify(path, site.kept())
    assert [(flaw.kind, flaw.seq, flaw.sentence) for flaw in report.flaws] == [
        ("cut", 5, "missing at the end: entry 5 to 12")
    ]
    assert report.later == 1


async def test_a_chain_taken_out_whole_before_the_export_is_found_with_a_later_copy(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 4)
    await unguarded(site.engine, "DELETE FROM audit", "DELETE FROM audit_chain", "DELETE FROM audit_checkpoint")
    path = await site.export()
    await write(await site.gateway(), 3)
    assert [(flaw.kind, flaw.seq) for flaw in site.verify(path, site.kept()).flaws] == [("cut", 4)]


async def test_an_export_cut_after_it_was_made_is_found_with_a_later_copy(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 4)
    path = await site.export()
    await write(journal, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    for end in (lines[:-1], [*lines[:-3], lines[-1]]):
        path.write_bytes(b"".join(end))
        assert not site.verify(path, site.kept()).sound


async def test_a_later_copy_that_names_another_entry_is_believed(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 4)
    path = await site.export()
    await write(journal, 0)
    last = site.kept()[-1]
    values = orjson.loads(last.body)
    for chain in values["chains"]:
        chain["mac"] = "f" * 64 if chain["writer"] == values["signer"] else chain["mac"]
    body = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    forked = Checkpoint(body=body.decode(), signature=site.keys.sign.sign(b"scr-checkpoint 1\n" + body).hex())
    flaws = site.verify(path, (forked,)).flaws
    assert {(flaw.kind, flaw.seq) for flaw in flaws} == {("rewritten", 4)}


async def test_an_unsigned_checkpoint_makes_no_other_a_later_one(site: Site) -> None:
    journal = await site.gateway()
    await write(journal, 4)
    await write(journal, 4)
    await unguarded(site.engine, *CUTS)
    path = await site.export()
    first = site.kept()[0]
    made = next(one.values["signer"] for one in site.kept() if one.values["signer"].startswith("command-line/"))
    values = orjson.loads(first.body)
    values["chains"].append({"writer": made, "length": 1, "mac": "0" * 64})
    forged = replace(first, body=orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode())
    kinds = {(flaw.kind, flaw.seq) for flaw in site.verify(path, (forged, *site.kept())).flaws}
    assert kinds == {("checkpoint", 1), ("cut", 5)}


async def test_another_audits_anchor_is_named_however_late_it_is(
    site: Site, make_journal: MakeJournal, engine: AsyncEngine, keys: AuditKeys, tmp_path: Path
) -> None:
    await write(await site.gateway(), 2)
    path = await site.export()
    values = orjson.loads(site.kept()[0].body)
    values |= {"signer": "elsewhere:1", "at": "2031-01-01T00:00:00.000000Z", "previous": ""}
    values["chains"] = [{"writer": "elsewhere:1", "length": 5, "mac": "0" * 64}]
    body = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    signature = keys.sign.sign(b"scr-checkpoint 1\n" + body).hex()
    report = site.verify(path, (Checkpoint(body=body.decode(), signature=signature),))
    assert [flaw.kind for flaw in report.flaws] == ["anchor"]


async def entries_at(site: Site, journal: Journal, *minutes: float) -> None:
    """One at each of these minutes from now on."""
    for minute in minutes:
        at = NOW + timedelta(minutes=minute)
        await journal.commit(Write(entries=(an_entry(at=at),)))


async def test_a_database_whose_checkpoints_were_all_taken_away_is_not_sound(site: Site) -> None:
    journal = await site.gateway()
    await entries_at(site, journal, 0, 1)
    await journal.checkpoint()
    await entries_at(site, journal, 2, 6)
    site.now += timedelta(minutes=6.5)
    await journal.checkpoint()
    assert site.verify(await site.export(), ()).sound
    await unguarded(site.engine, "DELETE FROM audit_checkpoint")
    [flaw] = site.verify(await site.export("all.jsonl"), ()).flaws  # the export's own names the chain all the same
    assert (flaw.kind, flaw.seq) == ("checkpoint", 1)
    assert flaw.sentence.startswith("no checkpoint of this chain stands here")


async def test_the_last_checkpoints_taken_away_show_where_entries_went_on(site: Site) -> None:
    journal = await site.gateway()
    await entries_at(site, journal, 0)
    await journal.checkpoint()
    await entries_at(site, journal, 2, 6)
    site.now += timedelta(minutes=6.5)
    await journal.checkpoint()
    await unguarded(site.engine, "DELETE FROM audit_checkpoint WHERE number = 2")
    [flaw] = site.verify(await site.export(), ()).flaws
    assert (flaw.kind, flaw.seq) == ("checkpoint", 2)
    assert "after checkpoint 1" in flaw.sentence


async def test_a_gateway_that_wrote_again_after_a_quiet_night_and_died_is_sound(site: Site) -> None:
    journal = await site.gateway()
    await entries_at(site, journal, 0)
    await journal.checkpoint()
    await entries_at(site, journal, 600, 600.5)
    await journal._chain.disconnect()
    site.now += timedelta(minutes=601)
    assert site.verify(await site.export(), ()).sound


async def test_a_gateway_that_has_just_begun_or_died_young_is_sound_without_a_checkpoint(site: Site) -> None:
    journal = await site.gateway()
    await entries_at(site, journal, 0, 0.5)
    assert site.verify(await site.export(), ()).sound
    await journal._chain.disconnect()  # as SIGKILL leaves a chain: without its last checkpoint
    site.now += timedelta(days=2)
    other = await site.gateway()
    await write(other, 1)
    assert site.verify(await site.export("later.jsonl"), ()).sound
    await unguarded(site.engine, "DELETE FROM audit_checkpoint", "UPDATE audit_chain SET sealed = true")
    flaws = site.verify(await site.export("without.jsonl"), ()).flaws
    assert ["none that names it" in flaw.sentence for flaw in flaws] == [True]


RENUMBERED = {
    "copied": (
        "UPDATE audit SET seq = seq + 1001 WHERE writer NOT LIKE 'command-line/%' AND seq > 5",
        "UPDATE audit SET seq = seq - 1000 WHERE seq > 1000",
        (
            "INSERT INTO audit SELECT writer, 6, mac, 'copy', at, event, organisation, user_id, patient, correlation_id, body "
            "FROM audit WHERE writer NOT LIKE 'command-line/%' AND seq = 5"
        ),
    ),
    "removed": (
        "DELETE FROM audit WHERE writer NOT LIKE 'command-line/%' AND seq = 5",
        "UPDATE audit SET seq = seq + 999 WHERE writer NOT LIKE 'command-line/%' AND seq > 5",
        "UPDATE audit SET seq = seq - 1000 WHERE seq > 1000",
    ),
    "last exchanged": (
        "UPDATE audit SET seq = 1007 WHERE writer NOT LIKE 'command-line/%' AND seq = 7",
        "UPDATE audit SET seq = 7 WHERE writer NOT LIKE 'command-line/%' AND seq = 8",
        "UPDATE audit SET seq = 8 WHERE seq = 1007",
    ),
    "far": ("UPDATE audit SET seq = 9000000 WHERE writer NOT LIKE 'command-line/%' AND seq = 4",),
    "last code": ("UPDATE audit SET mac = '00' || substr(mac, 3) WHERE writer NOT LIKE 'command-line/%' AND seq = 8",),
}
NAMED = {
    "copied": {("inserted", 6), ("index", 6)},
    "removed": {("removed", 5)},
    "last exchanged": {("moved", 7), ("moved", 8)},
    "far": {("moved", 9000000)},
    "last code": {("edited", 8)},
}


@pytest.mark.parametrize("change", RENUMBERED)
async def test_the_checkpoint_of_the_command_itself_blames_nothing_on_entries_that_were_left_alone(
    site: Site, change: str
) -> None:
    journal = await site.gateway()
    await write(journal, 7)
    await write(journal, 1)
    await unguarded(site.engine, *RENUMBERED[change])
    path = await site.export()  # its checkpoint names the chain's last entry as it stands now
    assert {(flaw.kind, flaw.seq) for flaw in site.verify(path, site.kept()).flaws} == NAMED[change]
