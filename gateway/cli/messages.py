"""`check-message`: the same findings a door gives, for a file, with nothing running."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.domain.findings import Finding


@click.command("check-message")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--door", default="mini-service", show_default=True, help="Whose message it is.")
@click.option("--lenience", "leniences", multiple=True, help="A tolerance, named as in the registry.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for pipelines.")
def check_message(file: Path, door: str, leniences: tuple[str, ...], as_json: bool) -> None:
    """Validate a message and explain every fault: exit 0 where there is none, 5 where there are."""
    from datetime import UTC, datetime

    from gateway.teaching import CHECKS
    from gateway.xml.explain import Context, explain

    check = CHECKS.get(door)
    if check is None:
        raise click.BadParameter(f"one of {', '.join(sorted(CHECKS))}", param_hint="--door")
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        found = explain(data, check, Context(now=datetime.now(UTC), leniences=leniences))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lenience") from error
    if as_json:
        rows = [
            {
                "code": one.code,
                "sentence": one.sentence,
                "line": one.line,
                "column": one.column,
                "path": one.path,
                "namespaces": dict(one.namespaces),
                "clause": one.clause,
                "expected": one.expected,
                "found": one.found,
                "fragment": one.fragment,
                "more": f"/errors/{one.code}",
            }
            for one in found
        ]
        click.echo(json.dumps({"file": file.name, "door": door, "valid": not found, "findings": rows}, indent=1))
    else:
        _told(file, found)
    sys.exit(5 if found else 0)


def _told(file: Path, found: "tuple[Finding, ...]") -> None:
    """The findings for a person."""
    for one in found:
        click.echo(f"{file.name}:{one.line or '-'}:{one.column or '-'}: {one.code}: {one.sentence}")
        for label, text in (("at", one.path), ("rule", one.clause), ("expected", one.expected), ("found", one.found)):
            if text:
                click.echo(f"    {label}: {text}")
        if one.fragment:
            click.echo(f"    write: {one.fragment}")
    click.echo(f"{len(found)} findings" if found else "valid")
