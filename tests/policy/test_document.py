"""The page about the policy is made from the rules and says what they say."""

import json
import re

from click.testing import CliRunner

from gateway.cli import main
from gateway.domain.access import Operation
from gateway.domain.decision import Verdict
from gateway.policy.catalogue import DECIDED, entries
from gateway.policy.document import PAGE, ROOT, SAMPLE, page, where_tested
from gateway.policy.rules import RULES
from tests.policy import cases as c

# P-17 to P-19, P-26 to P-29, P-46 to P-49, P-65 to P-69 do not exist
GAPS = {*range(17, 20), *range(26, 30), *range(46, 50), *range(65, 70)}


def lines(text):
    """Its lines without the column of tests, and that column by line."""
    rules = [line for line in text.splitlines() if re.match(r"\| (P-|SCR-|PDS-)", line)]
    plain = [line.rsplit(" | ", 1)[0] if line in rules else line for line in text.splitlines()]
    return plain, [(line.split(" | ")[0].removeprefix("| "), re.findall(r"`(tests/[^`]+)`", line)) for line in rules]


def test_the_page_says_what_the_rules_say():
    written, _ = lines((ROOT / PAGE).read_text(encoding="utf-8"))
    assert written == lines(page())[0], "run: python -m gateway.policy.document"


def test_the_row_of_a_trace_is_what_a_trace_is_judged_by():
    """An integrated viewer's trace passes without a person, and with a person whose role may nothing; the row names no rule of the person."""
    row = next(line for line in page().splitlines() if line.startswith("| trace, by any other system |"))
    named = {name.strip(" |") for name in row.split("|")[2].split(",")}
    assert named.isdisjoint({"P-08", "P-09", "P-10", "P-14"})
    assert {"P-84", "P-12", "P-15", "P-71"} <= named
    asked = c.facts(operation=Operation.TRACE, user=None, proof=None, role=None)
    assert c.asked(asked).verdict is Verdict.ALLOW
    assert c.asked(c.facts(operation=Operation.TRACE, role=None)).verdict is Verdict.ALLOW


def test_the_page_names_no_test_that_is_not_there():
    """It may be behind a test added since; it may not promise one that has gone."""
    tests = where_tested(ROOT)
    _, named = lines((ROOT / PAGE).read_text(encoding="utf-8"))
    assert sum(len(files) for _, files in named) > 50
    for rule_id, files in named:
        assert set(files) <= set(tests.get(rule_id, ())), f"{rule_id}; run: python -m gateway.policy.document"


def test_the_sample_facts_can_be_pasted_and_say_what_the_page_says():
    """What stands on the page, the file beside it and the command agree; with the relationship added PDS is asked next."""
    text = (ROOT / PAGE).read_text(encoding="utf-8").partition("## Asking why")[2]
    facts, more = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert facts + "\n" == (ROOT / SAMPLE).read_text(encoding="utf-8")
    said = re.findall(r"```\n(deny.*?)\n```", text, re.DOTALL)[0].splitlines()
    told = CliRunner().invoke(main, ["policy", "explain", str(ROOT / SAMPLE)])
    assert told.exit_code == 3
    assert [line for line in told.stdout.splitlines() if line in said] == said
    assert {line.split()[0] for line in told.stdout.splitlines() if line not in said} == {"passed", "used:"}
    opened = json.dumps(json.loads(facts) | json.loads(f"{{{more}}}"))
    told = CliRunner().invoke(main, ["policy", "explain", "-"], input=opened)
    assert (told.exit_code, told.stdout.splitlines()[0].split()[0]) == (0, "needs-patient")


def test_every_id_stands_in_the_catalogue():
    listed = {entry.id for entry in entries(c.SETTINGS)}
    assert {f"P-{number:02}" for number in range(1, 91) if number not in GAPS} <= listed
    assert {rule_id for rule in RULES for rule_id in rule.ids} <= listed
    assert all(re.fullmatch(r"P-\d\d|SCR-AVAILABLE|PDS-[A-Z]+", rule_id) for rule_id in listed)


def test_every_line_of_the_catalogue_is_written_out():
    for entry in entries(c.SETTINGS):
        assert entry.sentence.endswith(".")
        assert entry.source
        assert entry.kept_by


def test_every_rule_that_decides_is_held_to_by_a_test_that_bears_its_id():
    tests = where_tested(ROOT)
    untested = sorted({entry.id for entry in entries(c.SETTINGS) if entry.kept_by == DECIDED} - set(tests))
    assert untested == []


def test_ids_are_read_from_the_names_of_tests(tmp_path):
    folder = tmp_path / "tests" / "a"
    folder.mkdir(parents=True)
    names = [
        "test_p07_x",
        "test_p30_to_p32_y",
        "test_pds_death_z",
        "test_p1_no",
        "test_other_p08_no",
        "test_scr_available_w",
    ]
    (folder / "test_a.py").write_text("\n".join(f"def {name}(): ..." for name in names), encoding="utf-8")
    assert set(where_tested(tmp_path)) == {"P-07", "P-30", "P-31", "P-32", "PDS-DEATH", "SCR-AVAILABLE"}
