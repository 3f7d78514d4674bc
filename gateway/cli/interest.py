"""Commands for operators: the interest forms that organisations have sent. Reads only."""

from pathlib import Path

import click

from gateway.cli.running import run


@click.group()
def interest() -> None:
    """Interest forms of organisations and new care settings."""


@interest.command("list")
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def interest_list(config: Path, limit: int, as_json: bool) -> None:
    """The newest forms first."""
    import json

    from gateway.cli.opening import engine_of
    from gateway.config import ConfigInvalid, load
    from gateway.domain.errors import GatewayError
    from gateway.store.engine import NotDurable
    from gateway.store.people import People

    async def listing() -> int:
        try:
            engine = engine_of(load(config).store)
        except (ConfigInvalid, NotDurable, OSError) as error:
            click.echo(str(error), err=True)
            return 1
        try:
            forms = await People(engine).interests(limit=limit)
        except GatewayError as error:
            click.echo(error.sentence, err=True)
            return 1
        finally:
            await engine.dispose()
        for form in forms:
            if as_json:
                row = {"id": form.id, "kind": form.kind, "received": form.received.isoformat(), **form.data}
                click.echo(json.dumps(row))
            else:
                click.echo(f"{form.received:%Y-%m-%d %H:%M} UTC  {form.kind}  {form.id}")
                for name, text in form.data.items():
                    click.echo(f"    {name}: {json.dumps(text)}")
        if not forms and not as_json:
            click.echo("No form has been sent.")
        return 0

    run(listing())
