"""POST /policy/explain: the trace of a decision in the sandbox, and nowhere else; `registry check` knows the policy's settings."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.pages.policy import LARGEST
from gateway.policy.explain import explain, trace_to_json
from gateway.policy.facts_json import facts_to_json
from tests.policy import cases as c
from tests.running import RunningSandbox
from vendor_stubs import cast

JSON = "application/json"


async def asked(sandbox: RunningSandbox, body: bytes, media_type: str = JSON) -> tuple[int, dict[str, Any], str | None]:
    """(status, document, code) of a POST."""
    url = f"{sandbox.gateway}/policy/explain"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={"Content-Type": media_type}) as answer,
    ):
        return answer.status, await answer.json(), answer.headers.get("X-SCR-Code")


@pytest.mark.parametrize("claim", ["yes", "not-asked", "no"])
async def test_the_page_says_what_the_policy_says(sandbox: RunningSandbox, claim: str) -> None:
    facts = c.facts(claims=c.claims(claim))
    status, document, code = await asked(sandbox, json.dumps(facts_to_json(facts)).encode())
    assert (status, code) == (200, None)
    assert document == json.loads(json.dumps(trace_to_json(explain(facts, c.SETTINGS))))
    assert document["decision"]["verdict"] == ("allow" if claim == "yes" else "deny")
    assert len(document["steps"]) > 30
    assert document["turned_by"]


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (b"{", JSON, (400, "message-value")),
        (b"[" * 100_000, JSON, (400, "message-value")),
        (b'{"now": "yesterday"}', JSON, (400, "message-value")),
        (b"{}", "text/plain", (415, "message-media-type")),
        (b" " * (LARGEST + 1), JSON, (413, "message-too-large")),
    ],
)
async def test_what_is_not_the_facts_of_a_decision_is_refused(
    sandbox: RunningSandbox, body: bytes, media_type: str, expected: tuple[int, str]
) -> None:
    status, document, code = await asked(sandbox, body, media_type)
    assert (status, code) == expected
    assert document["code"] == code


async def test_a_time_before_the_first_edition_and_a_wrong_value_are_named_without_the_value(
    sandbox: RunningSandbox,
) -> None:
    given = facts_to_json(c.facts())
    assert isinstance(given["patient"], dict)
    early = given | {"now": "2001-01-01T00:00:00+00:00"}
    wrong = given | {"patient": given["patient"] | {"nhs_number": "9000000008"}}
    for facts, named in ((early, "edition"), (wrong, "facts.patient.nhs_number")):
        status, document, code = await asked(sandbox, json.dumps(facts).encode())
        assert (status, code) == (400, "message-value")
        assert named in document["fault"]
        assert "9000000008" not in json.dumps(document)


def test_registry_check_warns_of_a_setting_the_policy_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(cast.registry_toml(), encoding="utf-8")
    told = CliRunner().invoke(main, ["registry", "check", str(file)])
    assert told.exit_code == 0, told.output
    unknown = [line for line in told.output.splitlines() if "P-58" in line]
    assert len(unknown) == 1, told.output
    assert "veterinary" in unknown[0]
