"""`check-message`: the same findings a door gives, for a file, with nothing running."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.domain.findings import Finding


LARGEST = 4 * 1024 * 1024
"""Bytes that are read: far more than any door takes, so that what is larger is told as too large, and not read to its end."""


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(LARGEST)
        with file.open("rb") as opened:
            return opened.read(LARGEST)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read ({os.strerror(error.errno or 0)})") from error


@click.command("check-message")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--door", help="Whose message it is; told by its namespaces unless said.")
@click.option("--lenience", "leniences", multiple=True, help="A tolerance, named as in the registry.")
@click.option("--soap-action", metavar="TEXT", help="The HTTP header SOAPAction that goes with it.")
@click.option("--content-type", metavar="TEXT", help="The HTTP header Content-Type that goes with it.")
@click.option(
    "--numbers",
    type=click.Choice(["synthetic", "live"]),
    default="synthetic",
    show_default=True,
    help="The NHS numbers that the gateway it is for accepts.",
)
@click.option(
    "--schemas",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="An official schema pack to check against, as in the setting `schemas`.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for pipelines.")
def check_message(
    file: Path,
    door: str | None,
    leniences: tuple[str, ...],
    soap_action: str | None,
    content_type: str | None,
    numbers: str,
    schemas: Path | None,
    as_json: bool,
) -> None:
    """Validate a message and explain every fault: exit 0 where there is none, 5 where there are.

    What only a running gateway knows is not judged: who is calling, whose token it is, whether the message id is new.
    """
    from datetime import UTC, datetime

    from gateway.teaching import CHECKS, explained, recognised
    from gateway.xml.catalogue import SchemaUnusable
    from gateway.xml.explain import Context

    if door is not None and door not in CHECKS:
        raise click.BadParameter(f"one of {', '.join(sorted(CHECKS))}", param_hint="--door")
    data = _read(file)
    door = door or recognised(data)
    try:
        told = explained(
            door,
            data,
            Context(
                now=datetime.now(UTC),
                leniences=leniences,
                soap_action=soap_action,
                content_type=content_type,
                schemas=str(schemas) if schemas else None,
                numbers=numbers,
                warnings=True,
            ),
        )
    except SchemaUnusable as error:
        raise click.BadParameter(str(error), param_hint="--schemas") from error
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lenience") from error
    faults = sum(not one.warning for one in told)
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
                "warning": one.warning,
                "more": f"/errors/{one.code}",
            }
            for one in told
        ]
        click.echo(json.dumps({"file": file.name, "door": door, "valid": not faults, "findings": rows}, indent=1))
    else:
        _told(file, told)
    sys.exit(5 if faults else 0)


def _told(file: Path, told: "tuple[Finding, ...]") -> None:
    """The findings for a person."""
    for one in told:
        kind = "note: " if one.warning else ""
        click.echo(f"{file.name}:{one.line or '-'}:{one.column or '-'}: {kind}{one.code}: {one.sentence}")
        for label, text in (("at", one.path), ("rule", one.clause), ("expected", one.expected), ("found", one.found)):
            if text:
                click.echo(f"    {label}: {text}")
        if one.fragment:
            click.echo(f"    write: {one.fragment}")
        click.echo(f"    more: /errors/{one.code}")
    faults, notes = sum(not one.warning for one in told), sum(one.warning for one in told)
    click.echo((_number(faults, "finding") if faults else "valid") + (f", {_number(notes, 'note')}" if notes else ""))


def _number(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")
