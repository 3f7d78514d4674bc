"""Truth tables of who may view and how a view happens: P-01 to P-06 and P-24, each passed once and broken in each way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.access import Scope
from gateway.domain.codes import Code
from gateway.domain.decision import PermissionBasis
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
    told = c.allowed(c.facts(claims=stated))
    assert (told.self_claim, told.relationship_id) == (True, None)
    fallen = c.allowed(c.facts(claims=stated, role=c.role("B0370")))
    assert (fallen.self_claim, fallen.relationship_id, fallen.alert) == (False, "rel-1", None)


def test_p01_both_numbers_of_a_superseded_patient_count():
    merged = c.patient(requested=c.OLD_NUMBER)
    given = c.facts(patient=merged, relationships=(c.relationship(patient=c.OLD_NUMBER),))
    c.allowed(given)
    c.denied(replace(given, patient=c.patient()), "P-01", Code.RELATIONSHIP_MISSING)


def test_p01_p03_numbers_superseded_earlier_count_as_the_patients():
    """What PDS told before: neither a relationship nor a no is lost with the number it was recorded under."""
    merged = c.patient(former=(c.OTHER_PATIENT, c.OLD_NUMBER))
    c.allowed(c.facts(patient=merged, relationships=(c.relationship(patient=c.OLD_NUMBER),)))
    c.denied(c.facts(relationships=(c.relationship(patient=c.OLD_NUMBER),)), "P-01", Code.RELATIONSHIP_MISSING)
    unasked, told = c.claims("not-asked"), (c.recorded("no", patient=c.OLD_NUMBER),)
    c.denied(c.facts(patient=merged, claims=unasked, permissions=told), "P-03", Code.PERMISSION_REFUSED)
    c.denied(c.facts(claims=unasked, permissions=told), "P-02", Code.PERMISSION_MISSING)


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


def test_at_the_patients_own_practice_a_withdrawal_closes_nothing_and_a_no_does():
    """As docs/policy.md says: there no permission is needed, so there is no yes whose end would matter (P-36)."""
    claims = c.claims("not-asked")
    given = c.at_practice(claims=claims, permissions=(c.recorded("withdrawn", ago=HOUR),))
    c.allowed(given)
    c.allowed(replace(given, permissions=(c.recorded(ago=2 * HOUR), *given.permissions)))
    c.denied(replace(given, permissions=(c.recorded("no", ago=HOUR),)), "P-03", Code.PERMISSION_REFUSED)
    c.denied(
        replace(given, permissions=(c.recorded("no", ago=2 * HOUR), *given.permissions)),
        "P-03",
        Code.PERMISSION_REFUSED,
    )


def test_p03_a_withdrawal_ends_the_yes_before_it():
    given = c.facts(claims=c.claims("not-asked"), permissions=(c.recorded(), c.recorded("withdrawn", ago=HOUR / 2)))
    c.denied(given, "P-02", Code.PERMISSION_MISSING)


@pytest.mark.parametrize("claim", ["emergency", "best-interests"])
def test_p03_after_a_refusal_an_emergency_needs_a_changed_condition_with_a_note_of_its_own(claim):
    refused = c.facts(claims=c.claims(claim), permissions=(c.recorded("no", recorded_by=c.OTHER_USER),))
    c.denied(refused, "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    for note in (None, "", "short", c.NOTE, c.NOTE.upper() + " ", "word word word", "x" * 129, "1234567890 12"):
        broken = c.with_claims(refused, condition_changed=True, condition_changed_note=note)
        c.denied(broken, "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    c.denied(c.with_claims(refused, condition_changed_note=c.CHANGE), "P-03", Code.EMERGENCY_AFTER_REFUSAL)
    opened = c.allowed(c.with_claims(refused, condition_changed=True, condition_changed_note=c.CHANGE))
    assert opened.alert.marks == ("after-refusal",)


@pytest.mark.parametrize("note", [None, "help", "1234567890 12"])
@pytest.mark.parametrize("changed", [{}, {"condition_changed": True}])
def test_p06_a_note_without_substance_is_named_in_the_time_after_a_refusal_too(note, changed):
    claims = c.claims("emergency", note=note, **changed)
    c.denied(c.facts(claims=claims, permissions=(c.recorded("no"),)), "P-06", Code.EMERGENCY_NOTE)


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
    "1234567890 12",
    "999 111 2026-11-28",
    "unconscious 1234567890",
    "word 12 word 34",
    "a b c d e f g h i j",
    "ab cd" + "\u200b" * 10,
    "ab cd" + "\x07" * 10 + ".",
]
GOOD_NOTES = [
    "no answer.",
    "we " + "x" * 125,
    "Rm 4 call 999",
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
