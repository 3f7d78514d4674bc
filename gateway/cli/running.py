"""Commands that run the gateway: the sandbox, production, and the workers of both."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.production import Mode


def run(main: Coroutine[Any, Any, int]) -> None:
    """Runs to the end with uvloop; exits with what it returns. Files made on the way are their owner's alone."""
    import uvloop

    os.umask(0o077)
    gc.disable()  # until it runs: loading modules makes little garbage, and looking for it is a tenth of the start
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            sys.exit(runner.run(main))
    except KeyboardInterrupt:  # before it heeds the signal itself
        sys.exit(130)
    finally:
        gc.enable()


def _nothing_to_roll() -> None:
    from gateway import logs

    logs.get("workers").warning("no rolling restart: there is one worker, and nobody to answer meanwhile")


class Heeded:
    """SIGHUP and SIGUSR2 from the moment this is made.

    What comes while the gateway starts is kept, and done once there is something to do for it: it ends nothing.
    """

    def __init__(self) -> None:
        self._acts: dict[signal.Signals, Callable[[], None]] = {}
        self.kept: set[signal.Signals] = set()
        """Those that came and are still to be done."""
        for number in (signal.SIGHUP, signal.SIGUSR2):
            asyncio.get_running_loop().add_signal_handler(number, self._came, number)

    def _came(self, number: signal.Signals) -> None:
        act = self._acts.get(number)
        if act is None:
            self.kept.add(number)
        else:
            act()

    def now(self, number: signal.Signals, act: Callable[[], None]) -> None:
        """What to do for this signal from now on, and at once where it came before."""
        self._acts[number] = act
        if number in self.kept:
            self.kept.remove(number)
            act()


async def _until_stopped(
    heeded: Heeded,
    reload: Callable[[], None],
    saying: str | None = None,
    *,
    roll: Callable[[], None] = _nothing_to_roll,
    parent: bool = False,
) -> None:
    """Waits for SIGTERM or SIGINT; SIGHUP calls `reload`, SIGUSR2 `roll`. Says `saying` once these are heeded, not before.

    `parent`: standard input comes from whoever started this process, and its end is the same as SIGTERM: nothing outlives a
    supervisor that was killed.
    """
    gc.collect()
    gc.freeze()  # what start has built stays for good: a full collection need not walk it, in the middle of a request
    gc.enable()
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heeded.now(signal.SIGHUP, reload)
    heeded.now(signal.SIGUSR2, roll)
    if parent:
        loop.add_reader(0, stop.set)  # nothing is ever sent: it becomes readable by its end
    if saying is not None:
        click.echo(saying)
    await stop.wait()


def _http_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _usable(value):
        raise click.BadParameter(
            "write an address such as http://127.0.0.1:8081: a port from 1 to 65535, no user or password in it, nothing behind a ? or #"
        )
    return value


def _usable(address: str) -> bool:
    """Whether paths can be put behind an address, and it into the settings."""
    try:
        parts = urlsplit(address)
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    plain = address.isprintable() and not any(one in address for one in " \"'\\?#@<>")
    return sound and plain and address.startswith(("http://", "https://"))


@click.command()
@click.option(
    "--port-base",
    default=8080,
    show_default=True,
    type=click.IntRange(1024, 65529),
    help="First of seven ports on loopback.",
)
@click.option("--data-dir", default="var", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--spine-url",
    default=None,
    callback=_http_url,
    help="Another server that speaks Spine's wire, instead of the stub.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16))
@click.option("--fresh", is_flag=True, help="Forget the state of earlier runs.")
@click.option(
    "--log-level",
    default="WARNING",
    show_default=True,
    type=click.Choice(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
)
def sandbox(port_base: int, data_dir: Path, spine_url: str | None, workers: int, fresh: bool, log_level: str) -> None:
    """Run the gateway with stubs for everything around it, for invented patients only."""
    run(_sandbox(port_base, data_dir.resolve(), spine_url, workers, log_level, fresh=fresh))


async def _sandbox(
    port_base: int, data: Path, spine_url: str | None, workers: int, log_level: str, *, fresh: bool
) -> int:
    heeded = Heeded()  # before the modules are loaded, which takes seconds
    from gateway import app, logs
    from gateway import sandbox as box
    from gateway.cli.opening import in_words, not_started
    from gateway.config import ConfigInvalid
    from gateway.domain.errors import GatewayError
    from gateway.production import Mode
    from gateway.sandbox_folder import WITHOUT_KEYS, SandboxFault
    from gateway.store.engine import NotDurable, refuse_to_begin_again
    from gateway.store.keys import KeysUnusable, audit_keys_made
    from gateway.workers import rolling, supervised

    logs.configure(log_level)
    try:
        ports = box.Ports(base=port_base)
        async with box.surroundings(ports, data, spine_url, fresh=fresh) as settings:
            refuse_to_begin_again(settings.store.url, audit_keys_made(settings.store.keys))
            if workers > 1:
                async with supervised(data / "gateway.toml", settings, Mode.SANDBOX, workers) as crew:
                    await _until_stopped(heeded, crew.reload, box.banner(ports, spine_url), roll=rolling(crew))
                return 0
            async with app.running(settings, Mode.SANDBOX) as gateway:
                await _until_stopped(heeded, gateway.reload, box.banner(ports, spine_url))
    except (SandboxFault, ConfigInvalid, NotDurable) as error:
        click.echo(f"scr-gateway sandbox: {error}", err=True)
        return 1
    except OSError as error:
        click.echo(f"scr-gateway sandbox: {in_words(error)}", err=True)
        return 1
    except KeysUnusable as error:
        click.echo(f"scr-gateway sandbox: {error}; {WITHOUT_KEYS}", err=True)
        return 1
    except GatewayError as error:
        click.echo(f"scr-gateway sandbox: not started:\n{not_started(error)}", err=True)
        return 1
    return 0


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--rehearsal", is_flag=True, help="As in production, against stubs, for invented patients only.")
def serve(config: Path, workers: int, rehearsal: bool) -> None:
    """Run the gateway for real: mutual TLS, PostgreSQL, Spine."""
    from gateway.production import Mode

    run(_serve(config, workers, Mode.REHEARSAL if rehearsal else Mode.SERVE))


async def _serve(config: Path, workers: int, mode: "Mode") -> int:
    heeded = Heeded()  # before the modules are loaded, which takes seconds
    from gateway import app, logs
    from gateway.cli.opening import not_started
    from gateway.config import ConfigInvalid
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable
    from gateway.store.keys import KeysUnusable
    from gateway.workers import rolling, supervised

    try:
        settings = _settings(config, mode)
        logs.configure(settings.log_level)
        if workers > 1:
            async with supervised(config, settings, mode, workers) as crew:
                await _until_stopped(heeded, crew.reload, roll=rolling(crew))
            return 0
        async with app.running(settings, mode) as gateway:
            await _until_stopped(heeded, gateway.reload)
    except (ConfigInvalid, NotDurable, KeysUnusable, GatewayError, OSError) as error:
        click.echo(f"scr-gateway serve: not started:\n{not_started(error)}", err=True)
        return 1
    return 0


def _settings(config: Path, mode: "Mode") -> "Settings":
    """What every process of a gateway starts with: sound settings, and sound files behind them. Says what is only a warning.

    Raises ConfigInvalid with every fault.
    """
    from datetime import UTC, datetime

    from gateway.checking import usable

    settings, warnings = usable(config, mode, datetime.now(UTC))
    for warning in warnings:
        click.echo(f"scr-gateway: warning: {warning}", err=True)
    return settings


@click.command("worker", hidden=True)
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mode", required=True, type=click.Choice(["sandbox", "serve", "rehearsal"]))
@click.option("--number", default=0, help="Its place among the workers.")
@click.option("--socket", "given", multiple=True, help="LISTENER=DESCRIPTOR of a socket the supervisor made.")
@click.option("--with-parent", is_flag=True, help="End when standard input ends.")
def worker(config: Path, mode: str, number: int, given: tuple[str, ...], with_parent: bool) -> None:
    """One of several processes that share the listeners; started by the supervisor."""
    run(_worker(config, mode, number, given, with_parent))


async def _worker(config: Path, mode: str, number: int, given: tuple[str, ...], with_parent: bool) -> int:
    heeded = Heeded()  # before the modules are loaded, which takes seconds
    from gateway import app, logs
    from gateway.cli.opening import not_started
    from gateway.config import ConfigInvalid
    from gateway.domain.errors import GatewayError
    from gateway.listening import Place
    from gateway.production import Mode
    from gateway.store.engine import NotDurable
    from gateway.store.keys import KeysUnusable
    from gateway.workers import READY

    try:
        settings = _settings(config, Mode(mode))
        logs.configure(settings.log_level)
        named = (one.partition("=") for one in given)
        place = Place(number=number, shared=True, given={name: socket.socket(fileno=int(at)) for name, _, at in named})
        async with app.running(settings, Mode(mode), place) as gateway:
            await _until_stopped(heeded, gateway.reload, READY, parent=with_parent)
    except (ConfigInvalid, NotDurable, KeysUnusable, GatewayError, OSError) as error:
        logs.get("workers").error("worker not started", worker=number, reason=not_started(error))
        return 1
    return 0
