"""Truth tables of where and for what a record is asked: care settings, purposes, set-up, systems (P-30 to P-84)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.domain.access import (
    OnboardingStep,
    Operation,
    Purpose,
    Setting,
    Site,
    SystemKind,
    SystemState,
    TrainingMode,
)
from gateway.domain.codes import Code
from gateway.domain.decision import Verdict
from gateway.domain.identifiers import OdsCode
from gateway.domain.permission import RelationshipKind
from gateway.policy.rules import BY_OPERATION
from tests.policy import cases as c

APPROVED = {
    "P-30": "111",
    "P-31": "accident_and_emergency",
    "P-32": "acute_assessment",
    "P-33": "ambulance",
    "P-34": "community_care",
    "P-35": "gp_out_of_hours",
    "P-36": "gp_temporary_or_non_registered",
    "P-37": "community_pharmacy",
    "P-38": "hospital_pharmacy",
    "P-39": "minor_injury_units",
    "P-40": "scheduled_care",
    "P-41": "mental_health",
    "P-42": "health_and_justice",
    "P-43": "hospices",
    "P-44": "primary_care",
    "P-45": "substance_misuse",
}
NOT_APPROVED = {
    "P-50": "dentistry",
    "P-51": "care_home",
    "P-52": "optometry",
    "P-53": "private_gp",
    "P-54": "private_hospital",
    "P-55": "adult_social_care",
    "P-56": "sexual_and_reproductive_health",
}
REFUSED = {
    Purpose.RESEARCH: "P-60",
    Purpose.CLINICAL_TRIAL: "P-60",
    Purpose.POLICE: "P-61",
    Purpose.OTHER_GOVERNMENT: "P-61",
    Purpose.NON_CLINICAL_COSMETICS: "P-62",
}
CLAIMS = ["yes", "extended", "proxy", "not-asked", "emergency", "best-interests", "legal"]


@pytest.mark.parametrize("setting", APPROVED.values(), ids=APPROVED.keys())
def test_p30_to_p45_an_approved_setting_opens_and_still_needs_a_relationship(setting):
    c.allowed(c.at_setting(setting))
    c.denied(c.at_setting(setting, relationships=()), "P-01", Code.RELATIONSHIP_MISSING)


def test_p30_to_p45_the_list_is_these_sixteen_and_no_more():
    assert {rule: setting for setting, rule in c.SETTINGS.approved.items()} == APPROVED
    assert {rule: setting for setting, rule in c.SETTINGS.not_approved.items()} == NOT_APPROVED


@pytest.mark.parametrize(("rule", "setting"), NOT_APPROVED.items(), ids=NOT_APPROVED.keys())
def test_p50_to_p57_a_setting_not_approved_is_denied_but_for_a_trial_of_its_own(rule, setting):
    decision = c.denied(c.at_setting(setting), rule, Code.SETTING_NOT_APPROVED)
    assert "P-57" in [reason.rule for reason in decision.reasons]
    c.allowed(c.at_setting(setting, organisation=c.organisation(setting, proof_of_concept=c.trial(setting))))


@pytest.mark.parametrize(
    ("trial", "opens"),
    [
        (c.trial(start=date(2026, 3, 10), until=date(2026, 3, 10)), True),
        (c.trial(start=date(2026, 3, 11)), False),
        (c.trial(until=date(2026, 3, 9)), False),
        (c.trial(setting="optometry"), False),
        (None, False),
    ],
)
def test_p57_a_trial_is_dated_explicit_and_not_inherited(trial, opens):
    given = c.at_setting("dentistry", organisation=c.organisation("dentistry", proof_of_concept=trial))
    if opens:
        c.allowed(given)
    else:
        c.denied(given, "P-50", Code.SETTING_NOT_APPROVED)


def test_p57_a_trials_days_are_london_days():
    summer = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)  # half past midnight on 1 July in London
    trial = c.trial(start=date(2026, 7, 1), until=date(2026, 7, 1))
    given = c.at_setting("dentistry", organisation=c.organisation("dentistry", proof_of_concept=trial))
    moved = {"proof": c.proof(expires=summer + timedelta(hours=1))}
    around = c.relationship(end=summer + timedelta(days=9))
    c.allowed(replace(given, now=summer, relationships=(around,), **moved))
    later = summer + timedelta(days=1)
    c.denied(replace(given, now=later), "P-50", Code.SETTING_NOT_APPROVED, first=False)


@pytest.mark.parametrize("setting", ["veterinary", "prison", "custody", "xx"])
def test_p58_a_setting_on_no_list_is_denied(setting):
    c.denied(c.at_setting(setting), "P-58", Code.SETTING_UNKNOWN)
    trial = c.organisation(setting, proof_of_concept=c.trial(setting))
    c.denied(c.at_setting(setting, organisation=trial), "P-58", Code.SETTING_UNKNOWN)


def test_p58_no_setting_at_all_is_denied():
    c.denied(c.facts(setting=None), "P-58", Code.SETTING_UNKNOWN)


def test_p59_the_refusal_points_to_the_interest_form():
    for code in (Code.SETTING_NOT_APPROVED, Code.SETTING_UNKNOWN):
        assert "/interest" in code.entry.next_step


@pytest.mark.parametrize(("purpose", "rule"), REFUSED.items())
@pytest.mark.parametrize("claim", CLAIMS)
def test_p60_to_p63_a_refused_purpose_is_denied_whatever_else_is_said(purpose, rule, claim):
    wanted = c.claims(claim, relationship=RelationshipKind.SELF_CLAIMED, confirm_deceased=True)
    keeps = c.organisation(permission=c.policy("extended", "team", 7))
    given = c.facts(claims=wanted, organisation=keeps, permissions=(c.recorded(),))
    c.allowed(given)
    for refused in (
        replace(given, purpose=purpose, system=c.system(purpose=purpose)),
        replace(given, purpose=purpose),
        replace(given, system=c.system(purpose=purpose)),
    ):
        rules = [reason.rule for reason in c.denied(refused, rule, Code.PURPOSE_REFUSED).reasons]
        assert "P-63" in rules


@pytest.mark.parametrize("purpose", REFUSED)
@pytest.mark.parametrize("operation", list(Operation))
def test_p63_a_refused_purpose_closes_every_operation(purpose, operation):
    given = c.facts(operation=operation, purpose=purpose, system=c.system(purpose=purpose))
    c.denied(given, REFUSED[purpose], Code.PURPOSE_REFUSED, first=False)


@pytest.mark.parametrize(
    ("setting", "rule"), [("police", "P-61"), ("research", "P-60"), ("non_clinical_cosmetics", "P-62")]
)
def test_p61_a_refused_purpose_by_the_name_of_a_setting_is_denied_but_staff_in_custody_are_not(setting, rule):
    c.denied(c.at_setting(setting), rule, Code.PURPOSE_REFUSED)
    c.allowed(c.at_setting("health_and_justice"))


def test_p64_the_decision_says_which_edition_applied():
    assert c.asked(c.facts()).policy_version == c.SETTINGS.version
    other = replace(
        c.SETTINGS, version="other", approved={}, general_practice=frozenset(), alert_every_view=frozenset()
    )
    from gateway.policy import decide

    decision = decide(c.facts(), other)
    assert (decision.policy_version, decision.code) == ("other", Code.SETTING_UNKNOWN)


# narrowing of settings


def two_settings(**changes):
    """An organisation with two settings at its one site."""
    both = (Setting("scheduled_care"), Setting("ambulance"))
    site = Site(ods=OdsCode("RZZ91A"), settings=frozenset(both))
    return c.organisation(**({"settings": both, "sites": (site,)} | changes))


def test_p15_a_setting_the_system_is_not_registered_for_is_denied():
    c.denied(c.facts(organisation=two_settings(), setting=Setting("ambulance")), "P-15", Code.SETTING_NOT_REGISTERED)
    c.denied(c.facts(system=c.system(None)), "P-15", Code.SETTING_NOT_REGISTERED)
    c.denied(c.facts(organisation=two_settings(settings=())), "P-15", Code.SETTING_NOT_REGISTERED)


def test_p15_the_standalone_viewer_chooses_among_its_organisations_settings():
    c.allowed(c.standalone(organisation=two_settings(), setting=Setting("ambulance")))
    c.denied(c.standalone(setting=Setting("hospices")), "P-15", Code.SETTING_NOT_REGISTERED)
    c.denied(c.standalone(setting=None), "P-58", Code.SETTING_UNKNOWN)


# P-70 to P-77: set-up, sites, training

STEPS = dict(zip(OnboardingStep, ("P-70", "P-71", "P-72", "P-73", "P-74", "P-75"), strict=True))


@pytest.mark.parametrize(("step", "rule"), STEPS.items())
def test_p70_to_p75_every_step_of_the_set_up_is_needed_by_its_day(step, rule):
    done = {each: date(2025, 1, 1) for each in OnboardingStep}
    for day, opens in ((None, False), (date(2026, 3, 11), False), (date(2026, 3, 10), True)):
        steps = {k: v for k, v in (done | {step: day}).items() if v}
        given = c.facts(organisation=c.organisation(onboarding=tuple(steps.items())))
        if opens:
            c.allowed(given)
        else:
            c.denied(given, rule, Code.ORGANISATION_NOT_LIVE)


def test_p70_an_unknown_organisation_is_denied():
    c.denied(c.facts(organisation=None), "P-70", Code.ORGANISATION_NOT_LIVE)


@pytest.mark.parametrize(
    ("site", "own"),
    [
        (OdsCode("RZZ91B"), OdsCode("RZZ91B")),
        (None, OdsCode("RZZ91A")),
        (OdsCode("RZZ91A"), OdsCode("RZZ91B")),
        (OdsCode("RZZ91B"), OdsCode("RZZ91A")),
    ],
)
def test_p71_a_view_from_a_site_not_agreed_is_denied(site, own):
    c.denied(c.facts(site=site, system=c.system(site=own)), "P-71", Code.SITE_NOT_AGREED)


def test_p71_a_site_is_agreed_for_its_settings():
    site = Site(ods=OdsCode("RZZ91A"), settings=frozenset({Setting("ambulance")}))
    c.denied(c.facts(organisation=c.organisation(sites=(site,))), "P-71", Code.SITE_NOT_AGREED)
    c.denied(c.standalone(site=OdsCode("RZZ91B")), "P-71", Code.SITE_NOT_AGREED)
    c.allowed(c.standalone(site=OdsCode("RZZ91A")))


def test_p75_below_one_trained_privacy_officer_views_stop():
    c.denied(c.facts(privacy_officers_trained=0), "P-75", Code.ORGANISATION_NOT_LIVE)
    c.denied(c.facts(organisation=c.organisation(privacy_officers=())), "P-75", Code.ORGANISATION_NOT_LIVE)


def test_p76_the_order_of_the_steps_does_not_matter():
    days = [(step, date(2025, 12 - n, 1)) for n, step in enumerate(OnboardingStep)]
    for onboarding in (days, days[::-1], days[3:] + days[:3]):
        c.allowed(c.facts(organisation=c.organisation(onboarding=tuple(onboarding))))


@pytest.mark.parametrize("trained", [False, None])
def test_p77_without_training_the_organisation_warns_or_refuses(trained):
    assert c.allowed(c.facts(trained=trained)).warnings == ("training",)
    enforcing = c.organisation(training=TrainingMode.ENFORCE)
    c.denied(c.facts(trained=trained, organisation=enforcing), "P-77", Code.USER_TRAINING)
    assert c.allowed(c.facts(organisation=enforcing)).warnings == ()


# P-79: community pharmacy (its alerts: test_alerts)


def test_p79_community_pharmacy_alerts_every_view():
    alert = c.allowed(c.at_setting("community_pharmacy")).alert
    assert (alert.type.value, alert.reason.value) == ("1", "6")


# P-80 to P-84: systems


@pytest.mark.parametrize("kind", [SystemKind.INTEGRATED_VIEWER, SystemKind.ONE_CLICK, SystemKind.MINI_SERVICE])
def test_p80_to_p84_every_kind_of_system_passes_the_same_checks(kind):
    given = c.facts(action="querySCR", system=c.system(kind=kind, operations=frozenset({"querySCR"})))
    c.allowed(given)
    c.denied(replace(given, relationships=()), "P-01", Code.RELATIONSHIP_MISSING)
    c.denied(replace(given, claims=c.claims("not-asked")), "P-02", Code.PERMISSION_MISSING)


def test_p84_a_suspended_system_is_denied_first():
    given = c.facts(system=c.system(state=SystemState.SUSPENDED), network_allowed=False, proof=None)
    c.denied(given, "P-84", Code.SYSTEM_SUSPENDED)


def test_p84_a_system_calls_only_what_it_is_registered_for():
    portal = c.system(kind=SystemKind.MINI_SERVICE, operations=frozenset({"querySCR"}))
    c.allowed(c.facts(system=portal, action="querySCR"))
    for action in ("", "queryPTV", "queryscr"):
        c.denied(c.facts(system=portal, action=action), "P-84", Code.SYSTEM_OPERATION)
    c.denied(c.facts(system=c.system(operations=frozenset({"other"})), action="view"), "P-84", Code.SYSTEM_OPERATION)


@pytest.mark.parametrize("operation", list(Operation))
def test_p84_feeds_only_feed_and_only_feeds_feed(operation):
    feed = c.system(None, kind=SystemKind.FEED, feeds=frozenset({"relationships"}))
    feeding = operation is Operation.RECORD_RELATIONSHIP
    given = c.facts(operation=operation, system=feed, user=None, proof=None, role=None, setting=None)
    if feeding:
        assert c.asked(given).verdict is Verdict.ALLOW
        idle = c.system(None, kind=SystemKind.FEED)
        c.denied(replace(given, system=idle), "P-84", Code.SYSTEM_OPERATION)
        c.denied(replace(given, system=c.system()), "P-84", Code.SYSTEM_OPERATION)
    else:
        c.denied(given, "P-84", Code.SYSTEM_OPERATION)
        told = {
            reason.rule for reason in c.asked(replace(c.facts(operation=operation), system=feed, setting=None)).reasons
        }
        assert "P-84" in told
        assert not told & {"P-58", "P-71"}, "a feed that asks what no feed may is not told of the setting no feed has"
        viewer = c.facts(operation=operation, system=c.system(), setting=None)
        judged = {rule for each in BY_OPERATION[operation] for rule in each.ids} & {"P-58", "P-71"}
        assert judged <= {reason.rule for reason in c.asked(viewer).reasons}


def test_p36_a_practice_with_another_setting_beside_is_still_the_patients_own():
    both = tuple(map(Setting, ("gp_temporary_or_non_registered", "scheduled_care")))
    practice = c.organisation("gp_temporary_or_non_registered", settings=both)
    c.allowed(c.at_practice(organisation=practice))
    c.denied(c.at_practice(registered=False, organisation=practice), "P-01", Code.RELATIONSHIP_MISSING)
