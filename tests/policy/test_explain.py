"""The trace of a decision, the change that would turn it, and facts as JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from gateway.domain.access import Operation
from gateway.domain.decision import Verdict
from gateway.domain.errors import InvalidValue
from gateway.policy.case import Case
from gateway.policy.changes import CHANGES
from gateway.policy.explain import explain, trace_to_json
from gateway.policy.facts_json import facts_from_json, facts_to_json
from gateway.policy.judging import Failed, NotYet
from gateway.policy.rules import BY_OPERATION
from tests.policy import cases as c
from tests.policy import drawn
from tests.policy.test_properties import SHORT


@SHORT
@given(drawn.facts())
def test_the_trace_says_of_every_rule_what_decide_found(facts):
    trace = explain(facts, c.SETTINGS)
    assert trace.decision == c.asked(facts)
    rules = BY_OPERATION[facts.operation]
    assert [step.rules for step in trace.steps] == [rule.ids for rule in rules]
    for step, rule in zip(trace.steps, rules, strict=True):
        judgement = rule.judge(Case(facts, c.SETTINGS))
        expected = (
            "failed" if isinstance(judgement, Failed) else "not yet" if isinstance(judgement, NotYet) else "passed"
        )
        assert step.outcome == expected
    assert tuple(reason for step in trace.steps for reason in step.reasons) == trace.decision.reasons
    json.dumps(trace_to_json(trace))


def test_a_step_names_the_facts_it_used_and_the_stage_it_waits_for():
    steps = {step.rules[0]: step for step in explain(c.facts(patient=None, consent=None), c.SETTINGS).steps}
    assert steps["P-12"].used == ("network_allowed",)
    assert "role.activities" in steps["P-08"].used
    assert {"relationships", "user.id"} <= set(steps["P-01"].used)
    assert (steps["PDS-DEATH"].outcome, steps["PDS-DEATH"].stage) == ("not yet", "patient")


@pytest.mark.parametrize(
    ("facts", "change"),
    [
        (c.facts(relationships=()), "relationship: claimed now"),
        (c.facts(relationships=()), "relationship: a referral on record"),
        (c.facts(claims=c.claims("not-asked")), "permission: yes, asked now"),
        (c.facts(claims=c.claims("no")), "permission: yes, asked now"),
        (c.facts(network_allowed=False), "network: a registered one"),
        (c.facts(role=c.role("B0257")), "role: holds the activity to view"),
        (c.facts(privacy_officers_trained=0), "organisation: a trained privacy officer"),
        (c.facts(organisation=c.organisation(onboarding=())), "organisation: every set-up step done"),
        (c.facts(proof=c.proof(assurance=drawn.Assurance.AAL1)), "user: signed in now, with a smartcard"),
        (c.facts(claims=c.claims("emergency", note="")), "note: one of substance"),
        (
            c.facts(claims=c.claims("emergency"), permissions=(c.recorded("no"),)),
            "emergency: condition changed, with a note",
        ),
        (c.facts(patient=c.patient(deceased=True)), "patient: death confirmed by the user"),
        (c.facts(consent=drawn.ConsentFacts(consent=drawn.Consent.NO)), "consent: ask"),
        (c.facts(claims=c.claims(birth_date="1999-09-09")), "patient: no date of birth given"),
        (c.facts(system=c.system(state=drawn.SystemState.SUSPENDED)), "system: active"),
        (c.facts(purpose=drawn.Purpose.POLICE), "purpose: the registered one"),
        (c.at_practice(registered=False, relationships=(c.relationship(),)), "permission: yes, asked now"),
    ],
)
def test_the_smallest_change_is_found(facts, change):
    trace = explain(facts, c.SETTINGS)
    assert trace.decision.verdict is Verdict.DENY
    assert (change,) in trace.turned_by
    assert all(len(together) == 1 for together in trace.turned_by)


def test_a_role_of_nobodys_is_not_mended_by_what_it_holds():
    facts = c.facts(role=c.role("B0264"), user=replace(c.facts().user, roles=(c.role(),)))
    trace = explain(facts, c.SETTINGS)
    assert trace.decision.verdict is Verdict.DENY
    assert trace.turned_by == (("role: one of the user's own here is chosen",),)


def test_a_setting_not_approved_is_opened_by_a_proof_of_concept_and_others_by_none():
    change = "setting: under a proof of concept of the organisation"
    for code, offered in (("dentistry", True), ("police", False), ("no_such_setting", False)):
        here = drawn.Setting(code)
        facts = c.facts(setting=here, organisation=c.organisation(code), system=c.system(code))
        trace = explain(facts, c.SETTINGS)
        assert trace.decision.verdict is Verdict.DENY
        assert ((change,) in trace.turned_by) is offered


def test_two_changes_are_tried_where_one_is_not_enough_and_no_more():
    two = explain(c.facts(relationships=(), network_allowed=False), c.SETTINGS)
    assert ("network: a registered one", "relationship: claimed now") in two.turned_by
    assert (
        explain(
            c.facts(relationships=(), network_allowed=False, consent=drawn.ConsentFacts(consent=drawn.Consent.NO)),
            c.SETTINGS,
        ).turned_by
        == ()
    )


def test_of_an_allowed_view_the_change_that_closes_it_is_found():
    assert ("permission: refused",) in explain(c.facts(), c.SETTINGS).turned_by


@SHORT
@given(drawn.facts())
def test_each_change_can_be_made_to_any_facts_or_says_it_cannot(facts):
    for change in CHANGES:
        changed = change.applied(facts, c.SETTINGS)
        assert changed is None or changed.operation is facts.operation


def test_changes_are_named_once_and_none_stands_idle():
    names = [change.name for change in CHANGES]
    assert len(set(names)) == len(names)
    poor = replace(c.facts(), user=None, proof=None, role=None, organisation=None, patient=None, consent=None)
    assert {change.applied(poor, c.SETTINGS) is None for change in CHANGES} == {True, False}


@SHORT
@given(drawn.facts())
def test_facts_come_back_from_json_as_they_were(facts):
    text = json.dumps(facts_to_json(facts))
    assert facts_from_json(json.loads(text)) == facts


def test_networks_and_everything_rare_come_back_too():
    from ipaddress import ip_network

    wired = c.system(networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")), rate_per_second=5, successor="ncrs")
    given = c.facts(system=wired, organisation=c.organisation(proof_of_concept=c.trial()))
    assert facts_from_json(json.loads(json.dumps(facts_to_json(given)))) == given


def broken(path, value):
    data = json.loads(json.dumps(facts_to_json(c.facts())))
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (None, "facts: an object"),
        ([], "facts: an object"),
        ({}, "facts: .*missing"),
        (broken(["colour"], "SECRET"), "facts: has 1 field"),
        (broken(["operation"], "SECRET"), "facts.operation: one of .*trace.* is needed"),
        (broken(["now"], "2026-01-01T00:00:00"), "facts.now: a time with its zone"),
        (broken(["now"], 5), "facts.now: a text"),
        (broken(["network_allowed"], "yes"), "facts.network_allowed: true or false is needed"),
        (broken(["privacy_officers_trained"], True), "facts.privacy_officers_trained: a whole number is needed"),
        (broken(["system", "id"], "SECRET!"), "facts.system.id: not a valid SystemId"),
        (broken(["system", "site"], "x"), "facts.system.site: not a valid OdsCode"),
        (broken(["patient", "nhs_number"], "9876543211"), "facts.patient.nhs_number: the NHS number's check digit"),
        (broken(["proof", "assurance"], "AAL9"), "facts.proof.assurance: one of .*AAL2.* is needed"),
        (broken(["organisation", "onboarding"], [["interest"]]), r"facts.organisation.onboarding\[0\]: a list of 2"),
        (broken(["organisation", "onboarding"], "x"), "facts.organisation.onboarding: a list"),
        (broken(["recent_notes"], ["x"] * 1001), "facts.recent_notes: a list"),
        (
            broken(["relationships", 0, "end"], "2020-01-01T00:00:00+00:00"),
            r"facts.relationships\[0\]: a relationship ends",
        ),
    ],
)
def test_facts_that_cannot_be_are_refused_with_their_path_and_without_their_value(data, where):
    with pytest.raises(InvalidValue, match=where) as caught:
        facts_from_json(data)
    assert "SECRET" not in str(caught.value)
    assert "9876543211" not in str(caught.value)


def test_what_is_left_out_has_its_default():
    data = facts_to_json(c.facts(operation=Operation.TRACE))
    assert "action" not in data
    assert facts_from_json(data).action == ""
