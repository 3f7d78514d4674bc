"""Commands about the audit: export it, verify it, and show how long it is kept."""

import sys
from pathlib import Path

import click

from gateway.cli.opening import in_words
from gateway.cli.running import run
from gateway.cli.verifying import audit_verify


@click.group()
def audit() -> None:
    """The audit."""


audit.add_command(audit_verify)


@audit.command("export")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "fhir"]), default="jsonl", show_default=True)
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
def audit_export(config: Path, form: str, output: Path, force: bool) -> None:
    """Write the whole audit to a file. Only JSON Lines can be verified. The export itself is audited."""
    if output.exists() and not force:
        click.echo(f"audit export: {output} is there already: choose another name, or give --force", err=True)
        sys.exit(1)
    run(_export(config, form, output))


async def _export(config: Path, form: str, output: Path) -> int:
    import getpass
    import uuid

    from gateway.app import clock
    from gateway.cli.exporting import anchor_of, recorded, written
    from gateway.cli.opening import engine_of
    from gateway.config import ConfigInvalid, load
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable
    from gateway.store.keys import KeysUnusable, load_keys

    try:
        settings = load(config)
        keys = load_keys(settings.store.keys)
        engine = engine_of(settings.store)
    except (ConfigInvalid, KeysUnusable, NotDurable, OSError) as error:
        click.echo(str(error), err=True)
        return 1
    try:
        anchor = await anchor_of(engine, settings.store.anchor)
        operation, new_id = f"audit export {form}", lambda: str(uuid.uuid4()).upper()
        made = await recorded(engine, keys, operation, getpass.getuser(), clock, new_id, anchor)
        unreadable: list[str] = []
        count = await written(engine, keys, form, made, output, unreadable)
    except (GatewayError, NotDurable, OSError) as error:
        click.echo(f"audit export: {in_words(error, settings.store.anchor)}", err=True)
        return 1
    finally:
        await engine.dispose()
    for place in unreadable:
        line = f"audit export: {place} cannot be read and is left out; `audit verify` says more"
        click.echo("".join(letter if letter.isprintable() else "?" for letter in line), err=True)
    click.echo(f"{count} bytes written to {output.name}")
    return 1 if unreadable else 0


@audit.command("retention")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
def audit_retention(config: Path) -> None:
    """Show how long evidence is kept, by which decisions, and what is older than that. Nothing is deleted."""
    run(_retention(config))


async def _retention(config: Path) -> int:
    from gateway.app import clock
    from gateway.cli.opening import engine_of
    from gateway.config import ConfigInvalid, load
    from gateway.store.engine import NotDurable
    from gateway.store.retention import held

    try:
        settings = load(config)
        engine = engine_of(settings.store)
    except (ConfigInvalid, NotDurable, OSError) as error:
        click.echo(str(error), err=True)
        return 1
    now = clock()
    try:
        for kind, decisions in (("audit", settings.retention.audit), ("alerts", settings.retention.alerts)):
            in_force = [decision for decision in decisions if decision.since <= now.date()]
            for decision in decisions:
                word = "in force" if in_force and decision is in_force[-1] else "not in force"
                by = f", by {decision.decided_by}" if decision.decided_by else ""
                click.echo(
                    f"{kind}: {decision.years} year{'s' * (decision.years != 1)} since {decision.since.isoformat()} ({word}){by}"
                )
            if in_force:
                found = await held(engine, kind, now, in_force[-1].years)
                oldest = found.oldest.date().isoformat() if found.oldest else "none"
                click.echo(
                    f"{kind}: {found.count} held, oldest {oldest}; {found.older} may go "
                    f"(before {found.before.date().isoformat()})"
                )
            else:
                click.echo(f"{kind}: no decision is in force yet, so all of it is kept")
    finally:
        await engine.dispose()
    click.echo("This program deletes no evidence; what may go is for the database's keeper to archive and remove.")
    return 0
