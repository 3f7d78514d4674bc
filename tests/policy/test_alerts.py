"""Which alert a view raises: the whole matrix of permission, relationship and setting, and its marks."""

from itertools import product

import pytest

from gateway.domain.access import Operation
from gateway.domain.codes import Code
from gateway.domain.decision import ILLEGAL_ALERTS
from gateway.domain.permission import LegalBasis, RelationshipKind
from gateway.domain.spine import Confidentiality
from tests.policy import cases as c

CLAIMED = RelationshipKind.SELF_CLAIMED
# claim, legal basis, pair with a relationship on record, pair without
MATRIX = [
    ("yes", None, None, ("1", "6")),
    ("proxy", None, None, ("1", "6")),
    ("emergency", None, ("2", "5"), ("1", "4")),
    ("best-interests", None, ("2", "5"), ("1", "4")),
    ("legal", LegalBasis.PUBLIC_INTEREST, ("2", "1"), ("1", "1")),
    ("legal", LegalBasis.STATUTE, ("2", "2"), ("1", "2")),
    ("legal", LegalBasis.COURT_ORDER, ("2", "3"), ("1", "3")),
]


def view(claim, basis, standing, setting="scheduled_care", **changes):
    wanted = c.claims(claim, legal_basis=basis, relationship=None if standing else CLAIMED)
    return c.at_setting(setting, claims=wanted, relationships=(c.relationship(),) if standing else (), **changes)


def pair(decision):
    return (decision.alert.type.value, decision.alert.reason.value) if decision.alert else None


@pytest.mark.parametrize(("claim", "basis", "with_record", "without"), MATRIX)
def test_the_pair_follows_permission_and_relationship(claim, basis, with_record, without):
    assert pair(c.allowed(view(claim, basis, True))) == with_record
    assert pair(c.allowed(view(claim, basis, False))) == without


@pytest.mark.parametrize(("claim", "basis", "with_record", "without"), MATRIX)
def test_p79_in_community_pharmacy_every_view_alerts_and_an_overrides_own_pair_wins(claim, basis, with_record, without):
    assert pair(c.allowed(view(claim, basis, True, "community_pharmacy"))) == (with_record or ("1", "6"))
    assert pair(c.allowed(view(claim, basis, False, "community_pharmacy"))) == without


@pytest.mark.parametrize("claim", ["emergency", "best-interests", "legal"])
def test_an_override_without_any_relationship_is_also_a_claim(claim):
    given = c.facts(claims=c.claims(claim), relationships=())
    assert c.allowed(given).self_claim is True
    assert c.allowed(given).alert.type.value == "1"


def test_no_pair_is_ever_one_the_national_service_refuses():
    for (claim, basis, _, _), standing, setting in product(MATRIX, (True, False), c.SETTINGS.approved):
        assert pair(c.allowed(view(claim, basis, standing, setting))) not in ILLEGAL_ALERTS
        sensitive = c.patient(confidentiality=Confidentiality.SENSITIVE)
        assert pair(c.asked(view(claim, basis, standing, setting, patient=sensitive))) not in ILLEGAL_ALERTS


@pytest.mark.parametrize(("before", "marked"), [(0, False), (4, False), (5, True), (50, True)])
def test_more_overrides_than_the_limit_in_a_day_mark_the_alert(before, marked):
    given = c.facts(claims=c.claims("emergency"), override_count_24h=before)
    assert c.allowed(given).alert.marks == (("threshold",) if marked else ())
    self_claimed = c.facts(claims=c.claims(relationship=CLAIMED), relationships=(), override_count_24h=before)
    assert c.allowed(self_claimed).alert.marks == ()


@pytest.mark.parametrize("before", [0, 5, 50])
def test_a_page_loaded_again_is_told_as_that_and_never_marked_as_one_view_too_many(before):
    given = c.facts(claims=c.claims("emergency"), override_count_24h=before, reloaded=True)
    assert c.allowed(given).alert.marks == ("reloaded",)
    lately = c.claims("emergency", condition_changed=True, condition_changed_note=c.CHANGE)
    refused = c.facts(claims=lately, permissions=(c.recorded("no"),), override_count_24h=before, reloaded=True)
    assert c.allowed(refused).alert.marks == ("after-refusal", "reloaded")
    with_permission = c.facts(claims=c.claims(relationship=CLAIMED), relationships=(), reloaded=True)
    assert c.allowed(with_permission).alert.marks == ()


def test_both_marks_stand_together():
    wanted = c.claims("emergency", condition_changed=True, condition_changed_note=c.CHANGE)
    given = c.facts(claims=wanted, permissions=(c.recorded("no"),), override_count_24h=5)
    assert c.allowed(given).alert.marks == ("after-refusal", "threshold")


@pytest.mark.parametrize(
    ("claim", "standing", "expected"),
    [
        ("yes", True, ("2", "5")),
        ("yes", False, ("1", "6")),
        ("emergency", True, ("2", "5")),
        ("emergency", False, ("1", "4")),
    ],
)
def test_an_attempt_on_an_s_flagged_patient_is_refused_and_alerts(claim, standing, expected):
    given = view(claim, None, standing, patient=c.patient(confidentiality=Confidentiality.SENSITIVE))
    decision = c.denied(given, "SCR-AVAILABLE", Code.SCR_NOT_AVAILABLE)
    assert pair(decision) == expected
    assert decision.alert.marks[-1] == "s-flag-attempt"


@pytest.mark.parametrize("level", [level for level in Confidentiality if level is not Confidentiality.SENSITIVE])
def test_no_other_refusal_alerts(level):
    given = c.facts(patient=c.patient(confidentiality=level), claims=c.claims("no"))
    assert c.asked(given).alert is None


def test_only_views_alert():
    sensitive = c.patient(confidentiality=Confidentiality.SENSITIVE)
    given = c.facts(operation=Operation.RECORD_PERMISSION, patient=sensitive, network_allowed=False)
    assert c.asked(given).alert is None
    allowed = c.at_setting("community_pharmacy", operation=Operation.QUERY_PERMISSION)
    assert c.allowed(allowed).alert is None


def test_an_attempt_by_a_legal_override_without_a_basis_still_alerts():
    sensitive = c.patient(confidentiality=Confidentiality.SENSITIVE)
    decision = c.denied(
        c.facts(claims=c.claims("legal", legal_basis=None), patient=sensitive), "P-02", Code.LEGAL_BASIS
    )
    assert pair(decision) == ("2", "5")
    assert Code.INTERNAL not in [reason.code for reason in decision.reasons]
