"""What a feed puts on record (P-01, P-14): a refusal names the member and leaves nothing behind."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.access import Scope, SystemKind
from gateway.domain.errors import MessageInvalid
from gateway.domain.identifiers import TeamId
from gateway.domain.permission import RelationshipKind
from gateway.service.calls import FeedRelationshipCall
from gateway.service.service import Service
from tests.policy import cases
from tests.service.world import World, context


class Listing(World):
    """A world whose organisation lists teams."""

    teams: frozenset[TeamId] = frozenset({cases.TEAM})

    def organisation(self, ods: Any) -> Any:
        """RegistryPort."""
        found = super().organisation(ods)
        return replace(found, teams=self.teams) if found else None


async def fed(world: World, **changes: Any) -> None:
    """Feeds a relationship of a team."""
    given: dict[str, Any] = {
        "action": "recordRelationship",
        "patient": cases.PATIENT,
        "kind": RelationshipKind.REFERRAL,
        "scope": Scope.TEAM,
        "user": None,
        "team": cases.TEAM,
        "start": None,
        "end": cases.NOW + timedelta(days=30),
    }
    call = FeedRelationshipCall(**(given | changes))
    feed = cases.system(None, kind=SystemKind.FEED, feeds=frozenset({"relationships"}))
    where = context(system=feed)
    service = Service(world.parts())
    await service.outcome(call, where, await service.caller(call, where))


async def test_a_team_of_the_organisation_is_recorded_listed_or_with_none_listed() -> None:
    for world in (Listing(), World()):
        await fed(world)
        [relationship] = [one for write in world.writes for one in write.relationships]
        assert (relationship.team, relationship.scope) == (cases.TEAM, Scope.TEAM)


@pytest.mark.parametrize(
    ("changes", "member", "rule"),
    [
        ({"team": cases.OTHER_TEAM}, "team", "P-14"),
        ({"team": None}, "team", "P-14"),
        ({"kind": RelationshipKind.SELF_CLAIMED}, "kind", "P-01"),
        ({"end": cases.NOW}, "end", "P-01"),
        ({"end": cases.NOW + timedelta(days=367)}, "end", "P-01"),
        ({"start": cases.NOW - timedelta(days=90), "end": cases.NOW - timedelta(days=30)}, "end", "P-01"),
        ({"scope": Scope.ORGANISATION}, "scope", "P-01"),
        ({"user": cases.USER}, "user", "P-01"),
        ({"scope": Scope.INDIVIDUAL, "user": cases.USER}, "team", "P-01"),
        ({"scope": Scope.ORGANISATION, "kind": RelationshipKind.REGISTRATION}, "team", "P-01"),
        (
            {"scope": Scope.ORGANISATION, "kind": RelationshipKind.REGISTRATION, "team": None, "user": cases.USER},
            "user",
            "P-01",
        ),
    ],
)
async def test_what_cannot_be_is_refused_by_its_member_and_not_recorded(
    changes: dict[str, Any], member: str, rule: str
) -> None:
    world = Listing()
    with pytest.raises(MessageInvalid) as told:
        await fed(world, **changes)
    [finding] = told.value.findings
    assert (finding.path, told.value.rules) == (member, (rule,))
    assert cases.OTHER_TEAM.value not in f"{finding}"
    assert not any(write.relationships for write in world.writes)
