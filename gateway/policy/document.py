"""Writes docs/policy.md from the rules themselves: `python -m gateway.policy.document`. Decides nothing.

Reads the tests' names in a checkout, so that each rule says where it is held to.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.domain.access import Operation
from gateway.policy.catalogue import Entry, entries
from gateway.policy.explain import Trace, explain, written
from gateway.policy.facts_json import facts_from_json
from gateway.policy.judging import Rule
from gateway.policy.rules import BY_OPERATION, RULES, user
from gateway.policy.settings import PolicySettings, shipped

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("docs/policy.md")
SAMPLE = Path("docs/policy-facts.json")
_NAMED = re.compile(r"^\s*(?:async )?def (test_(?:p(\d\d)(?:_to_p(\d\d))?|((?:scr|pds)_[a-z]+))_\w+)", re.MULTILINE)

OPENING = """# The access policy

This page is made by `python -m gateway.policy.document`; change the rules, not the page.

Every request is judged by `gateway.policy.decide`, which knows the facts it is given and nothing else. Deny is the
default: a record is shown only when every rule of the operation has passed. A rule that still waits for what PDS or
Spine's consent will say makes the answer *needs*; one that fails makes it *deny*, and every failed rule is a reason.
The first reason names the code that is answered, in this order: calling system, sign-in and role, activity, purpose,
setting and organisation, relationship, permission, patient, consent.
"""


def where_tested(root: Path) -> dict[str, tuple[str, ...]]:
    """Rule id -> files whose tests are named for it, relative to `root`. Reads test files; no order of disk matters."""
    found: dict[str, dict[str, None]] = {}
    for file in sorted(root.glob("tests/**/test_*.py")):
        for rule_id in _ids(file.read_text(encoding="utf-8")):
            found.setdefault(rule_id, {})[file.relative_to(root).as_posix()] = None
    return {rule_id: tuple(files) for rule_id, files in found.items()}


def _ids(source: str) -> Iterator[str]:
    for match in _NAMED.finditer(source):
        first, last, word = match.group(2), match.group(3), match.group(4)
        if word:
            yield word.upper().replace("_", "-")
        else:
            yield from (f"P-{number:02}" for number in range(int(first), int(last or first) + 1))


def render(settings: PolicySettings, tests: Mapping[str, tuple[str, ...]], sample: str) -> str:
    """The page. `sample`: facts as JSON, to be explained on it."""
    parts = [
        OPENING,
        f"Settings edition: {settings.version}, in force from {settings.effective.isoformat()}.\n",
        "## Rules\n",
        _table(("id", "rule", "source", "kept by", "tests"), _rule_rows(entries(settings), tests)),
        "## Which rules each operation passes\n",
        _table(("operation", "rules"), _operation_rows()),
        TRACES,
        ON_RECORD.format(hours=f"{settings.limits.refusal.total_seconds() / 3600:g}"),
        "## Alerts\n",
        _table(("the view rests on", "relationship on record", "claimed or none"), ALERTS),
        MARKS.format(most=settings.limits.override_views_per_day),
        "## Figures and codes\n",
        _table(("what", "value"), _figures(settings)),
        WHY.format(facts=sample.strip(), said=_shortened(explain(facts_from_json(json.loads(sample)), settings))),
    ]
    return "\n".join(parts)


ON_RECORD = """## What an answer on record binds

A no is in force for the whole organisation it was told to, until the patient says yes there: it has no age at which it
lapses, and it closes the record at the patient's own practice too, where no permission is needed (P-36). A withdrawal
alone ends every yes, so that the next view needs a new one; at the patient's own practice, where none is needed, it closes
nothing: only a no does. Only the statement
that the patient's condition has changed is a matter of time: an emergency within {hours} hours of the no needs it. A yes that is
withdrawn no longer ends the no before it.

The words of an override's note are used up in the transaction of its alert, so that the same note sent many times at once opens
one view. Afterwards the user's last five notes say what is no longer new.

Answers, relationships and the notes used lately are read when a view or print is asked, and once more when the document has come from Spine. A no,
a withdrawal, an ended relationship or a yes used by another view meanwhile is judged then: the view is refused and audited
(P-13), whatever answer it brought, unless a yes newer than the no covers it. An emergency must state the change of condition.

A patient may have more than one NHS number: PDS answers for a superseded one with the one that stands for it now. Each
such answer is kept, and from then on every answer, relationship and ending under any of these numbers holds for all of
them: in views, prints and look-ups, and for several old numbers of one patient. If PDS later names another successor, or
none, its newest word counts.

Limit: nothing about a patient is asked of PDS for a request that is refused without it. So a no told under an old number
for which PDS was never asked binds under that number at once, and under the current one only after the first request
under the old number that reaches PDS: a permitted view, the status of a record, or a look-up of the patient's details.
"""


TRACES = """A trace (`FindPatient`, SEARCH, the PDS operations) judges its person's role and activities only in the standalone viewer. Elsewhere
the person must still be proved before any rule is asked: without a token or assertion that holds the answer is
`credentials-missing` or another of the codes of sign-in. Only a vouched system names its users on its own word (P-07).
The status of a record (`scr-status`, and EMIS Web's first step) judges the proof of the person, and neither role nor activity.
"""


ALERTS = (
    ("permission", "none; in community pharmacy 1/6", "1/6"),
    ("emergency or best interests", "2/5", "1/4"),
    ("legal: public interest, statute, court order", "2/1, 2/2, 2/3", "1/1, 1/2, 1/3"),
)

MARKS = """Marks: `after-refusal` (an override within the time a refusal closes emergency access), `threshold` (more overrides
by one user in 24 hours than {most}), `reloaded` (the page of a view already told, loaded again: it adds nothing to that
count), `s-flag-attempt` (a refused view of a patient whose demographics are sensitive: the
pair the view would have had, else 2/5, as no national pair is made for an attempt).
"""


WHY = """## Asking why

`scr-gateway policy explain FILE` judges facts and says of each rule whether it passed, failed or waits for what PDS
or Spine's consent will say, with the facts it used, and the smallest changes of facts that would turn the answer:
after a deny those that open; after any other answer those that would make it a deny, which shows what it rests on.
`-` reads standard input, `--json` prints one object. The sandbox answers the same at POST /policy/explain; `serve`
does not, and no user is ever told this. Exit status: 0 allow, or needs PDS or consent; 3 deny; 2 the facts cannot be
read, or wrong usage.

Facts to begin from ([policy-facts.json](policy-facts.json)): a nurse of an emergency department asked the patient, who agreed,
but nobody has put a relationship on record.

```json
{facts}
```

```
scr-gateway policy explain docs/policy-facts.json
curl -s -H 'Content-Type: application/json' --data-binary @docs/policy-facts.json http://127.0.0.1:8080/policy/explain
```

The first says (what passed and which facts were used are left out here):

```
{said}
```

Add the relationship, and the answer is *needs-patient*: PDS is asked next.

```json
"relationships": [{{
  "id": "rel-1", "patient": "9992000481", "organisation": "RZZ01", "kind": "referral", "scope": "individual",
  "user": "910000000018", "team": null, "system": "pas-rzz01",
  "start": "2026-03-09T12:00:00+00:00", "end": "2026-04-09T12:00:00+00:00"
}}]
```

With `patient` and `consent` every rule can be judged. A fact left out has its default; a wrong one is named by its path, never by
its value.
"""


def _shortened(trace: Trace) -> str:
    """What a trace says without the rules that passed and the facts that were used."""
    lines = written(trace).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  passed ") and "  used: " not in line)


def _rule_rows(catalogue: Iterable[Entry], tests: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for entry in catalogue:
        files = ", ".join(f"`{file}`" for file in tests.get(entry.id, ())) or "none yet"
        yield entry.id, entry.sentence, entry.source, entry.kept_by, files


def _operation_rows() -> Iterator[tuple[str, str]]:
    for operation in Operation:
        rules = BY_OPERATION[operation]
        if operation is Operation.TRACE:
            yield "trace, in the standalone viewer", _names(rules)
            yield "trace, by any other system", _names(rule for rule in rules if not _of_the_person(rule))
        else:
            yield operation.value, "every rule" if len(rules) == len(RULES) else _names(rules)


def _of_the_person(rule: Rule) -> bool:
    """Whether a rule judges the person, whom a trace has only in the standalone viewer (`Case.needs_user`)."""
    return rule in user.RULES or rule.ids == ("P-14",)


def _names(rules: Iterable[Rule]) -> str:
    return ", ".join(dict.fromkeys(_short(rule.ids) for rule in rules))


def _short(ids: tuple[str, ...]) -> str:
    return f"{ids[0]} to {ids[-1]}" if len(ids) > 3 else "/".join(ids)


def _figures(settings: PolicySettings) -> Iterator[tuple[str, str]]:
    limits, codes = settings.limits, settings.activities
    yield "least assurance level", str(limits.assurance)
    yield "life of a yes for one view", f"{limits.single_permission.total_seconds() / 3600:g} hours"
    yield "a refusal closes emergency access for", f"{limits.refusal.total_seconds() / 3600:g} hours"
    yield (
        "note",
        f"{limits.note_shortest} to {limits.note_longest} characters, at least {limits.note_words} words of two letters or more",
    )
    for name in ("trace", "view", "self_claim", "emergency", "legal", "self_claim_alerts", "access_alerts", "report"):
        yield f"activity: {name.replace('_', ' ')}", getattr(codes, name).value
    yield "job roles that may report", ", ".join(sorted(settings.report_job_roles))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def page(root: Path = ROOT) -> str:
    """The page as it should be for this checkout, under the newest edition."""
    newest = max(shipped(), key=lambda edition: edition.effective)
    return render(newest, where_tested(root), (root / SAMPLE).read_text(encoding="utf-8"))


if __name__ == "__main__":
    (ROOT / PAGE).parent.mkdir(exist_ok=True)
    (ROOT / PAGE).write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} written\n")
