"""`vendor-stub PRODUCT launch …`: what a host would send or open, printed for curl and for a browser."""

from collections.abc import Awaitable, Callable

import click

from vendor_stubs import launching
from vendor_stubs.calling import commands
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import ViewRequest

Made = Callable[[ViewRequest, Calls], Awaitable[str]]
"""What a host sends or opens."""


async def signed(request: ViewRequest, calls: Calls) -> str:
    """The signed launch by itself."""
    return launching.launch_token(request, calls)


def launch_command(product: str, made: Made = signed) -> click.Command:
    """`launch --nhs-number N --as UID [--role ROLEID]`: what `made` makes, good for 60 s."""

    @click.command("launch")
    @click.option("--nhs-number", required=True, metavar="N")
    @click.option("--as", "uid", required=True, metavar="UID")
    @click.option("--role", metavar="ROLEID")
    @commands.options_of_calls
    def launch(nhs_number: str, uid: str, role: str | None, calling: commands.Calling) -> None:
        """Print a launch, good once and for 60 seconds."""

        async def work() -> str:
            request = ViewRequest(nhs_number=nhs_number, uid=uid, role=role)
            async with commands.open_calls(calling, product=product) as calls:
                return await made(request, calls)

        click.echo(commands.run(work))

    return launch
