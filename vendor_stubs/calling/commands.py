"""The commands of the calling side: `vendor-stub PRODUCT view|raw|…` and `vendor-stub token`.

Only click is imported at the top: everything else when a command runs. Results go to standard output, everything beside them to standard error.
"""

import asyncio
import functools
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from vendor_stubs.calling import options
from vendor_stubs.calling.errors import CallingError, WrongUsage
from vendor_stubs.calling.names import ALIASES, PRODUCTS

if TYPE_CHECKING:
    from vendor_stubs.calling.credentials import Credentials
    from vendor_stubs.calling.http import Calls
    from vendor_stubs.calling.products import Product
    from vendor_stubs.calling.result import ViewResult
    from vendor_stubs.cast import System

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

GATEWAY = "http://127.0.0.1:8080"
LARGEST_FILE = 64 * 1024 * 1024
FAILED = 1
USAGE = 2


class Day(click.ParamType[date]):
    """A date written YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Text -> date; fails as wrong usage."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail("is not a date YYYY-MM-DD", param, ctx)


@dataclass(frozen=True, kw_only=True)
class Calling:
    """Who calls, where, and by what: the options that every calling command has."""

    gateway: str
    system: str | None = None
    identity: str | None = None
    print_request: bool = False
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None


def options_of_calls(command: F) -> F:
    """--system, --gateway, --identity, --certificate, --key, --ca and --print-request: the command gets them as one, `calling`."""

    @functools.wraps(command)
    def bundled(*given: Any, **said: Any) -> Any:
        calling = Calling(**{one.name: said.pop(one.name) for one in fields(Calling)})
        return command(*given, calling=calling, **said)

    found: Any = bundled
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for option in (
        click.option("--print-request", is_flag=True, help="Show the bytes sent, token and all, on standard error."),
        click.option("--ca", type=file, help="Authority of an https gateway's certificate (PEM)."),
        click.option("--key", type=file, help="Key of --certificate; the same name with .key unless said."),
        click.option("--certificate", type=file, help="Client certificate shown to an https gateway (PEM)."),
        click.option("--identity", metavar="URL", help="The identity stub; told from the gateway's port unless said."),
        click.option("--gateway", metavar="URL", default=GATEWAY, show_default=True),
        click.option("--system", metavar="ID", help="Another registered system of the same product."),
    ):
        found = option(found)
    return cast("F", found)


def option_json(command: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")(command)


def _view_options(command: F) -> F:
    listed = (
        click.option("--nhs-number", required=True, metavar="N"),
        click.option("--as", "uid", required=True, metavar="UID", help="The user signed in."),
        click.option("--role", metavar="ROLEID", help="One of the user's role profiles."),
        click.option("--permission", type=click.Choice(options.PERMISSIONS), default="not-asked", show_default=True),
        click.option("--basis", type=click.Choice(options.BASES), help="For --permission legal."),
        click.option(
            "--emergency-reason", type=click.Choice(options.EMERGENCY_REASONS), help="cannot-answer unless said."
        ),
        click.option("--note", metavar="TEXT", help="Why; emergency, best-interests and legal need it."),
        click.option("--until", type=Day(), help="Last day of an extended permission."),
        click.option("--condition-changed", is_flag=True, help="The patient's condition changed since a refusal."),
        click.option(
            "--condition-note", metavar="TEXT", help="How it changed; else the note, after 'changed since the no'."
        ),
        click.option("--confirm-deceased", is_flag=True),
        click.option("--relationship", type=click.Choice(options.RELATIONSHIPS), default="none", show_default=True),
        click.option("--purpose", metavar="P", help="direct-care unless said."),
        click.option("--setting", metavar="S", help="The system's own unless said."),
        click.option("--date-of-birth", type=Day(), help="As known here, to be compared."),
    )
    for option in reversed(listed):
        command = option(command)
    return command


def _show(sent: bytes) -> None:
    sys.stderr.buffer.write(sent)
    sys.stderr.buffer.flush()


@asynccontextmanager
async def open_calls(calling: Calling, *, product: str | None, anyone: bool = False) -> AsyncIterator["Calls"]:
    """What a stub works with. `product` None: any system of the cast; `anyone`: any id at all. Raises WrongUsage."""
    from vendor_stubs.calling import http

    gateway = http.address("--gateway", calling.gateway)
    identity = http.address("--identity", calling.identity or http.identity_address(gateway))
    system = chosen_system(product, calling.system, anyone=anyone)
    async with http.open_wire(_credentials(calling, system.id)) as wire:
        yield http.Calls(
            wire=wire,
            system=system,
            gateway=gateway,
            identity=identity,
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()).upper(),
            tell=lambda text: click.echo(text, err=True),
            show=_show if calling.print_request else None,
        )


def _credentials(calling: Calling, system: str) -> "Credentials | None":
    from vendor_stubs.calling.credentials import Credentials

    if calling.certificate is None and calling.key is None and calling.ca is None:
        return None
    if not calling.gateway.startswith("https://"):
        raise WrongUsage("--certificate, --key and --ca go with a --gateway that begins with https://")
    return Credentials(system=system, certificate=calling.certificate, key=calling.key, ca=calling.ca)


def chosen_system(product: str | None, system: str | None, *, anyone: bool = False) -> "System":
    """The system that calls: the one named, else the product's first. `anyone`: also one the cast does not know, to see
    it refused. Raises WrongUsage.
    """
    from vendor_stubs import cast as people

    usual = people.default_system(product or "mini-service")
    if system is None:
        return usual
    found = people.system(system)
    if anyone:
        return found or replace(usual, id=system, username=system)
    if found is None or (product is not None and product not in {found.product, found.successor}):
        known = [row.id for row in people.systems() if product is None or product in {row.product, row.successor}]
        raise WrongUsage(f"--system is one of: {', '.join(known)}")
    return found


def run(work: Callable[[], Awaitable[T]], *, as_json: bool = False) -> T:
    """Runs it; trouble before an answer ends the command with status 2 (usage) or 1.

    With `as_json`, no usable answer is an object too: nobody's record was judged, so `code` is null and the status stays
    1, which tells a gateway that did not answer from one that says Spine is unavailable (6).
    """
    try:
        return asyncio.run(_awaited(work))
    except CallingError as error:
        if as_json and not isinstance(error, WrongUsage):
            click.echo(_unanswered(str(error)).as_json())
        click.echo(f"vendor-stub: {error}", err=True)
        raise SystemExit(USAGE if isinstance(error, WrongUsage) else FAILED) from error


def _unanswered(why: str) -> "ViewResult":
    from vendor_stubs.calling.result import ViewResult

    sentence = f"There is no answer to judge: {why}."
    return ViewResult(outcome="unavailable", code=None, wire_code=None, sentence=sentence)


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def finish(result: "ViewResult", *, as_json: bool) -> None:
    """Prints a result and ends with its status."""
    click.echo(result.as_json() if as_json else result.as_text())
    raise SystemExit(result.exit_status)


def _view_command(product: "Product") -> click.Command:
    @click.command("view")
    @_view_options
    @options_of_calls
    @option_json
    def view(calling: Calling, as_json: bool, **said: Any) -> None:
        """Ask for one patient's record and show what comes of it."""
        from vendor_stubs.calling.preparation import prepare

        async def work() -> "ViewResult":
            request = options.ViewRequest(**said)
            product.check(request)
            async with open_calls(calling, product=product.name) as calls:
                await prepare(request, calls)
                return await product.view(request, calls)

        finish(run(work, as_json=as_json), as_json=as_json)

    return view


def _content(file: Path) -> bytes:
    """What is sent as it is. A file may be larger than any door takes, but not without end."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read ({error.strerror})") from error
    if len(content) > LARGEST_FILE:
        raise click.ClickException(f"{file} is larger than {LARGEST_FILE} bytes")
    return content


def _raw_command(product: "Product") -> click.Command:
    @click.command("raw")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @options_of_calls
    @click.option("--fresh", is_flag=True, help="Renew message id, times and token of a template.")
    @click.option(
        "--as", "uid", metavar="UID", help="Whose token --fresh puts in; the user the message names unless said."
    )
    @click.option("--role", metavar="ROLEID")
    @click.option("--content-type", help="Instead of the door's usual one.")
    def raw(file: Path, calling: Calling, **said: Any) -> None:
        """Send a file as it is and print the whole answer."""
        content = _content(file)

        async def work() -> tuple[bytes, int]:
            request = options.RawRequest(body=content, **said)
            async with open_calls(calling, product=product.name, anyone=True) as calls:
                assert product.raw is not None
                result = await product.raw(request, calls)
                return result.printed(), result.exit_status

        printed, status = run(work)
        sys.stdout.buffer.write(printed)
        sys.stdout.buffer.flush()
        raise SystemExit(status)

    return raw


class ProductGroup(click.Group):
    """The commands of one product, which is imported when one of them is asked for."""

    def __init__(self, product: str, **settings: Any) -> None:
        super().__init__(product, help=f"Play {product} and call the gateway.", **settings)

    def _commands(self) -> Mapping[str, click.Command]:
        if not self.commands:
            from vendor_stubs.calling.products import product

            found = product(str(self.name))
            made = [_view_command(found), *([_raw_command(found)] if found.raw else []), *found.commands]
            self.commands = {str(command.name): command for command in made}
        return self.commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order people need them."""
        return list(self._commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name, or None."""
        return self._commands().get(cmd_name)


@click.command("token")
@click.option("--as", "uid", required=True, metavar="UID")
@click.option("--role", metavar="ROLEID")
@options_of_calls
def token(uid: str, role: str | None, calling: Calling) -> None:
    """Print an ID token of a user, made for one calling system."""

    async def work() -> str:
        from vendor_stubs.calling.preparation import id_token

        async with open_calls(calling, product=None) as calls:
            return await id_token(calls, uid, role)

    click.echo(run(work))


def register(main: click.Group) -> None:
    """Puts the products and `token` under the main command."""
    main.add_command(token)
    for name in (*PRODUCTS, *ALIASES):
        main.add_command(ProductGroup(name))
