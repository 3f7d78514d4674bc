"""docs/feeds.md: the members it lists are the doors' own, and its examples do what it says they do."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.adapters.records import PermissionsDoor, RelationshipsDoor
from gateway.domain.permission import HowAsked, RelationshipKind
from tests.running import RunningSandbox

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"curl -s -X POST http://127\.0\.0\.1:8080(\S+) -H 'X-SCR-System: (\S+)'.*? --data '\n(.*?)'\n", re.DOTALL
)


def members(section: str) -> dict[str, str]:
    """Name -> what is said of it, of one section's table."""
    text = PAGE.partition(f"## {section}")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", text, re.MULTILINE))


def test_the_members_are_the_doors_own() -> None:
    assert set(members("Relationships")) == RelationshipsDoor.members
    assert set(members("Permissions")) == PermissionsDoor.members
    kinds = set(re.findall(r"`([a-z-]+)`", members("Relationships")["kind"]))
    assert kinds == {kind.value for kind in RelationshipKind}
    ways = set(re.findall(r"`([a-z-]+)`", members("Permissions")["how_asked"]))
    assert ways == {way.value for way in HowAsked}


async def sent(sandbox: RunningSandbox, path: str, system: str, body: dict[str, Any]) -> tuple[int, Any, Any]:
    """(status, document, headers) of a POST."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(sandbox.gateway + path, json=body, headers={"X-SCR-System": system}) as answer,
    ):
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_the_examples_do_what_the_page_says(sandbox: RunningSandbox) -> None:
    (feed, system, body), (end, ender, ending) = EXAMPLE.findall(PAGE)
    given = json.loads(body)
    status, document, headers = await sent(sandbox, feed, system, given)
    assert (status, headers["X-SCR-Code"], headers["X-SCR-Rules"]) == (400, "message-value", "P-01")
    told = re.findall(r"```json\n(.*?)\n```", PAGE)[0]
    assert document["findings"] == json.loads(told)["findings"]
    near = given | {"end": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"}
    status, document, _ = await sent(sandbox, feed, system, near)
    assert status == 201
    told = re.findall(r"```json\n(.*?)\n```", PAGE)[1]
    assert set(document) == set(json.loads(told))
    status, document, _ = await sent(sandbox, end, ender, json.loads(ending))
    assert (status, document["ended"] >= 1) == (200, True)


def later(days: int) -> str:
    """A day so many days from now."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


SOUND = {"nhs_number": "9992000481", "kind": "referral", "user": "910000000018", "end": later(30)}
SECRET = "739182645509"
"""A user id of nobody."""


@pytest.mark.parametrize(
    ("changes", "member", "expected", "rule"),
    [
        ({"end": later(500)}, "end", "at most 12 months", "P-01"),
        ({"end": "2020-02-03"}, "end", "after the start", "P-01"),
        ({"start": later(20), "end": later(10)}, "end", "after the start", "P-01"),
        ({"kind": "self-claimed"}, "kind", "one of registration, ", "P-01"),
        ({"start": "1899-01-01", "end": "1899-12-31"}, "end", "today or a later day", "P-01"),
        ({"scope": "organisation"}, "scope", "individual or team", "P-01"),
        ({"scope": "organisation", "kind": "registration"}, "user", "scope is organisation", "P-01"),
        ({"scope": "team", "team": "TEAM1"}, "user", "scope is team", "P-01"),
        ({"team": "TEAM1"}, "team", "scope is individual", "P-01"),
        ({"user": SECRET}, "user", "holds a role at the feed's own organisation", "P-14"),
        ({"user": "nobody-here"}, "user", "user id", ""),
        ({"end": "soon"}, "end", "YYYY-MM-DD", ""),
    ],
)
async def test_a_refusal_names_the_member_and_what_is_expected_never_the_value(
    sandbox: RunningSandbox, changes: dict[str, str], member: str, expected: str, rule: str
) -> None:
    status, document, headers = await sent(sandbox, "/relationships", "pas-rzz01", SOUND | changes)
    assert (status, headers["X-SCR-Code"], headers.get("X-SCR-Rules", "")) == (400, "message-value", rule)
    [finding] = document["findings"]
    assert (finding["path"], finding["code"]) == (f"/{member}", "member")
    assert expected in finding["expected"]
    assert finding["sentence"] == f"/{member} is not {finding['expected']}."
    if member not in {"kind", "scope"}:  # those are words of closed lists
        assert (SOUND | changes)[member] not in json.dumps(document)


@pytest.mark.parametrize(("path", "extra"), [("/relationships", SOUND), ("/relationships/end", {})])
async def test_what_ends_or_records_names_unknown_and_repeated_members(
    sandbox: RunningSandbox, path: str, extra: dict[str, str]
) -> None:
    whole = extra | {"nhs_number": "9992000481"}
    for body, where in (
        (json.dumps(whole | {"usr": "1"}), "/usr"),
        ('{"nhs_number": "9992000473", ' + json.dumps(whole)[1:], "/nhs_number"),
        (json.dumps(whole | {"nhs_number": "9992000482"}), "/nhs_number"),
        (json.dumps(whole | {"user": SECRET[:5]}), "/user"),
    ):
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                sandbox.gateway + path,
                data=body,
                headers={"X-SCR-System": "pas-rzz01", "Content-Type": "application/json"},
            ) as answer,
        ):
            document = await answer.json(content_type=None)
            assert (answer.status, [one["path"] for one in document["findings"]]) == (400, [where])


async def test_an_end_is_for_a_user_or_a_team_and_only_for_what_was_fed_for_it(sandbox: RunningSandbox) -> None:
    person = {"nhs_number": SOUND["nhs_number"], "user": SOUND["user"]}
    status, document, _ = await sent(sandbox, "/relationships/end", "pas-rzz01", person | {"team": "TEAM1"})
    assert (status, [one["path"] for one in document["findings"]]) == (400, ["/team"])
    whole = {"nhs_number": SOUND["nhs_number"], "kind": "registration", "scope": "organisation", "end": later(30)}
    status, _, _ = await sent(sandbox, "/relationships", "pas-rzz01", whole)
    assert status == 201
    await sent(sandbox, "/relationships/end", "pas-rzz01", person)
    ended = []
    for body in (person, {"nhs_number": SOUND["nhs_number"]}):
        status, document, _ = await sent(sandbox, "/relationships/end", "pas-rzz01", body)
        ended.append((status, document["ended"] >= 1))
    assert ended == [(200, False), (200, True)]
