"""Commands that check and prepare an installation: configuration, registry, database, keys, certificates, training."""

import sys
from pathlib import Path

import click

from gateway.cli.running import run


@click.command("check-config")
@click.option("--config", required=True, type=click.Path(path_type=Path))
@click.option("--rehearsal", is_flag=True, help="Judge it for `serve --rehearsal`.")
def check_config(config: Path, rehearsal: bool) -> None:
    """Say everything that is wrong with a configuration, without starting."""
    from datetime import UTC, datetime

    from gateway.checking import check
    from gateway.production import Mode

    checked = check(config, Mode.REHEARSAL if rehearsal else Mode.SERVE, datetime.now(UTC))
    for fault in checked.faults:
        click.echo(fault, err=True)
    for warning in checked.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo("not usable for `serve`" if checked.faults else "usable")
    sys.exit(1 if checked.faults else 0)


@click.group()
def registry() -> None:
    """The registry of organisations and systems."""


def _registry_text(file: Path) -> str:
    """The text of a registry file; where it has none, says the one fault and ends with exit status 1."""
    from gateway.identity.registry_reading import Fault
    from gateway.text_files import TextUnreadable, read_text

    try:
        return read_text(file)
    except TextUnreadable as error:
        click.echo(f"{file}: {Fault(error.line, '', error.sentence)}")
        click.echo("1 fault, 0 warnings")
        sys.exit(1)


@registry.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def registry_check_command(file: Path) -> None:
    """Explain every fault of a registry file, with its line. Exit status: 0 sound, 1 faults; warnings do not count."""
    from datetime import UTC, datetime

    from gateway.domain.instants import LONDON
    from gateway.identity import registry_check
    from gateway.identity.registry_organisations import Known
    from gateway.policy.settings import current

    now = datetime.now(UTC)
    policy = current(now)
    known = Known(
        settings=policy.known_settings, trial_settings=policy.not_approved, today=now.astimezone(LONDON).date()
    )
    faults = registry_check.check(_registry_text(file), known=known)
    for fault in faults:
        click.echo(f"{file}: {fault}")
    wrong = [fault for fault in faults if not fault.warning]
    click.echo(f"{_counted(len(wrong), 'fault')}, {_counted(len(faults) - len(wrong), 'warning')}")
    sys.exit(1 if wrong else 0)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@registry.command("show")
@click.argument("file", type=click.Path(path_type=Path))
def registry_show(file: Path) -> None:
    """List the organisations and systems of a registry file."""
    from gateway.identity import registry_check

    found, _ = registry_check.read(_registry_text(file))
    if found is None:
        click.echo("the registry has faults: `scr-gateway registry check` explains them", err=True)
        sys.exit(1)
    for organisation in found.organisations:
        settings = ", ".join(setting.code for setting in organisation.settings)
        click.echo(f"{organisation.ods.value:8} {organisation.name:40} {settings}")
    for system in found.systems:
        at = system.organisation.value if system.organisation else "-"
        click.echo(f"{system.id.value:28} {system.kind.value:18} {at:8} {system.state.value}")


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
def db_upgrade(config: Path) -> None:
    """Bring the tables to this version's form."""
    from gateway.cli.opening import in_words
    from gateway.config import load
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable, make_engine, refuse_to_begin_again, upgrade

    async def upgrading() -> int:
        store = load(config).store
        try:
            refuse_to_begin_again(store.url, keys_made=False)  # keys are made before the first tables are
            engine = make_engine(store.url, password_file=store.password_file)
            try:
                await upgrade(engine)
            finally:
                await engine.dispose()
        except (NotDurable, GatewayError) as error:
            click.echo(f"db upgrade: {in_words(error)}", err=True)
            return 1
        click.echo("the tables are up to date")
        return 0

    run(upgrading())


@click.group()
def keys() -> None:
    """The keys that protect the audit, and the one that encrypted launches are sealed to."""


@keys.command("create")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def keys_create(directory: Path) -> None:
    """Make the audit's keys, and launch.pem, in a directory; keys that are there stay."""
    from gateway.identity.launch_keys import write_launch_key
    from gateway.store.keys import KeysUnusable, load_or_create_keys

    try:
        found = load_or_create_keys(directory)
        write_launch_key(directory / "launch.pem")
    except (KeysUnusable, OSError) as error:
        click.echo(f"keys: {error}", err=True)
        sys.exit(1)
    click.echo(f"chain key {found.mac_id}, checkpoint key {found.sign_id}")


@click.command("dev-certs")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--registry", "registry_file", required=True, type=click.Path(path_type=Path, dir_okay=False))
def dev_certs(directory: Path, registry_file: Path) -> None:
    """Make an authority, a server certificate and one client certificate for each registered system."""
    from gateway.domain.errors import InvalidValue
    from gateway.identity import registry_check
    from gateway.identity.certificates import write_development_certificates
    from gateway.text_files import TextUnreadable, read_text

    try:
        found = registry_check.load(read_text(registry_file))
        write_development_certificates(directory, [system.id for system in found.systems])
    except (InvalidValue, TextUnreadable, OSError) as error:
        click.echo(f"dev-certs: {error}", err=True)
        sys.exit(1)
    click.echo(f"written to {directory}")


@click.group()
def training() -> None:
    """Training records."""


@training.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
def training_import(file: Path, config: Path) -> None:
    """Add the records of the training service's export (CSV: uid,module,topics_version,passed,date)."""
    from datetime import UTC, datetime

    from gateway.cli.opening import engine_of
    from gateway.config import ConfigInvalid, load
    from gateway.domain.errors import InvalidValue
    from gateway.store.engine import NotDurable
    from gateway.store.people import record_training
    from gateway.store.training import read_export
    from gateway.text_files import TextUnreadable, read_text

    async def importing() -> int:
        try:
            records = read_export(read_text(file))
        except (InvalidValue, TextUnreadable) as error:
            click.echo(f"{file.name}: {error}", err=True)
            return 1
        try:
            engine = engine_of(load(config).store)
        except (ConfigInvalid, NotDurable, OSError) as error:
            click.echo(str(error), err=True)
            return 1
        try:
            async with engine.begin() as connection:
                await connection.run_sync(record_training(records, at=datetime.now(UTC), source=file.name))
        finally:
            await engine.dispose()
        click.echo(f"{len(records)} records read")
        return 0

    run(importing())
