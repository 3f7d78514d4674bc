"""Which alerts a role may read: self-claims by B0016, accesses by B0015, and neither by any other activity."""

from dataclasses import replace

import pytest

from gateway.domain.access import Operation
from gateway.domain.decision import AlertType, Verdict
from gateway.policy import decide
from gateway.policy.answer import seen
from tests.policy import cases

BOTH = frozenset(AlertType)


@pytest.mark.parametrize(
    ("activities", "types"),
    [
        (("B0015", "B0016"), BOTH),
        (("B0016",), {AlertType.SELF_CLAIM}),
        (("B0015", "B0370", "B0264"), {AlertType.ACCESS}),
        (("B0011",), frozenset()),
        (("B0264", "B0370", "B0257", "B0168", "B0082"), frozenset()),
        (("B1300",), frozenset()),
    ],
)
def test_types_follow_activities_and_the_workbench_opens_only_with_one(
    activities: tuple[str, ...], types: frozenset[AlertType]
) -> None:
    role = cases.role(*activities)
    facts = cases.standalone(operation=Operation.PRIVACY, role=role, user=cases.facts(role=role).user)
    assert seen(facts, cases.SETTINGS) == types
    user = facts.user
    assert user is not None
    facts = replace(facts, user=replace(user, roles=(role,)))
    assert (decide(facts, cases.SETTINGS).verdict is Verdict.ALLOW) is bool(types)


def test_a_role_of_the_same_person_counts_for_nothing() -> None:
    facts = cases.standalone(operation=Operation.PRIVACY, role=None)
    assert seen(facts, cases.SETTINGS) == frozenset()
