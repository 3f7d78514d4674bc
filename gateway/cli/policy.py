"""Commands about the access policy: its rules, and why a decision is what it is."""

import json
import sys
from pathlib import Path

import click


@click.group()
def policy() -> None:
    """The access policy."""


@policy.command("list")
@click.option("--json", "as_json", is_flag=True)
def policy_list(as_json: bool) -> None:
    """Every rule: id, sentence, source, what keeps it and where it is tested."""
    from datetime import UTC, datetime

    from gateway.policy.catalogue import entries
    from gateway.policy.document import ROOT, where_tested
    from gateway.policy.settings import current

    tests = where_tested(ROOT)
    found = entries(current(datetime.now(UTC)))
    if as_json:
        rows = [
            {"id": e.id, "sentence": e.sentence, "source": e.source, "kept_by": e.kept_by, "tests": tests.get(e.id, ())}
            for e in found
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for entry in found:
        where = ", ".join(tests.get(entry.id, ())) or "no test"
        click.echo(f"{entry.id:8} {entry.sentence}\n         {entry.source}; kept by {entry.kept_by}; {where}")


@policy.command("explain")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True)
def policy_explain(file: Path, as_json: bool) -> None:
    """Judge facts from a JSON file: each rule, the facts it used, and the smallest change that would turn the answer."""
    from gateway.domain.errors import InvalidValue
    from gateway.policy.explain import explain, trace_to_json
    from gateway.policy.facts_json import facts_from_json
    from gateway.policy.settings import current

    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        facts = facts_from_json(json.loads(text))
    except (InvalidValue, ValueError) as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(5)
    trace = explain(facts, current(facts.now))
    if as_json:
        click.echo(json.dumps(trace_to_json(trace), indent=1))
        return
    click.echo(f"{trace.decision.verdict.value}  (policy {trace.decision.policy_version})")
    for step in trace.steps:
        click.echo(f"  {step.outcome:8} {' '.join(step.rules):12} {step.sentence}")
        for reason in step.reasons:
            click.echo(f"           {reason.code.slug}: {reason.code.sentence} {reason.detail}".rstrip())
        click.echo(f"           used: {', '.join(step.used)}")
    for change in trace.turned_by:
        click.echo(f"  would turn it: {'; '.join(change)}")
