"""`audit verify`: of an export on any machine that has the keys, or of the database itself with its alerts."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.opening import in_words
from gateway.cli.running import run

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.store.flaws import Report
    from gateway.store.verify_export import Anchored

MOST_NAMED = 50
"""Flaws that are named one by one unless all are asked for."""


@click.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Verify the database of these settings."
)
@click.option(
    "--keys", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keys to verify an export with."
)
@click.option("--anchor", type=click.Path(path_type=Path), help="Checkpoints kept elsewhere.")
@click.option("--all", "every", is_flag=True, help=f"Name everything that is found, not only the first {MOST_NAMED}.")
def audit_verify(file: Path | None, config: Path | None, folder: Path | None, anchor: Path | None, every: bool) -> None:
    """Find any edit, removal, reorder, insertion or cut tail, in an export FILE (JSON Lines) or in the database.

    An export needs no database: --keys holds audit-mac.key and audit-sign.pub; whoever verifies need not hold what signs.
    With --config the database itself is verified, and every alert and act on one is held against the entries that tell of
    it. That is audited, as an export is. Its anchor is the one in the settings unless --anchor names another.

    Ends with 0 where all is sound, 1 where something is not, 2 where it could not verify, as where no gateway has an entry.
    """
    if (file is None) == (config is None) or (file is None) != (folder is None):
        raise click.UsageError("give an export FILE with --keys, or --config alone to verify the database")
    if config is not None:
        run(_database(config, anchor, every))
    elif file is not None and folder is not None:
        sys.exit(_export(file, folder, anchor, every))


def _export(file: Path, folder: Path, anchor: Path | None, every: bool) -> int:
    from gateway.store.keys import KeysUnusable, load_verify_keys
    from gateway.store.verify_export import Anchored, AnchorUnusable, ExportUnusable, read_anchor, verify_file

    try:
        anchored = read_anchor(anchor) if anchor else Anchored(())
        report = verify_file(file, load_verify_keys(folder), anchored.checkpoints)
    except (KeysUnusable, AnchorUnusable, ExportUnusable, OSError) as error:
        return _cannot(error)
    return _said(report, anchored, "this export was made", every)


async def _database(config: Path, anchor: Path | None, every: bool) -> int:
    from gateway.config import ConfigInvalid, load
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable
    from gateway.store.keys import KeysUnusable
    from gateway.store.verify_export import AnchorUnusable

    kept: Path | None = None
    try:
        settings = load(config)
        kept = settings.store.anchor
        report, anchored = await _verified(settings, anchor)
    except (ConfigInvalid, KeysUnusable, AnchorUnusable, NotDurable, GatewayError, OSError) as error:
        return _cannot(error, kept)
    return _said(report, anchored, "now", every)


async def _verified(settings: "Settings", anchor: Path | None) -> "tuple[Report, Anchored]":
    """The report, and what was kept elsewhere and compared."""
    import getpass
    import uuid

    from gateway.app import clock
    from gateway.cli.exporting import anchor_of, recorded
    from gateway.cli.opening import engine_of
    from gateway.store.keys import load_keys
    from gateway.store.verify_database import verify_database
    from gateway.store.verify_export import Anchored, read_anchor

    keys = load_keys(settings.store.keys)
    engine = engine_of(settings.store)
    try:
        kept = settings.store.anchor
        if anchor is not None and kept is not None and not kept.exists():
            kept = None  # verified with a copy of it; an anchor begun anew in its place would hide that it is gone
        keeping = await anchor_of(engine, kept)
        if anchor is None and kept is not None and kept.exists():
            anchor = kept
        anchored = read_anchor(anchor) if anchor else Anchored(())
        new_id = lambda: str(uuid.uuid4()).upper()  # noqa: E731 - uuid is imported late, as all here
        await recorded(engine, keys, "audit verify", getpass.getuser(), clock, new_id, keeping)
        return await verify_database(engine, keys.verify, anchored.checkpoints), anchored
    finally:
        await engine.dispose()


def _cannot(error: Exception, anchor: Path | None = None) -> int:
    click.echo(f"audit verify: {in_words(error, anchor)}", err=True)
    return 2


def _said(report: "Report", anchored: "Anchored", until: str, every: bool) -> int:
    """Prints what was found, up to a bound unless `every` is asked for. Returns the exit status."""
    for number in anchored.torn if every else anchored.torn[:MOST_NAMED]:
        click.echo(f"Line {number} of the anchor breaks off and was left out: a crash left it so, or somebody cut it.")
    if not every and len(anchored.torn) > MOST_NAMED:
        click.echo(f"And {len(anchored.torn) - MOST_NAMED} more lines of the anchor break off; --all names each.")
    if anchored.checkpoints:
        click.echo(f"Checkpoints kept elsewhere and compared: {len(anchored.checkpoints)}.", err=True)
        if report.later:
            told = f"Of these, made after this export and held against it only as far as it goes: {report.later}."
            click.echo(told, err=True)
    else:
        click.echo(f"No anchor was given: what was cut off the audit's end before {until} would not show.", err=True)
    _name(report, every)
    strange = not report.chains and any(flaw.kind == "unknown-key" for flaw in report.flaws)
    judged = "NOT VERIFIED" if strange else "sound" if report.sound else "NOT SOUND"
    found = "NOTHING TO COMPARE" if report.empty else judged
    alerts = "" if report.alerts is None else f", {report.alerts} alerts"
    click.echo(
        f"{report.entries} entries, {report.chains} chains, {report.checkpoints} checkpoints, "
        f"{report.uncovered} entries after the last checkpoint{alerts}: {found}"
    )
    if report.empty:
        click.echo(
            "No gateway has an entry here, and no anchor names one that had: this is a new audit, or one that was emptied, "
            "and nothing here tells which. It was not verified that no entry is missing. Give an anchor, or verify an "
            "earlier export or backup.",
            err=True,
        )
        return 2
    if strange:
        click.echo("Not one chain could be verified with these keys: they are another gateway's, or older.", err=True)
        return 2
    return 0 if report.sound else 1


def _name(report: "Report", every: bool) -> None:
    """Prints the flaws: the first of them, and what kinds the others are, or all."""
    for flaw in report.flaws if every else report.flaws[:MOST_NAMED]:
        line = f"{flaw.kind}: {flaw.place}: {flaw.sentence}"
        # ids come from whoever wrote the file or the row
        click.echo("".join(letter if letter.isprintable() else "?" for letter in line))
    if not every and len(report.flaws) > MOST_NAMED:
        kinds = Counter(flaw.kind for flaw in report.flaws[MOST_NAMED:])
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        click.echo(f"And {len(report.flaws) - MOST_NAMED} more: {counts}; --all names each.")
