"""Truth tables of who may view and how a view happens: P-01 to P-25, each passed once and broken in each way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.access import Assurance, Operation, Purpose, Scope, SystemKind, User
from gateway.domain.codes import Code
from gateway.domain.decision import PermissionBasis, Verdict
from gateway.domain.identifiers import OdsCode, RoleProfileId, TeamId
from gateway.domain.permission import LegalBasis, RelationshipKind
from tests.policy import cases as c

HOUR = timedelta(hours=1)
CLAIMED = RelationshipKind.SELF_CLAIMED

# P-01: the legitimate relationship


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": RelationshipKind.ADMISSION},
        {"kind": RelationshipKind.SELF_REFERRAL},
        {"kind": RelationshipKind.COLLEAGUE_GRANTED},
        {"scope": Scope.TEAM, "user": None, "team": c.TEAM},
        {"kind": RelationshipKind.REGISTRATION, "scope": Scope.ORGANISATION, "user": None},
        {"ended": c.NOW + HOUR},
        {"start": c.NOW},
    ],
)
def test_p01_a_relationship_on_record_opens(changes):
    decision = c.allowed(c.facts(relationships=(c.relationship(**changes),)))
    assert decision.relationship_id == "rel-1"
    assert decision.self_claim is False
    assert decision.alert is None


@pytest.mark.parametrize(
    "changes",
    [
        {"organisation": c.OTHER_ODS},
        {"user": c.OTHER_USER},
        {"scope": Scope.TEAM, "user": None, "team": c.OTHER_TEAM},
        {"scope": Scope.TEAM, "user": None, "team": None},
        {"start": c.NOW + timedelta(seconds=1)},
        {"end": c.NOW},
        {"ended": c.NOW},
        {"patient": c.OTHER_PATIENT},
        {"kind": CLAIMED},
    ],
)
def test_p01_a_relationship_of_others_over_or_only_claimed_earlier_does_not_open(changes):
    c.denied(c.facts(relationships=(c.relationship(**changes),)), "P-01", Code.RELATIONSHIP_MISSING)


@pytest.mark.parametrize("claimed", [None, *(kind for kind in RelationshipKind if kind is not CLAIMED)])
def test_p01_any_kind_but_self_claimed_must_be_on_record(claimed):
    given = c.facts(relationships=(), claims=c.claims(relationship=claimed))
    c.denied(given, "P-01", Code.RELATIONSHIP_MISSING)


def test_p01_a_self_claim_opens_with_its_activity_and_an_alert():
    given = c.facts(relationships=(), claims=c.claims(relationship=CLAIMED))
    decision = c.allowed(given)
    assert decision.self_claim is True
    assert decision.relationship_id is None
    assert (decision.alert.type.value, decision.alert.reason.value) == ("1", "6")
    weaker = c.facts(relationships=(), claims=c.claims(relationship=CLAIMED), role=c.role("B0370"))
    assert c.denied(weaker, "P-08", Code.ROLE_ACTIVITY).reasons[0].detail == "B0257"


def test_p01_a_stated_self_claim_is_taken_at_its_word_and_falls_back_on_the_record_without_its_activity():
    stated = c.claims(relationship=CLAIMED)
    assert c.allowed(c.facts(claims=stated)).self_claim is True
    fallen = c.allowed(c.facts(claims=stated, role=c.role("B0370")))
    assert (fallen.self_claim, fallen.relationship_id, fallen.alert) == (False, "rel-1", None)


def test_p01_both_numbers_of_a_superseded_patient_count():
    merged = c.patient(requested=c.OLD_NUMBER)
    given = c.facts(patient=merged, relationships=(c.relationship(patient=c.OLD_NUMBER),))
    c.allowed(given)
    c.denied(replace(given, patient=c.patient()), "P-01", Code.RELATIONSHIP_MISSING)


# P-02, P-04: the permission


@pytest.mark.parametrize(
    ("claim", "basis"),
    [("yes", PermissionBasis.YES_THIS_TIME), ("proxy", PermissionBasis.YES_BY_PROXY)],
)
def test_p02_an_answer_given_now_opens_this_view(claim, basis):
    decision = c.allowed(c.facts(claims=c.claims(claim)))
    assert (decision.basis, decision.permission_id, decision.alert) == (basis, None, None)


def test_p02_without_any_answer_is_denied():
    c.denied(c.facts(claims=c.claims("not-asked")), "P-02", Code.PERMISSION_MISSING)


@pytest.mark.parametrize(
    ("kind", "basis"),
    [("single", PermissionBasis.YES_THIS_TIME), ("proxy", PermissionBasis.YES_BY_PROXY)],
)
def test_p04_a_recorded_answer_opens_and_is_named(kind, basis):
    decision = c.allowed(c.facts(claims=c.claims("not-asked"), permissions=(c.recorded(kind=kind),)))
    assert (decision.basis, decision.permission_id) == (basis, "per-yes")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consumed": True}, Code.PERMISSION_MISSING),
        ({"ago": timedelta(hours=12, seconds=1)}, Code.PERMISSION_MISSING),
        ({"ago": -HOUR}, Code.PERMISSION_MISSING),
        ({"end": c.NOW}, Code.PERMISSION_MISSING),
        ({"ended": c.NOW}, Code.PERMISSION_MISSING),
        ({"organisation": c.OTHER_ODS}, Code.PERMISSION_MISSING),
        ({"patient": c.OTHER_PATIENT}, Code.PERMISSION_MISSING),
        ({"answer": "withdrawn"}, Code.PERMISSION_MISSING),
        ({"user": c.OTHER_USER}, Code.PERMISSION_SCOPE),
        ({"role": c.OTHER_ROLE}, Code.PERMISSION_SCOPE),
        ({"role": None}, Code.PERMISSION_SCOPE),
        ({"scope": Scope.TEAM}, Code.PERMISSION_SCOPE),
        ({"scope": Scope.ORGANISATION}, Code.PERMISSION_SCOPE),
        ({"kind": "extended"}, Code.PERMISSION_SCOPE),
    ],
)
def test_p04_a_recorded_answer_that_does_not_cover_the_view_does_not_open(changes, code):
    given = c.facts(claims=c.claims("not-asked"), permissions=(c.recorded(**changes),))
    c.denied(given, "P-22" if code is Code.PERMISSION_SCOPE else "P-02", code)


def test_p04_a_single_answer_lasts_twelve_hours():
    last = c.recorded(ago=timedelta(hours=12))
    c.allowed(c.facts(claims=c.claims("not-asked"), permissions=(last,)))


def test_p04_an_answer_claimed_now_uses_up_nothing_on_record():
    decision = c.allowed(c.facts(permissions=(c.recorded(),)))
    assert decision.permission_id is None


# P-03: refusal


def test_p03_a_refusal_now_or_on_record_denies():
    c.denied(c.facts(claims=c.claims("no")), "P-03", Code.PERMISSION_REFUSED)
    given = c.facts(claims=c.claims("not-asked"), permissions=(c.recorded("no"),))
    decision = c.denied(given, "P-03", Code.PERMISSION_REFUSED)
    assert len(decision.reasons) == 1


@pytest.mark.parametrize(
    ("yes_ago", "no_ago", "opens"), [(2, 1, False), (1, 2, True), (1, 1, False), (1, 30, True), (30, 23, False)]
)
def test_p03_the_newer_of_yes_and_no_counts_and_no_wins_a_tie(yes_ago, no_ago, opens):
    yes = c.recorded(kind="extended", ago=yes_ago * HOUR)
    no = c.recorded("no", ago=no_ago * HOUR)
    given = c.facts(
        organisation=c.organisation(permission=c.policy("extended", "individual", 7)),
        claims=c.claims("not-asked"),
        permissions=(yes, no),
    )
    if opens:
        c.allowed(given)
    else:
        c.denied(given, "P-03", Code.PERMISSION_REFUSED)


@pytest.mark.parametrize("claim", ["yes", "proxy"])
def test_p03_a_later_yes_given_now_opens_again(claim):
    c.allowed(c.facts(claims=c.claims(claim), permissions=(c.recorded("no"),)))


def test_p03_a_withdrawal_ends_the_yes_before_it():
    given = c.facts(claims=c.claims("not-asked"), permissions=(c.recorded(), c.recorded("withdrawn", ago=HOUR / 2)))
    c.denied(given, "P-02", Code.PERMISSION_MISSING)


@pytest.mark.parametrize("claim", ["emergency", "best-interests"])
def test_p03_after_a_refusal_an_emergency_needs_a_changed_condition_with_a_note_of_its_own(claim):
    refused = c.facts(claims=c.claims(claim), permissions=(c.recorded("no", recorded_by=c.OTHER_USER),))
    c.denied(refused, "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    for note in (None, "", "short", c.NOTE, c.NOTE.upper() + " ", "word word word", "x" * 129):
        broken = c.with_claims(refused, condition_changed=True, condition_changed_note=note)
        c.denied(broken, "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    c.denied(c.with_claims(refused, condition_changed_note=c.CHANGE), "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    opened = c.allowed(c.with_claims(refused, condition_changed=True, condition_changed_note=c.CHANGE))
    assert opened.alert.marks == ("after-refusal",)


def test_p03_a_refusal_closes_emergencies_for_24_hours_and_in_its_own_organisation_only():
    def after(**changes):
        return c.facts(claims=c.claims("emergency"), permissions=(c.recorded("no", **changes),))

    c.denied(after(ago=timedelta(hours=24, seconds=-1)), "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    assert c.allowed(after(ago=timedelta(hours=24))).alert.marks == ()
    assert c.allowed(after(organisation=c.OTHER_ODS)).alert.marks == ()
    changed_mind = (c.recorded("no", ago=2 * HOUR), c.recorded(ago=HOUR, user=c.OTHER_USER))
    assert c.allowed(c.facts(claims=c.claims("emergency"), permissions=changed_mind)).alert.marks == ()
    ended = (c.recorded("no", ago=2 * HOUR), c.recorded(ago=HOUR, ended=c.NOW))
    c.denied(c.facts(claims=c.claims("emergency"), permissions=ended), "P-03", Code.EMERGENCY_AFTER_REFUSAL)


def test_p03_a_legal_basis_stands_after_a_refusal_and_its_alert_says_so():
    decision = c.allowed(c.facts(claims=c.claims("legal"), permissions=(c.recorded("no"),)))
    assert decision.alert.marks == ("after-refusal",)


# P-05, P-06, P-24: emergency and best interests


def test_p05_an_emergency_says_why_the_patient_cannot_be_asked():
    assert c.allowed(c.facts(claims=c.claims("emergency"))).basis is PermissionBasis.EMERGENCY
    c.denied(c.facts(claims=c.claims("emergency", emergency_reason=None)), "P-05", Code.EMERGENCY_REASON)


BAD_NOTES = [
    None,
    "",
    "   \t  ",
    "too brief",
    "unconsciousness",
    "asdfghjklqwerty",
    "help help help",
    "Help help HELP",
    "aaaa aaaaaa aaa",
    ".... ..... ....",
    "a word " + "x" * 122,
    "pati\u200bent-less",
    "ab cd" + "\u200b" * 10,
]
GOOD_NOTES = [
    "no answer.",
    "w " + "x" * 126,
    "  found unresponsive  ",
    "Ymwybyddiaeth ddim",
    "意識不明 搬送された患者です",
    "GCS 3 on scene",
]


@pytest.mark.parametrize("note", BAD_NOTES)
def test_p06_an_emergency_without_a_note_of_substance_is_denied(note):
    c.denied(c.facts(claims=c.claims("emergency", note=note)), "P-06", Code.EMERGENCY_NOTE)


@pytest.mark.parametrize("note", GOOD_NOTES)
def test_p06_a_note_of_substance_is_accepted(note):
    c.allowed(c.facts(claims=c.claims("emergency", note=note)))


@pytest.mark.parametrize(
    "recent", [c.NOTE, c.NOTE.upper(), "found  unresponsive on\tthe ward.", "Foundunresponsive on the ward"]
)
def test_p06_a_note_used_lately_explains_nothing(recent):
    given = c.facts(claims=c.claims("emergency"), recent_notes=("Something else happened", recent))
    c.denied(given, "P-06", Code.EMERGENCY_NOTE)
    c.allowed(replace(given, recent_notes=("Something else happened",)))


@pytest.mark.parametrize("note", BAD_NOTES)
def test_p24_best_interests_needs_a_note_and_no_reason(note):
    decision = c.allowed(c.facts(claims=c.claims("best-interests")))
    assert decision.basis is PermissionBasis.BEST_INTERESTS
    c.denied(c.facts(claims=c.claims("best-interests", note=note)), "P-24", Code.EMERGENCY_NOTE)


@pytest.mark.parametrize(
    ("ground", "basis"),
    [
        (LegalBasis.COURT_ORDER, PermissionBasis.LEGAL_COURT_ORDER),
        (LegalBasis.STATUTE, PermissionBasis.LEGAL_STATUTE),
        (LegalBasis.PUBLIC_INTEREST, PermissionBasis.LEGAL_PUBLIC_INTEREST),
    ],
)
def test_p02_a_legal_override_needs_its_basis_and_a_note(ground, basis):
    assert c.allowed(c.facts(claims=c.claims("legal", legal_basis=ground))).basis is basis
    c.denied(c.facts(claims=c.claims("legal", legal_basis=None)), "P-02", Code.LEGAL_BASIS)
    c.denied(c.facts(claims=c.claims("legal", legal_basis=ground, note="no")), "P-06", Code.LEGAL_BASIS)


# P-07 to P-10: sign-in, role, activity


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"proof": None}, Code.CREDENTIALS_MISSING),
        ({"user": None, "role": None}, Code.USER_UNKNOWN),
        ({"user": User(id=c.OTHER_USER, name="O", roles=(c.role(),))}, Code.USER_MISMATCH),
        ({"proof": c.proof(expires=c.NOW - timedelta(seconds=5))}, Code.CREDENTIALS_EXPIRED),
        ({"proof": c.proof(assurance=Assurance.AAL1)}, Code.CREDENTIALS_ASSURANCE),
    ],
)
def test_p07_a_person_who_is_not_proved_is_denied(changes, code):
    c.denied(c.facts(**changes), "P-07", code)


@pytest.mark.parametrize(
    "proof",
    [c.proof(assurance=Assurance.AAL2), c.proof(expires=c.NOW - timedelta(seconds=4)), c.proof(selected_role=None)],
)
def test_p07_assurance_level_2_and_a_clock_a_little_off_are_accepted(proof):
    c.allowed(c.facts(proof=proof))


@pytest.mark.parametrize("kind", [SystemKind.STANDALONE, SystemKind.ONE_CLICK, SystemKind.INTEGRATED_VIEWER])
@pytest.mark.parametrize(
    ("claim", "needed"),
    [
        ("yes", ("B0370",)),
        ("emergency", ("B0370", "B0168")),
        ("best-interests", ("B0370", "B0168")),
        ("legal", ("B0370", "B0082")),
    ],
)
@pytest.mark.parametrize("standing", [True, False])
def test_p08_exactly_the_needed_activities_open(kind, claim, needed, standing):
    needed = {*needed} | ({"B0264"} if kind is not SystemKind.INTEGRATED_VIEWER else set())
    needed |= {"B0257"} if not standing else set()
    wanted = c.claims(claim, relationship=None if standing else CLAIMED)
    system = c.system(kind=kind)
    base = {"claims": wanted, "system": system, "relationships": (c.relationship(),) if standing else ()}
    c.allowed(c.facts(role=c.role(*needed), **base))
    for absent in needed:
        kept = [code for code in c.ALL_CODES if code != absent]
        decision = c.denied(c.facts(role=c.role(*kept), **base), "P-08", Code.ROLE_ACTIVITY)
        assert [reason.detail for reason in decision.reasons] == [absent]


@pytest.mark.parametrize(
    "code", ["B1300", "B0002", "B0267", "B0272", "B0274", "B0089", "B0360", "B1611", "B0015", "B0016"]
)
def test_p08_other_activity_codes_open_nothing(code):
    c.denied(c.facts(role=c.role(code, "B0257")), "P-08", Code.ROLE_ACTIVITY)


def test_p08_a_role_without_a_list_and_a_receptionist_may_not_view():
    c.denied(c.facts(role=c.role(activities=frozenset())), "P-08", Code.ROLE_ACTIVITY)
    c.denied(c.facts(role=c.role("B0264")), "P-08", Code.ROLE_ACTIVITY)


def test_p08_what_the_job_is_called_opens_no_record():
    c.denied(c.facts(role=c.role("B0257", code="S8000:G8000:R0001")), "P-08", Code.ROLE_ACTIVITY)


def test_p09_one_role_of_ones_own_is_chosen_and_alone_counts():
    other = c.role(id=c.OTHER_ROLE)
    weak = c.role("B0264")
    two = User(id=c.USER, name="T", roles=(weak, other))
    c.denied(c.facts(user=two, role=weak), "P-08", Code.ROLE_ACTIVITY)
    c.allowed(c.facts(user=two, role=other, proof=c.proof(selected_role=c.OTHER_ROLE)))
    c.denied(c.facts(user=two, role=None), "P-09", Code.ROLE_NOT_CHOSEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": User(id=c.USER, name="T", roles=(c.role(id=c.OTHER_ROLE),))},
        {"user": User(id=c.USER, name="T", roles=(c.role("B0264"),))},
        {"user": User(id=c.USER, name="T", roles=(c.role(teams=frozenset({TeamId("X")})),))},
        {"user": User(id=c.USER, name="T", roles=(c.role(organisation=c.OTHER_ODS),))},
        {"proof": c.proof(selected_role=c.OTHER_ROLE)},
        {"claims": c.claims(role=RoleProfileId("555000000000"))},
    ],
)
def test_p09_a_role_that_is_not_the_users_or_not_the_one_chosen_is_denied(changes):
    c.denied(c.facts(**changes), "P-09", Code.ROLE_NOT_HELD)


def test_p09_naming_the_chosen_role_again_changes_nothing():
    c.allowed(c.facts(claims=c.claims(role=c.ROLE)))


def test_p10_a_person_without_a_role_is_denied():
    c.denied(c.facts(user=User(id=c.USER, name="T"), role=None), "P-10", Code.ROLE_NONE)


# P-12 to P-15: network, order, organisation, purpose


def test_p12_a_request_from_another_network_is_denied_first():
    c.denied(c.facts(network_allowed=False, claims=c.claims("no"), proof=None), "P-12", Code.SYSTEM_NETWORK)


def test_p13_patient_and_consent_are_asked_for_in_order_and_only_after_local_rules():
    c.needs(c.facts(patient=None, consent=None), Verdict.NEEDS_PATIENT)
    c.needs(c.facts(patient=None), Verdict.NEEDS_PATIENT)
    c.needs(c.facts(consent=None), Verdict.NEEDS_CONSENT)
    c.denied(c.facts(claims=c.claims("not-asked"), patient=None, consent=None), "P-02", Code.PERMISSION_MISSING)
    c.denied(c.facts(patient=c.patient(deceased=True), consent=None), "PDS-DEATH", Code.DECEASED_NOT_CONFIRMED)


def test_p14_role_and_system_belong_to_the_one_organisation_of_the_request():
    elsewhere = c.role(organisation=c.OTHER_ODS)
    c.denied(c.facts(role=elsewhere), "P-14", Code.ROLE_ORGANISATION)
    c.denied(c.facts(system=c.system(organisation=c.OTHER_ODS)), "P-14", Code.ROLE_ORGANISATION)
    c.denied(c.facts(system=c.system(organisation=None)), "P-14", Code.ROLE_ORGANISATION)
    c.allowed(c.standalone())
    c.denied(c.standalone(role=elsewhere), "P-14", Code.ROLE_ORGANISATION)


@pytest.mark.parametrize(
    ("registered", "asked", "deceased", "opens"),
    [
        (Purpose.DIRECT_CARE, Purpose.DIRECT_CARE, False, True),
        (Purpose.DIRECT_CARE, Purpose.DIRECT_CARE, True, True),
        (Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY, True, True),
        (Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY, False, False),
        (Purpose.POST_DEATH_DUTY, Purpose.POST_DEATH_DUTY, True, True),
        (Purpose.POST_DEATH_DUTY, Purpose.POST_DEATH_DUTY, False, False),
        (Purpose.POST_DEATH_DUTY, Purpose.DIRECT_CARE, True, False),
    ],
)
def test_p15_the_purpose_is_the_registered_one_or_narrower(registered, asked, deceased, opens):
    given = c.facts(
        system=c.system(purpose=registered),
        purpose=asked,
        patient=c.patient(deceased=deceased),
        claims=c.claims(confirm_deceased=True),
    )
    if opens:
        c.allowed(given)
    else:
        c.denied(given, "P-15", Code.PURPOSE_NOT_REGISTERED)


def test_p15_a_duty_after_death_waits_for_pds():
    c.needs(c.facts(purpose=Purpose.POST_DEATH_DUTY, patient=None, consent=None), Verdict.NEEDS_PATIENT)


def test_p15_what_the_message_names_is_what_is_judged():
    c.allowed(c.facts(claims=c.claims(purpose="direct-care", setting="scheduled_care")))
    c.denied(c.facts(claims=c.claims(purpose="post-death-duty")), "P-15", Code.PURPOSE_NOT_REGISTERED)
    c.denied(c.facts(claims=c.claims(setting="ambulance")), "P-15", Code.SETTING_NOT_REGISTERED)


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
