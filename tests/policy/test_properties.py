"""What holds of every decision: less is never more, the unrelated changes nothing, nothing else is read."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import gateway.policy
from gateway.domain.access import Operation, Site
from gateway.domain.codes import Code
from gateway.domain.decision import ILLEGAL_ALERTS, Facts, Verdict
from gateway.domain.identifiers import OdsCode
from gateway.domain.permission import PermissionAnswer
from gateway.policy.judging import VIEWS
from gateway.policy.rules import BY_OPERATION
from tests.policy import cases as c
from tests.policy import drawn

POLICY = Path(gateway.policy.__file__).parent
THOROUGH = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
SHORT = settings(THOROUGH, max_examples=50)

# Facts that speak for a view, and how each is taken away. What speaks against one (a refusal on record, a note used
# lately, a death, a date of birth or setting that contradicts) is not among them: taking that away may well open.
REMOVALS: dict[str, Callable[[Facts], Iterator[Facts]]] = {
    "certificate": lambda f: iter([replace(f, system_proved=False)]),
    "network": lambda f: iter([replace(f, network_allowed=False)]),
    "organisation": lambda f: iter([replace(f, organisation=None)]),
    "setting": lambda f: iter([replace(f, setting=None)]),
    "site": lambda f: iter([replace(f, site=None)]),
    "proof": lambda f: iter([replace(f, proof=None)]),
    "user": lambda f: iter([replace(f, user=None), replace(f, user=None, role=None, proof=None)]),
    "role": lambda f: iter([replace(f, role=None)]),
    "training": lambda f: iter([replace(f, trained=None), replace(f, privacy_officers_trained=0)]),
    "patient": lambda f: iter([replace(f, patient=None, consent=None)]),
    "consent": lambda f: iter([replace(f, consent=None)]),
    "operations": lambda f: iter([replace(f, system=replace(f.system, feeds=frozenset()), action="")]),
    "activity": lambda f: (with_activities(f, {code}) for code in f.role.activities) if f.role else iter(()),
    "relationship": lambda f: (replace(f, relationships=without(f.relationships, each)) for each in f.relationships),
    "yes": lambda f: (
        replace(f, permissions=without(f.permissions, each))
        for each in f.permissions
        if each.answer is PermissionAnswer.YES
    ),
    "claims": lambda f: (
        c.with_claims(f, **change)
        for change in (
            {"note": None},
            {"emergency_reason": None},
            {"legal_basis": None},
            {"relationship": None},
            {"condition_changed": False},
            {"condition_changed_note": None},
            {"confirm_deceased": False},
        )
    ),
    "set-up": lambda f: (
        (
            with_organisation(f, onboarding=without(f.organisation.onboarding, step))
            for step in f.organisation.onboarding
        )
        if f.organisation
        else iter(())
    ),
    "trial and sites": lambda f: (
        iter([with_organisation(f, proof_of_concept=None), with_organisation(f, sites=())])
        if f.organisation
        else iter(())
    ),
    "practice": lambda f: iter([replace(f, patient=replace(f.patient, practice=None))]) if f.patient else iter(()),
}


def without(many, one):
    return tuple(each for each in many if each is not one)


def with_organisation(facts, **changes):
    return replace(facts, organisation=replace(facts.organisation, **changes))


def with_activities(facts, less=frozenset(), more=frozenset()):
    role = replace(facts.role, activities=(facts.role.activities - less) | more)
    user = replace(facts.user, roles=tuple(role if own.id == role.id else own for own in facts.user.roles))
    return replace(facts, role=role, user=user)


@THOROUGH
@given(drawn.facts((Operation.VIEW, Operation.VIEW, *Operation)))
def test_taking_a_fact_away_never_opens(facts):
    before = c.asked(facts)
    event(before.verdict.value)
    if before.verdict is Verdict.ALLOW:
        return
    for name, removal in REMOVALS.items():
        for less in removal(facts):
            assert c.asked(less).verdict is not Verdict.ALLOW, name


@pytest.mark.parametrize("claim", ["yes", "emergency", "legal"])
def test_each_removal_would_close_an_open_view_somewhere(claim):
    """The property above is worth something only if the removals bite."""
    wanted = c.claims(claim, confirm_deceased=True, condition_changed=True, condition_changed_note=c.CHANGE)
    base = c.facts(claims=wanted, patient=c.patient(deceased=True), action="querySCR")
    biting = {
        name
        for name, removal in REMOVALS.items()
        for less in removal(base)
        if c.asked(less).verdict is not Verdict.ALLOW
    }
    assert biting >= {
        "network",
        "organisation",
        "setting",
        "site",
        "proof",
        "user",
        "role",
        "training",
        "patient",
        "consent",
    }
    assert biting >= {"activity", "claims", "set-up", "trial and sites"}
    if claim == "yes":
        assert "relationship" in biting


@THOROUGH
@given(drawn.facts((Operation.VIEW, Operation.VIEW, *Operation)), drawn.unrelated_codes(), st.randoms())
def test_adding_what_has_nothing_to_do_with_it_changes_nothing(facts, codes, random):
    before = c.asked(facts)
    others = [
        replace(facts, recent_notes=(*facts.recent_notes, "Quite another thing was written")),
        replace(facts, system=replace(facts.system, leniences=frozenset({"any"}), certificates=frozenset({"aa"}))),
        with_activities(facts, more=codes),
        with_organisation(facts, sites=(*facts.organisation.sites, Site(ods=OdsCode("RZZ91Z"), settings=frozenset()))),
        replace(facts, permissions=(*facts.permissions, c.recorded("no", id="x", organisation=c.OTHER_ODS))),
        replace(facts, permissions=(*facts.permissions, c.recorded(id="x", organisation=c.OTHER_ODS))),
        replace(facts, relationships=(c.relationship(id="x", organisation=c.OTHER_ODS), *facts.relationships)),
        replace(facts, relationships=(c.relationship(id="x", end=c.NOW), *facts.relationships)),
        replace(facts, user=replace(facts.user, roles=(*facts.user.roles, c.role(id=c.OTHER_ROLE)))),
        replace(facts, claims=replace(facts.claims, role=c.ROLE)) if facts.role else facts,
    ]
    if facts.patient is not None:
        others.append(
            replace(facts, relationships=(c.relationship(id="x", patient=c.OTHER_PATIENT), *facts.relationships))
        )
        others.append(
            replace(facts, permissions=(c.recorded("no", id="x", patient=c.OTHER_PATIENT), *facts.permissions))
        )
    random.shuffle(others)
    for more in others:
        assert c.asked(more) == before


@THOROUGH
@given(drawn.facts())
def test_every_decision_is_whole(facts):
    decision = c.asked(facts)
    assert decision == c.asked(facts)
    assert (decision.verdict is Verdict.DENY) is bool(decision.reasons)
    assert Code.INTERNAL not in [reason.code for reason in decision.reasons]
    known = {rule_id for rule in BY_OPERATION[facts.operation] for rule_id in rule.ids}
    assert {reason.rule for reason in decision.reasons} <= known
    if decision.alert is not None:
        assert facts.operation in VIEWS
        assert (decision.alert.type.value, decision.alert.reason.value) not in ILLEGAL_ALERTS
    if decision.verdict is Verdict.ALLOW and facts.operation in VIEWS:
        assert decision.basis is not None
        assert facts.patient is not None
        assert facts.consent is not None
        if facts.claims.permission.overrides or decision.self_claim:
            assert decision.alert is not None
    if decision.verdict is Verdict.NEEDS_PATIENT:
        assert facts.patient is None
    if decision.verdict is Verdict.NEEDS_CONSENT:
        assert facts.consent is None


@THOROUGH
@given(drawn.facts((Operation.VIEW,)))
def test_what_the_first_stage_refuses_later_stages_refuse_too(facts):
    first = c.asked(replace(facts, patient=None, consent=None))
    if first.verdict is Verdict.DENY and facts.patient is not None:
        assert c.asked(facts).verdict is Verdict.DENY


@THOROUGH
@given(drawn.facts((Operation.VIEW,)), st.integers(min_value=-400, max_value=400))
def test_the_decision_depends_on_time_only_through_its_facts(facts, days):
    """Every instant moved alike, the answer stays, unless a calendar day of the set-up or of a trial is passed."""
    moved = timedelta(days=days)
    organisation = replace(
        facts.organisation,
        proof_of_concept=None,
        onboarding=tuple((step, day - timedelta(days=900)) for step, day in facts.organisation.onboarding),
    )
    base = replace(facts, organisation=organisation, claims=replace(facts.claims, until=None))
    later = replace(
        base,
        now=base.now + moved,
        proof=replace(base.proof, expires=base.proof.expires + moved) if base.proof else None,
        permissions=tuple(replace(each, start=each.start + moved, end=each.end + moved) for each in base.permissions),
        relationships=tuple(
            replace(each, start=each.start + moved, end=each.end + moved) for each in base.relationships
        ),
    )
    assert c.asked(later) == c.asked(base)


CLOCKS = frozenset(
    {
        "now", "today", "utcnow", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
        "process_time", "localtime", "gmtime", "ctime",
    }
)  # fmt: skip
OUTSIDE = frozenset({"random", "secrets", "uuid", "os", "socket", "time", "asyncio", "logging"})


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name in this file, what it stands for) of every import, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def reads_outside(source: str) -> list[str]:
    """How a module could learn what it was not told: imports of the world outside, and every use of a clock of `datetime`
    or `time`, under whatever name and by whatever way it was got at.
    """
    tree, found = ast.parse(source), []
    imported = dict(_imported(tree))
    for name, meant in imported.items():
        if meant.partition(".")[0] in OUTSIDE:
            found.append(f"import of {meant}")
        if meant.partition(".")[0] in {"time", "datetime"} and meant.rpartition(".")[2] in {*CLOCKS, "*"} - {"time"}:
            found.append(f"{name} stands for {meant}")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {*CLOCKS, "import_module"} - {"time"}
            and not _is_fact(node, imported)
        ):
            found.append(f"line {node.lineno}: .{node.attr}")
        if isinstance(node, ast.Attribute) and node.attr == "time":
            root = ast.unparse(node.value).partition(".")[0]
            if imported.get(root, root) in {"time", "datetime.time"}:
                found.append(f"line {node.lineno}: .time")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"getattr", "__import__", "eval", "exec"}
        ):
            named = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            if node.func.id != "getattr" or CLOCKS & {str(each) for each in named}:
                found.append(f"line {node.lineno}: {node.func.id}")
    return found


def _is_fact(node: ast.Attribute, imported: Mapping[str, str]) -> bool:
    """The time a rule is told, and the London day reckoned from it: of a value, never of something imported."""
    words = ast.unparse(node)
    told = {"facts.now", "self.facts.now", "case.facts.now", "case.today"}
    return words in told and words.partition(".")[0] not in imported


def test_no_rule_reads_the_clock_chance_or_the_outside():
    files = sorted(POLICY.rglob("*.py"))
    assert len(files) > 15
    for file in files:
        assert reads_outside(file.read_text(encoding="utf-8")) == [], file.name


@pytest.mark.parametrize(
    "source",
    [
        "import datetime as _d\n_d.datetime.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "import datetime\ndatetime.date.today()",
        "from datetime import datetime\ndatetime.now(UTC)",
        "from datetime import datetime as dt\nx = dt.now\nx()",
        "from datetime import date as d\nd.today()",
        "from datetime import datetime\ngetattr(datetime, 'now')()",
        "from datetime import datetime\n(datetime).today()",
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "from time import time\ntime()",
        "from time import monotonic as m\nm()",
        "from time import *",
        "def judge(case):\n    import time\n    return time.time()",
        "from datetime import datetime as facts\nfacts.now()",
        "type(case.facts.now).now()",
        "case.facts.now.now()",
        "case.facts.now.today()",
        "__import__('time').time()",
        "import importlib\nimportlib.import_module('time').time()",
        "import random",
        "from os import environ",
    ],
)
def test_whatever_way_a_clock_is_got_at_it_is_seen(source: str):
    assert reads_outside(source)


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import date, datetime, time, timedelta\ndatetime.combine(case.today, time(0))",
        "facts.now - timedelta(hours=1)",
        "relationship.end > case.facts.now",
    ],
)
def test_what_a_rule_is_told_is_no_clock(source: str):
    assert reads_outside(source) == []


def _named_in_rules() -> set[str]:
    found = set()
    for file in sorted((POLICY / "rules").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code":
                found.add(node.attr)
    return found


BREAKS = [
    {"system": c.system(state=drawn.SystemState.SUSPENDED)},
    {"network_allowed": False},
    {"system": c.system(operations=frozenset({"x"}))},
    {"proof": None},
    {"proof": c.proof(expires=c.NOW - timedelta(hours=1))},
    {"proof": c.proof(assurance=drawn.Assurance.AAL1)},
    {"user": None},
    {"user": drawn.User(id=c.OTHER_USER, name="O", roles=(c.role(),))},
    {"role": None},
    {"role": None, "user": drawn.User(id=c.USER, name="T", roles=(c.role(),))},
    {"user": drawn.User(id=c.USER, name="T", roles=(c.role("B0264"),))},
    {"role": c.role("B0264")},
    {"role": c.role(organisation=c.OTHER_ODS)},
    {"trained": False, "organisation": c.organisation(training=drawn.TrainingMode.ENFORCE)},
    {"organisation": None},
    {"site": None},
    {"setting": drawn.Setting("dentistry")},
    {"setting": None},
    {"setting": drawn.Setting("ambulance")},
    {"purpose": drawn.Purpose.POLICE},
    {"purpose": drawn.Purpose.POST_DEATH_DUTY},
    {"relationships": ()},
    {"claims": c.claims("not-asked")},
    {"claims": c.claims("no")},
    {"claims": c.claims("extended")},
    {"claims": c.claims("emergency", note=None)},
    {"claims": c.claims("emergency", emergency_reason=None)},
    {"claims": c.claims("emergency"), "permissions": (c.recorded("no"),)},
    {"claims": c.claims("legal", legal_basis=None)},
    {"patient": c.patient(confidentiality=drawn.Confidentiality.REDACTED)},
    {"patient": c.patient(confidentiality=drawn.Confidentiality.UNDER_REVIEW)},
    {"patient": c.patient(deceased=True)},
    {"claims": c.claims(birth_date="1999-09-09")},
]


def test_every_refusal_says_the_next_right_step():
    """One a clinician can take, and none that names what the patient's answer or a note should have been instead."""
    for name in _named_in_rules():
        code = Code[name]
        assert len(code.value.next_step.split()) > 2, name
        assert code.value.next_step.endswith("."), name
    assert "emergency" not in Code.PERMISSION_REFUSED.value.next_step.lower()
    assert "emergency" not in Code.PERMISSION_MISSING.value.next_step.lower()


def test_every_code_a_rule_names_can_be_answered():
    answered = {reason.code.name for change in BREAKS for reason in c.asked(c.facts(**change)).reasons}
    assert answered == _named_in_rules()
