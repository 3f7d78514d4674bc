"""Which rules each operation must pass: what it may do without, and what it may not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.access import Operation, Setting, SystemKind, UserProof
from gateway.domain.codes import Code
from gateway.domain.decision import Verdict
from gateway.domain.permission import RelationshipKind
from gateway.policy import answer, held
from gateway.policy.judging import Failed, Rule, Stage
from gateway.policy.rules import BY_OPERATION, RULES
from tests.policy import cases as c

NOBODY = {"user": None, "proof": None, "role": None}
ACTIONS = {
    Operation.SCR_STATUS: "getSCRStatus",
    Operation.RBAC_STATUS: "getRBACStatus",
    Operation.QUERY_PERMISSION: "queryPTV",
    Operation.RECORD_PERMISSION: "createPTV",
    Operation.ACTIVITY_REPORT: "querySCRActivity",
    Operation.VIEW: "querySCR",
    Operation.TRACE: "verifyNHSNumber",
}
CARE_ONLY = [each for each in Operation if each not in {Operation.RECORD_RELATIONSHIP, Operation.PRIVACY}]


def launch(**changes):
    return c.facts(operation=Operation.LAUNCH, system=c.system(kind=SystemKind.ONE_CLICK), **changes)


@pytest.mark.parametrize("operation", [Operation.TRACE, Operation.SCR_STATUS])
def test_trace_and_status_need_no_person_and_no_patient(operation):
    c.allowed(
        c.facts(operation=operation, patient=None, consent=None, relationships=(), claims=c.claims("no"), **NOBODY)
    )


def test_a_launch_needs_no_person_yet_and_only_one_click_and_standalone_systems_launch():
    c.allowed(launch(**NOBODY))
    for kind in (SystemKind.INTEGRATED_VIEWER, SystemKind.MINI_SERVICE, SystemKind.FEED):
        given = c.facts(operation=Operation.LAUNCH, system=c.system(kind=kind))
        c.denied(given, "P-84", Code.SYSTEM_OPERATION)


def test_a_trace_in_the_standalone_viewer_needs_its_person_and_the_activity():
    c.allowed(c.standalone(operation=Operation.TRACE, role=c.role("B0264")))
    c.denied(c.standalone(operation=Operation.TRACE, role=c.role("B0370")), "P-08", Code.ROLE_ACTIVITY)
    c.denied(c.standalone(operation=Operation.TRACE, **NOBODY), "P-07", Code.CREDENTIALS_MISSING)


@pytest.mark.parametrize("operation", [Operation.RBAC_STATUS, Operation.QUERY_PERMISSION, Operation.RECORD_PERMISSION])
def test_permission_and_rbac_need_a_person_in_a_role_and_no_activity(operation):
    given = c.facts(
        operation=operation, role=c.role(activities=frozenset()), patient=None, consent=None, relationships=()
    )
    c.allowed(given)
    c.denied(replace(given, **NOBODY), "P-07", Code.CREDENTIALS_MISSING)
    c.denied(replace(given, role=None), "P-09", Code.ROLE_NOT_CHOSEN)
    c.denied(replace(given, role=c.role(organisation=c.OTHER_ODS)), "P-09", Code.ROLE_NOT_HELD)


@pytest.mark.parametrize(
    ("role", "opens"),
    [
        (c.role("B0011"), True),
        (c.role("B0370", code="S8002:G8003:R0001"), True),
        (c.role("B0370", code="S8000:G8000:R5105"), True),
        (c.role("B0370", "B0015", "B0016"), False),
        (c.role("B0011", organisation=c.OTHER_ODS), False),
    ],
)
def test_a_report_needs_its_activity_or_job_role_in_the_own_organisation(role, opens):
    given = c.facts(operation=Operation.ACTIVITY_REPORT, role=role, patient=None, consent=None)
    assert (c.asked(given).verdict is Verdict.ALLOW) is opens


@pytest.mark.parametrize(
    ("codes", "opens"), [(("B0015",), True), (("B0016",), True), (("B0370", "B0011", "B0018"), False)]
)
def test_the_privacy_workbench_needs_an_alert_activity(codes, opens):
    given = c.standalone(operation=Operation.PRIVACY, role=c.role(*codes), patient=None, consent=None)
    if opens:
        c.allowed(given)
        c.allowed(replace(given, privacy_officers_trained=0, setting=None))
    else:
        c.denied(given, "P-08", Code.ROLE_ACTIVITY)


@pytest.mark.parametrize("operation", CARE_ONLY)
def test_every_operation_for_care_passes_organisation_setting_and_purpose(operation):
    base = launch() if operation is Operation.LAUNCH else c.facts(operation=operation)
    c.allowed(base)
    c.denied(replace(base, network_allowed=False), "P-12", Code.SYSTEM_NETWORK)
    c.denied(replace(base, privacy_officers_trained=0), "P-75", Code.ORGANISATION_NOT_LIVE)
    c.denied(replace(base, setting=Setting("dentistry")), "P-50", Code.SETTING_NOT_APPROVED)
    c.denied(replace(base, organisation=None), "P-70", Code.ORGANISATION_NOT_LIVE, first=False)


@pytest.mark.parametrize(("operation", "action"), ACTIONS.items())
@pytest.mark.parametrize("with_proof", [True, False])
def test_p07_a_vouched_system_traces_asks_for_status_and_records_permission_only(operation, action, with_proof):
    vouched = c.system(
        kind=SystemKind.MINI_SERVICE, user_proof=UserProof.VOUCHED, operations=frozenset(ACTIONS.values())
    )
    given = c.facts(operation=operation, action=action, system=vouched, **({} if with_proof else NOBODY))
    if operation in {Operation.TRACE, Operation.SCR_STATUS, Operation.RECORD_PERMISSION}:
        c.allowed(given)
    else:
        c.denied(given, "P-07", Code.CREDENTIALS_MISSING)


def test_p07_a_vouched_system_that_views_is_told_what_its_proof_lacks_too():
    vouched = c.system(
        kind=SystemKind.MINI_SERVICE, user_proof=UserProof.VOUCHED, operations=frozenset(ACTIONS.values())
    )
    given = c.facts(action="querySCR", system=vouched, proof=c.proof(expires=c.NOW - timedelta(hours=1)))
    assert Code.CREDENTIALS_EXPIRED in {
        reason.code for reason in c.denied(given, "P-07", Code.CREDENTIALS_MISSING).reasons
    }


@pytest.mark.parametrize("operation", [Operation.TRACE, Operation.SCR_STATUS, Operation.RECORD_PERMISSION])
def test_p07_a_system_that_is_merely_named_vouches_for_nobody(operation):
    """Its name on the sandbox's plain listener is no certificate; what it proves of its user counts there too."""
    vouched = c.system(
        kind=SystemKind.MINI_SERVICE, user_proof=UserProof.VOUCHED, operations=frozenset(ACTIONS.values())
    )
    given = c.facts(operation=operation, action=ACTIONS[operation], system=vouched)
    c.allowed(replace(given, **NOBODY))
    c.denied(replace(given, **NOBODY, system_proved=False), "P-07", Code.CREDENTIALS_MISSING)
    c.allowed(replace(given, system_proved=False))


def test_p07_a_vouched_system_records_permission_by_createptv_only():
    vouched = c.system(user_proof=UserProof.VOUCHED)
    given = c.facts(operation=Operation.RECORD_PERMISSION, action="permissions", system=vouched, **NOBODY)
    c.denied(given, "P-07", Code.CREDENTIALS_MISSING)


def test_a_no_is_recorded_wherever_permission_may_be_recorded():
    c.allowed(c.mini_service(Operation.RECORD_PERMISSION, "querySCR", claims=c.claims("no")))


# deny by default


def test_an_operation_without_rules_is_denied(monkeypatch):
    monkeypatch.setitem(BY_OPERATION, Operation.VIEW, ())
    reasons = c.denied(c.facts(), "P-13", Code.INTERNAL).reasons
    assert [reason.detail for reason in reasons] == ["an operation without rules"]
    monkeypatch.delitem(BY_OPERATION, Operation.VIEW)
    assert c.asked(c.facts()).verdict is Verdict.DENY


def added(judge):
    return Rule(ids=("X-1",), sentence="", source="", stage=Stage.LOCAL, operations=frozenset(), judge=judge)


def explode(case):
    raise ZeroDivisionError("about the patient")


@pytest.mark.parametrize("judge", [explode, lambda _: None, lambda _: True, lambda _: Failed(())])
def test_an_error_or_nonsense_inside_a_rule_is_a_deny_and_the_other_rules_still_speak(monkeypatch, judge):
    monkeypatch.setitem(BY_OPERATION, Operation.VIEW, (added(judge), *BY_OPERATION[Operation.VIEW]))
    decision = c.denied(c.facts(relationships=()), "X-1", Code.INTERNAL)
    assert [reason.rule for reason in decision.reasons] == ["X-1", "P-01"]
    assert decision.reasons[0].detail == ("ZeroDivisionError" if judge is explode else "no judgement")


@pytest.mark.parametrize("name", ["plan", "basis"])
def test_an_error_while_the_allow_is_made_is_a_deny(monkeypatch, name):
    monkeypatch.setattr(answer, name, explode)
    assert c.denied(c.facts(), "P-13", Code.INTERNAL).reasons[0].detail == "ZeroDivisionError"


def test_an_error_while_an_attempts_alert_is_made_leaves_the_deny(monkeypatch):
    monkeypatch.setattr(answer, "attempt", explode)
    decision = c.denied(c.facts(relationships=()), "P-01", Code.RELATIONSHIP_MISSING)
    last = decision.reasons[-1]
    assert (last.rule, last.code, last.detail) == ("P-13", Code.INTERNAL, "ZeroDivisionError")


def test_a_local_rule_nobody_could_judge_is_a_deny(monkeypatch):
    kept = tuple(rule for rule in BY_OPERATION[Operation.VIEW] if "P-09" not in rule.ids)
    monkeypatch.setitem(BY_OPERATION, Operation.VIEW, kept)
    given = replace(c.facts(claims=c.claims(relationship=RelationshipKind.SELF_CLAIMED)), role=None)
    decision = c.denied(given, "P-13", Code.INTERNAL)
    assert decision.reasons[0].detail == "a local rule could not be judged"


def test_a_view_that_rests_on_nothing_is_a_deny(monkeypatch):
    kept = tuple(rule for rule in BY_OPERATION[Operation.VIEW] if "P-02" not in rule.ids)
    monkeypatch.setitem(BY_OPERATION, Operation.VIEW, kept)
    decision = c.denied(c.facts(claims=c.claims("not-asked")), "P-13", Code.INTERNAL)
    assert decision.reasons[0].detail == "a view that rests on nothing"


# the order of answers: what the mini service's response codes are mapped from

FAMILIES = [
    {Code.SYSTEM_SUSPENDED, Code.SYSTEM_NETWORK, Code.SYSTEM_OPERATION},
    {Code.CREDENTIALS_MISSING, Code.CREDENTIALS_ASSURANCE, Code.ROLE_NONE, Code.ROLE_NOT_CHOSEN, Code.ROLE_NOT_HELD},
    {Code.ROLE_ACTIVITY},
    {
        Code.PURPOSE_REFUSED,
        Code.SETTING_NOT_APPROVED,
        Code.ORGANISATION_NOT_LIVE,
        Code.ROLE_ORGANISATION,
        Code.RELATIONSHIP_MISSING,
    },
    {Code.PERMISSION_MISSING, Code.PERMISSION_REFUSED, Code.PERMISSION_SCOPE, Code.EMERGENCY_NOTE},
    {Code.SCR_NOT_AVAILABLE, Code.UNDER_REVIEW, Code.DECEASED_NOT_CONFIRMED, Code.BIRTH_DATE_MISMATCH},
]


def test_the_code_answered_is_of_the_first_family_that_failed():
    breaks = [
        {"network_allowed": False},
        {"proof": replace(c.proof(), selected_role=c.OTHER_ROLE)},
        {"role": c.role("B0264")},
        {"privacy_officers_trained": 0},
        {"claims": c.claims("no", birth_date="1999-01-01")},
        {"patient": c.patient(deceased=True)},
    ]
    for first in range(len(breaks)):
        together = {}
        for each in breaks[first:]:
            together |= each
        decision = c.asked(c.facts(**together))
        assert decision.code in FAMILIES[first], (first, decision.reasons)
        found = [n for reason in decision.reasons for n, family in enumerate(FAMILIES) if reason.code in family]
        assert found == sorted(found)
        assert set(found) == set(range(first, len(breaks)))


def test_every_rule_says_what_it_is():
    for rule in RULES:
        assert rule.ids
        assert rule.sentence.endswith(".")
        assert rule.source
        assert rule.operations


def test_held_is_the_policys_own_word_on_what_is_on_record():
    yes = c.recorded()
    assert held(c.mini_service(Operation.QUERY_PERMISSION, "queryPTV", permissions=(yes,)), c.SETTINGS) == yes
    assert held(c.facts(permissions=(yes, c.recorded("no", ago=yes.start - yes.start))), c.SETTINGS) is None
    assert held(c.facts(permissions=(yes,), organisation=None), c.SETTINGS) is None


@pytest.mark.parametrize(
    "changes",
    [{"user": None}, {"role": None}, {"proof": None}, {"organisation": None}, {"setting": None}, NOBODY],
    ids=str,
)
def test_a_missing_fact_is_a_reason_and_never_an_error(changes):
    given = replace(c.facts(permissions=(c.recorded(),), claims=c.claims("not-asked")), **changes)
    decision = c.asked(given)
    assert decision.verdict is Verdict.DENY
    assert Code.INTERNAL not in [reason.code for reason in decision.reasons]
    if not {"proof", "setting"} & changes.keys() or changes is NOBODY:
        assert held(given, c.SETTINGS) is None
