"""The `vendor-stub` command: plays every system around the gateway. Commands import what they need when they run.

Must never import anything of the gateway: the stubs know it by its wire alone.
"""

import asyncio
import importlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vendor_stubs.calling.commands import register


@click.group()
def main() -> None:
    """Stand-ins for the systems around the gateway. For invented patients only."""


@main.group()
@click.option(
    "--with-parent", is_flag=True, hidden=True, help="End when standard input ends: whoever started it is gone."
)
def serve(with_parent: bool) -> None:
    """Run one of the services around the gateway."""
    if with_parent:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    """Waits for the end of standard input, by which nothing is ever sent."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@main.group()
def cast() -> None:
    """Print what the sandbox is made of."""


@cast.command()
def registry() -> None:
    """Print the gateway's registry of the sandbox (TOML)."""
    from vendor_stubs import cast as people

    click.echo(people.registry_toml(), nl=False)


@cast.command()
def training() -> None:
    """Print who did the training module (CSV)."""
    from vendor_stubs import cast as people

    click.echo(people.training_csv(), nl=False)


@cast.command()
@click.option("--desk", default="http://127.0.0.1:8083", show_default=True, help="Where the vendor desk answers.")
def launches(desk: str) -> None:
    """Print what the registry holds of the one-click hosts: their public sandbox keys and SMART issuers (TOML)."""
    from vendor_stubs import launching

    click.echo(launching.registry_toml(desk.rstrip("/")), nl=False)


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop


def _run(module: str, **settings: Any) -> None:
    """Serves until a signal; what keeps it from that (a taken port, a folder it may not write) is said in a line, status 1."""
    from vendor_stubs.calling.errors import WrongUsage

    service = importlib.import_module(module)
    try:
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            runner.run(service.serve(**settings))
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    except WrongUsage as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"this service cannot run: {error.strerror or error}") from error


@serve.command("spine")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8081, show_default=True, type=click.IntRange(1, 65535))
@click.option("--webhook", type=click.Choice(["catch", "none"]), default="catch", show_default=True)
def serve_spine(host: str, port: int, webhook: str) -> None:
    """Spine: clinical store, demographics, access control, directory, alerts; and the webhook catcher."""
    from vendor_stubs.spine.settings import SpineSettings

    _run("vendor_stubs.spine.app", host=host, port=port, settings=SpineSettings(webhook=webhook == "catch"))


class IdentityCommand(click.Command):
    """A command whose help names every fault that the identity stub can play, from its own tables."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """After the options."""
        from vendor_stubs.identity.assertion_faults import SAML_FAULTS
        from vendor_stubs.identity.tokens import TOKEN_FAULTS

        super().format_epilog(ctx, formatter)
        with formatter.section("Faults"):
            formatter.write_dl([("/sandbox/token", ", ".join(TOKEN_FAULTS)), ("/sandbox/saml", ", ".join(SAML_FAULTS))])


@serve.command("identity", cls=IdentityCommand)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8082, show_default=True, type=click.IntRange(1, 65535))
@click.option("--issuer", default=None, help="The address it is known by, where that is not the one it listens on.")
def serve_identity(host: str, port: int, issuer: str | None) -> None:
    """The identity service: smartcard sign-in, OIDC, SAML.

    POST /sandbox/token (JSON: uid, client_id; roleid, nonce, acr, lifetime, alg) and /sandbox/saml (uid, audience, recipient;
    roleid) make tokens and assertions without a sign-in. With "fault" they make one that is wrong in that one way, for trying
    whether a gateway refuses it.
    """
    _run("vendor_stubs.identity.app", host=host, port=port, issuer=issuer)


@serve.command("mail")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8085, show_default=True, type=click.IntRange(1, 65535))
@click.option("--folder", default="var/mail", show_default=True, type=click.Path(path_type=Path, file_okay=False))
def serve_mail(host: str, port: int, folder: Path) -> None:
    """A mail catcher: keeps messages as files, delivers nothing."""
    _run("vendor_stubs.mail", host=host, port=port, folder=folder)


@serve.command("desk")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8083, show_default=True, type=click.IntRange(1, 65535))
@click.option("--gateway", default="http://127.0.0.1:8080", show_default=True)
@click.option("--identity", default=None, help="The identity stub; told from the gateway's port unless said.")
@click.option("--public-url", default=None, help="The desk's own address as others reach it.")
@click.option("--identity-seen", default=None, help="The identity stub as browsers reach it, where that differs.")
@click.option(
    "--certificates",
    default=None,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder made by `scr-gateway dev-certs`, for a gateway with mutual TLS.",
)
def serve_desk(host: str, port: int, public_url: str | None, **said: Any) -> None:
    """The vendors' screens in a browser."""
    _run(
        "vendor_stubs.desk.app",
        host=host,
        port=port,
        public_url=(public_url or f"http://{host}:{port}").rstrip("/"),
        **said,
    )


register(main)
