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
    """Judge facts from a JSON file, or from standard input where FILE is -: each rule, the facts it used, and the smallest
    change of facts that would turn the answer: open what is denied, or deny what is not.

    Exit status: 0 the answer is allow, or needs what PDS or Spine's consent will say; 3 deny; 2 the facts cannot be read, or
    wrong usage. docs/policy.md holds facts to begin from.
    """
    from gateway.domain.decision import Verdict
    from gateway.domain.errors import InvalidValue
    from gateway.domain.json_members import once
    from gateway.policy.explain import explain, trace_to_json, written
    from gateway.policy.facts_json import facts_from_json
    from gateway.policy.settings import current
    from gateway.text_files import LARGEST, TextUnreadable, read_text, text_of

    try:
        text = text_of(sys.stdin.buffer.read(LARGEST + 1)) if str(file) == "-" else read_text(file)
        facts = facts_from_json(json.loads(text, object_pairs_hook=once))
        trace = explain(facts, current(facts.now))
    except (TextUnreadable, ValueError, RecursionError) as error:
        told = (
            str(error)
            if isinstance(error, (InvalidValue, TextUnreadable))
            else f"this cannot be read as JSON ({type(error).__name__})"
        )
        click.echo(f"{file}: {told}", err=True)
        sys.exit(2)
    click.echo(json.dumps(trace_to_json(trace), indent=1) if as_json else written(trace))
    sys.exit(3 if trace.decision.verdict is Verdict.DENY else 0)
