"""The `scr-gateway` command. Each command imports what it needs, so that help is quick."""

import click

from gateway.cli.evidence import audit
from gateway.cli.interest import interest
from gateway.cli.messages import check_message
from gateway.cli.policy import policy
from gateway.cli.running import sandbox, serve, worker
from gateway.cli.setup import check_config, db, dev_certs, keys, registry, training


@click.group()
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
