"""docs/feeds.md: the members it lists are the doors' own, and its examples do what it says they do."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

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
    status, _, headers = await sent(sandbox, feed, system, given)
    assert (status, headers["X-SCR-Code"], headers["X-SCR-Rules"]) == (400, "message-value", "P-01")
    near = given | {"end": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"}
    status, document, _ = await sent(sandbox, feed, system, near)
    assert status == 201
    told = json.loads(re.findall(r"```json\n(.*?)\n```", PAGE)[0])
    assert set(document) == set(told)
    status, document, _ = await sent(sandbox, end, ender, json.loads(ending))
    assert (status, document["ended"] >= 1) == (200, True)
