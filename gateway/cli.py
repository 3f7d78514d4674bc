"""The `scr-gateway` command. Each command imports what it needs, so that help is quick."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.app import Mode


def _run(main: Coroutine[Any, Any, int]) -> None:
    """Runs to the end with uvloop; exits with what it returns."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main))


async def _until_stopped(reload: Callable[[], None]) -> None:
    """Waits for SIGTERM or SIGINT; SIGHUP calls `reload`."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await stop.wait()


@click.group()
def main() -> None:
    """Gateway through which clinical systems view NHS Summary Care Records."""


@main.command()
@click.option("--port-base", default=8080, show_default=True, help="First of seven ports on loopback.")
@click.option("--data-dir", default="var", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--spine-url", default=None, help="Another server that speaks Spine's wire, instead of the stub.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
@click.option("--fresh", is_flag=True, help="Forget the state of earlier runs.")
@click.option("--log-level", default="WARNING", show_default=True)
def sandbox(port_base: int, data_dir: Path, spine_url: str | None, workers: int, fresh: bool, log_level: str) -> None:
    """Run the gateway with stubs for everything around it, for invented patients only."""
    from gateway import sandbox as box

    if fresh:
        box.remove(data_dir)
    _run(_sandbox(port_base, data_dir.resolve(), spine_url, workers, log_level))


async def _sandbox(port_base: int, data: Path, spine_url: str | None, workers: int, log_level: str) -> int:
    from gateway import app, logs
    from gateway import sandbox as box
    from gateway.config import ConfigInvalid
    from gateway.workers import supervised

    logs.configure(log_level)
    try:
        ports = box.Ports(base=port_base)
        async with box.surroundings(ports, data, spine_url) as settings:
            if workers > 1:
                async with supervised(data / "gateway.toml", app.Mode.SANDBOX, workers) as reload:
                    click.echo(box.banner(ports))
                    await _until_stopped(reload)
                return 0
            async with app.running(settings, app.Mode.SANDBOX) as gateway:
                click.echo(box.banner(ports))
                await _until_stopped(gateway.reload)
    except (box.SandboxFault, ConfigInvalid, OSError) as error:
        click.echo(f"scr-gateway sandbox: {error}", err=True)
        return 1
    return 0


@main.command()
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--rehearsal", is_flag=True, help="As in production, against stubs, for invented patients only.")
def serve(config: Path, workers: int, rehearsal: bool) -> None:
    """Run the gateway for real: mutual TLS, PostgreSQL, Spine."""
    from gateway.app import Mode

    _run(_serve(config, workers, Mode.REHEARSAL if rehearsal else Mode.SERVE))


async def _serve(config: Path, workers: int, mode: "Mode") -> int:
    from gateway import app, logs
    from gateway.config import ConfigInvalid, load
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable
    from gateway.store.keys import KeysUnusable
    from gateway.workers import supervised

    try:
        settings = load(config)
        logs.configure(settings.log_level)
        if workers > 1:
            async with supervised(config, mode, workers) as reload:
                await _until_stopped(reload)
            return 0
        async with app.running(settings, mode) as gateway:
            await _until_stopped(gateway.reload)
    except (ConfigInvalid, NotDurable, KeysUnusable, OSError) as error:
        click.echo(f"scr-gateway serve: not started:\n{error}", err=True)
        return 1
    except GatewayError as error:
        click.echo(f"scr-gateway serve: not started: {error.sentence} [{error.code}]", err=True)
        return 1
    return 0


@main.command("check-config")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
def check_config(config: Path) -> None:
    """Say everything that is wrong with a configuration, without starting."""
    from gateway import production
    from gateway.app import load_registry
    from gateway.config import ConfigInvalid, load

    try:
        settings = load(config)
        registry = load_registry(settings.registry)
    except (ConfigInvalid, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    faults = production.faults(settings, registry.registry, None)
    for fault in faults:
        click.echo(fault, err=True)
    click.echo("not usable for `serve`" if faults else "usable")
    sys.exit(1 if faults else 0)


@main.command("worker", hidden=True)
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mode", required=True, type=click.Choice(["sandbox", "serve", "rehearsal"]))
def worker(config: Path, mode: str) -> None:
    """One of several processes that share the listeners; started by the supervisor."""
    _run(_worker(config, mode))


async def _worker(config: Path, mode: str) -> int:
    from gateway import app, logs
    from gateway.config import load

    settings = load(config)
    logs.configure(settings.log_level)
    async with app.running(settings, app.Mode(mode), reuse_port=True) as gateway:
        await _until_stopped(gateway.reload)
    return 0


@main.group()
def registry() -> None:
    """The registry of organisations and systems."""


@registry.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def registry_check_command(file: Path) -> None:
    """Explain every fault of a registry file, with its line."""
    from gateway.identity import registry_check

    faults = registry_check.check(file.read_text(encoding="utf-8"))
    for fault in faults:
        click.echo(str(fault))
    wrong = [fault for fault in faults if not fault.warning]
    click.echo(f"{len(wrong)} faults, {len(faults) - len(wrong)} warnings")
    sys.exit(1 if wrong else 0)


@registry.command("show")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def registry_show(file: Path) -> None:
    """List the organisations and systems of a registry file."""
    from gateway.identity import registry_check

    found, _ = registry_check.read(file.read_text(encoding="utf-8"))
    if found is None:
        click.echo("the registry has faults: `scr-gateway registry check` explains them", err=True)
        sys.exit(1)
    for organisation in found.organisations:
        settings = ", ".join(setting.code for setting in organisation.settings)
        click.echo(f"{organisation.ods.value:8} {organisation.name:40} {settings}")
    for system in found.systems:
        at = system.organisation.value if system.organisation else "-"
        click.echo(f"{system.id.value:28} {system.kind.value:18} {at:8} {system.state.value}")


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
def db_upgrade(config: Path) -> None:
    """Bring the tables to this version's form."""
    from gateway.config import load
    from gateway.store.engine import make_engine, upgrade

    async def run() -> int:
        engine = make_engine(load(config).store.address())
        try:
            await upgrade(engine)
        finally:
            await engine.dispose()
        click.echo("the tables are up to date")
        return 0

    _run(run())


@main.group()
def keys() -> None:
    """The keys that protect the audit."""


@keys.command("create")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def keys_create(directory: Path) -> None:
    """Make the audit's keys in a directory; keys that are there stay."""
    from gateway.store.keys import KeysUnusable, load_or_create_keys

    try:
        found = load_or_create_keys(directory)
    except (KeysUnusable, OSError) as error:
        click.echo(f"keys: {error}", err=True)
        sys.exit(1)
    click.echo(f"chain key {found.mac_id}, checkpoint key {found.sign_id}")


@main.command("dev-certs")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--registry", "registry_file", required=True, type=click.Path(path_type=Path, dir_okay=False))
def dev_certs(directory: Path, registry_file: Path) -> None:
    """Make an authority, a server certificate and one client certificate for each registered system."""
    from gateway.domain.errors import InvalidValue
    from gateway.identity import registry_check
    from gateway.identity.certificates import write_development_certificates

    try:
        found = registry_check.load(registry_file.read_text(encoding="utf-8"))
        write_development_certificates(directory, [system.id for system in found.systems])
    except (InvalidValue, OSError) as error:
        click.echo(f"dev-certs: {error}", err=True)
        sys.exit(1)
    click.echo(f"written to {directory}")
