"""The `scr-gateway` command. Each command imports what it needs, so that help is quick."""

import sys

import click

from gateway.cli.evidence import audit
from gateway.cli.interest import interest
from gateway.cli.messages import check_message
from gateway.cli.policy import policy
from gateway.cli.running import sandbox, serve, worker
from gateway.cli.setup import check_config, db, dev_certs, keys, registry, training


class Commands(click.Group):
    """Tells faults of the settings instead of ending by them, whichever command met them."""

    def invoke(self, ctx: click.Context) -> object:
        """See click. Exits with 1 where settings are not usable."""
        from gateway.config import ConfigInvalid

        try:
            return super().invoke(ctx)
        except ConfigInvalid as error:
            click.echo("\n".join(("the settings are not usable:", *error.faults)), err=True)
            sys.exit(1)


@click.group(cls=Commands)
def main() -> None:
    """Gateway through which clinical systems view NHS Summary Care Records."""


for command in (
    sandbox,
    serve,
    worker,
    check_config,
    registry,
    check_message,
    policy,
    audit,
    db,
    keys,
    dev_certs,
    training,
    interest,
):
    main.add_command(command)
