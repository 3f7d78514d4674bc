"""Truth tables of permission kept for later and of a practice's own patients: P-20 to P-25 and P-36."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.access import Operation, Scope
from gateway.domain.codes import Code
from gateway.domain.decision import PermissionBasis, Verdict
from gateway.domain.identifiers import OdsCode
from gateway.domain.permission import RelationshipKind
from tests.policy import cases as c

HOUR = timedelta(hours=1)
CLAIMED = RelationshipKind.SELF_CLAIMED

# P-20 to P-25: scope, timing, variation


def keeping(scope="team", days=7, **changes):
    """A view at an organisation that keeps permission."""
    return c.facts(**({"organisation": c.organisation(permission=c.policy("extended", scope, days))} | changes))


@pytest.mark.parametrize("until", [None, "2026-03-10", "2026-03-12", "2036-01-01"])
def test_p20_a_yes_is_kept_where_the_organisation_keeps_and_capped_where_it_is_too_long(until):
    assert c.allowed(keeping(claims=c.claims("extended", until=until))).basis is PermissionBasis.YES_EXTENDED


@pytest.mark.parametrize("until", ["2026-03-09", "2026-02-30", "20260312", "soon", ""])
def test_p20_a_last_day_that_is_over_or_no_day_is_denied(until):
    c.denied(keeping(claims=c.claims("extended", until=until)), "P-20", Code.PERMISSION_SCOPE)


@pytest.mark.parametrize(
    ("now", "until", "opens"),
    [
        ("2026-03-10T12:00:00+00:00", "2026-03-10T18:00:00+00:00", True),
        ("2026-03-10T12:00:00+00:00", "2026-03-12T00:00:00+00:00", True),
        ("2026-03-10T12:00:00+00:00", "2026-03-09T18:00:00+00:00", False),
        ("2026-03-10T12:00:00+00:00", "2026-03-12T00:00:00", False),
        ("2026-07-01T12:00:00+00:00", "2026-06-30T23:30:00+00:00", True),  # half past midnight on 1 July in London
    ],
)
def test_p20_an_end_given_as_an_instant_is_read_as_its_london_day(now, until, opens):
    at = datetime.fromisoformat(now)
    given = keeping(
        now=at,
        claims=c.claims("extended", until=until),
        proof=c.proof(expires=at + timedelta(hours=1)),
        relationships=(c.relationship(end=at + timedelta(days=1)),),
    )
    if opens:
        c.allowed(given)
    else:
        c.denied(given, "P-20", Code.PERMISSION_SCOPE)


def test_p20_an_organisation_that_asks_each_time_keeps_nothing():
    c.denied(c.facts(claims=c.claims("extended")), "P-20", Code.PERMISSION_SCOPE)
    recording = c.facts(operation=Operation.RECORD_PERMISSION, claims=c.claims("extended"))
    c.denied(recording, "P-20", Code.PERMISSION_SCOPE)


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({"scope": Scope.TEAM}, True),
        ({"scope": Scope.INDIVIDUAL}, True),
        ({"scope": Scope.ORGANISATION}, False),
        ({"scope": Scope.TEAM, "team": c.OTHER_TEAM}, False),
        ({"scope": Scope.INDIVIDUAL, "user": c.OTHER_USER}, False),
        ({"scope": Scope.INDIVIDUAL, "role": c.OTHER_ROLE}, False),
    ],
)
def test_p22_a_kept_yes_taken_by_somebody_else_opens_inside_its_scope(changes, opens):
    kept = c.recorded(kind="extended", recorded_by=c.OTHER_USER, **changes)
    given = keeping(claims=c.claims("not-asked"), permissions=(kept,))
    if opens:
        decision = c.allowed(given)
        assert (decision.basis, decision.permission_id) == (PermissionBasis.YES_EXTENDED, "per-yes")
    else:
        c.denied(given, "P-22", Code.PERMISSION_SCOPE)


def test_p22_a_kept_yes_opens_inside_its_dates_and_the_policys_days():
    def kept(days, ago):
        yes = c.recorded(kind="extended", scope=Scope.TEAM, ago=ago, end=c.NOW + timedelta(days=30))
        return keeping(days=days, claims=c.claims("not-asked"), permissions=(yes,))

    c.allowed(kept(7, timedelta(days=7, seconds=-1)))
    c.denied(kept(7, timedelta(days=7)), "P-22", Code.PERMISSION_SCOPE)
    c.denied(kept(2, timedelta(days=3)), "P-22", Code.PERMISSION_SCOPE)


def test_p22_a_kept_yes_is_used_before_one_for_a_single_view():
    single, kept = c.recorded(id="single", ago=HOUR / 2), c.recorded(id="kept", kind="extended", scope=Scope.TEAM)
    given = keeping(claims=c.claims("not-asked"), permissions=(single, kept))
    assert c.allowed(given).permission_id == "kept"


def test_p25_the_same_facts_answer_by_each_organisations_own_policy():
    kept = c.recorded(kind="extended", scope=Scope.ORGANISATION)
    for scope, opens in (("organisation", True), ("team", False), ("individual", False)):
        verdict = c.asked(keeping(scope=scope, claims=c.claims("not-asked"), permissions=(kept,))).verdict
        assert (verdict is Verdict.ALLOW) is opens


# P-36: a practice's own patients


def test_p36_a_practices_own_registered_patient_needs_no_permission_and_no_other_relationship():
    c.needs(c.at_practice(patient=None, consent=None), Verdict.NEEDS_PATIENT)
    decision = c.allowed(c.at_practice())
    assert decision.basis is PermissionBasis.NOT_APPLICABLE_REGISTERED
    assert (decision.alert, decision.self_claim, decision.permission_id) == (None, False, None)


def test_p36_an_answer_on_record_is_not_used_up_for_a_registered_patient():
    decision = c.allowed(c.at_practice(permissions=(c.recorded(),)))
    assert (decision.basis, decision.permission_id) == (PermissionBasis.NOT_APPLICABLE_REGISTERED, None)


def test_p36_a_temporary_patient_needs_both():
    decision = c.denied(c.at_practice(registered=False), "P-01", Code.RELATIONSHIP_MISSING)
    assert [reason.rule for reason in decision.reasons] == ["P-01", "P-02"]
    c.allowed(c.at_practice(registered=False, relationships=(c.relationship(),), claims=c.claims("yes")))


def test_p36_holds_for_every_practice_whatever_label_the_request_uses_and_for_no_other_organisation():
    registered = {"claims": c.claims("not-asked"), "relationships": (), "patient": c.patient(practice=c.ODS)}
    c.allowed(c.at_setting("primary_care", **registered))
    c.denied(c.at_setting("gp_out_of_hours", **registered), "P-01", Code.RELATIONSHIP_MISSING)
    c.denied(
        c.at_setting("primary_care", **(registered | {"patient": c.patient(practice=None)})),
        "P-01",
        Code.RELATIONSHIP_MISSING,
    )


def test_p36_a_no_still_counts_at_the_own_practice():
    c.denied(c.at_practice(claims=c.claims("no")), "P-03", Code.PERMISSION_REFUSED)
    c.denied(c.at_practice(permissions=(c.recorded("no"),)), "P-03", Code.PERMISSION_REFUSED)


def test_p36_an_emergency_at_the_own_practice_claims_no_relationship():
    given = c.at_practice(claims=c.claims("emergency"), role=c.role("B0370", "B0168"))
    assert c.allowed(given).self_claim is False
    c.needs(replace(given, patient=None, consent=None), Verdict.NEEDS_PATIENT)
    elsewhere = replace(given, patient=c.patient(practice=OdsCode("AZZ99")))
    assert c.denied(elsewhere, "P-08", Code.ROLE_ACTIVITY).reasons[0].detail == "B0257"
