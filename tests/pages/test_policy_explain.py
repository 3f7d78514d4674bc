"""POST /policy/explain: the trace of a decision in the sandbox, and nowhere else; `registry check` knows the policy's settings."""

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.domain.decision import Facts
from gateway.pages.policy import LARGEST
from gateway.policy import decide
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
        (b'{"now": 1, "now": 2}', JSON, (400, "message-value")),
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


@pytest.mark.parametrize("inner", [False, True])
async def test_a_member_given_twice_is_refused_whichever_value_would_count(
    sandbox: RunningSandbox, inner: bool
) -> None:
    """A reader that takes the last would explain another decision than one that takes the first."""
    text = json.dumps(facts_to_json(c.facts()))
    twice = (
        text.replace('"claims": {', '"claims": {"permission": "no", ', 1) if inner else '{"trained": false, ' + text[1:]
    )
    assert '"permission": "yes"' in text
    assert '"trained": true' in text
    status, document, code = await asked(sandbox, twice.encode())
    assert (status, code, document["fault"]) == (400, "message-value", "a member of an object is given twice")
    told = CliRunner().invoke(main, ["policy", "explain", "-"], input=twice)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == "-: a member of an object is given twice\n"
    assert (await asked(sandbox, text.encode()))[0] == 200


def changed(facts: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The same with one value another."""
    copy: dict[str, Any] = json.loads(json.dumps(facts))
    *outer, last = path.split(".")
    inner = copy
    for name in outer:
        inner = inner[name]
    inner[last] = value
    return copy


IMPOSSIBLE = [
    ("now", "9999-12-31T23:59:59+00:00"),
    ("now", "0001-01-01T00:00:00+14:00"),
    ("proof.authenticated", "0001-01-01T00:00:00+00:00"),
    ("override_count_24h", -1),
    ("override_count_24h", 10**30),
    ("privacy_officers_trained", -1),
    ("organisation.permission.days", -7),
    ("system.rate_per_second", float("nan")),
    ("system.rate_per_second", float("-inf")),
]


@pytest.mark.parametrize(("path", "value"), IMPOSSIBLE)
async def test_facts_that_cannot_be_are_refused_at_the_page_and_the_command(
    sandbox: RunningSandbox, path: str, value: object
) -> None:
    body = json.dumps(changed(facts_to_json(c.facts()), path, value))
    status, document, code = await asked(sandbox, body.encode())
    assert (status, code) == (400, "message-value")
    assert document["fault"].startswith(f"facts.{path}: ")
    told = CliRunner().invoke(main, ["policy", "explain", "-"], input=body)
    assert (told.exit_code, told.stdout) == (2, "")
    assert document["fault"] in told.stderr


@pytest.mark.parametrize(
    ("facts", "status", "first"),
    [
        (c.facts(), 0, "allow"),
        (c.facts(patient=None, consent=None), 0, "needs patient"),
        (c.facts(claims=c.claims("no")), 3, "deny"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_commands_exit_status_tells_a_deny(facts: Facts, status: int, first: str, form: tuple[str, ...]) -> None:
    given = json.dumps(facts_to_json(facts))
    told = CliRunner().invoke(main, ["policy", "explain", "-", *form], input=given)
    assert told.exit_code == status, told.output
    if form:
        assert json.loads(told.stdout)["decision"]["verdict"] == decide(facts, c.SETTINGS).verdict.value
    else:
        assert told.stdout.startswith(decide(facts, c.SETTINGS).verdict.value)
    assert decide(facts, c.SETTINGS).verdict.value.replace("-", " ").startswith(first.split(maxsplit=1)[0])


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '{"now": "yesterday"}'])
def test_the_command_refuses_what_is_not_facts(text: str) -> None:
    told = CliRunner().invoke(main, ["policy", "explain", "-"], input=text)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("-: ")


def test_registry_check_prints_lines_that_people_can_read(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    for text, counts, status in (
        ("", "1 fault, 0 warnings", 1),
        (cast.registry_toml().replace('state = "suspended"', 'state = "asleep"'), "", 1),
    ):
        file.write_text(text, encoding="utf-8")
        told = CliRunner().invoke(main, ["registry", "check", str(file)])
        *lines, last = told.output.splitlines()
        assert told.exit_code == status
        assert last == counts or " fault" in last
        assert lines
        assert all(line.startswith(f"{file}: ") and "Fault(" not in line for line in lines)


def test_registry_check_warns_of_a_setting_the_policy_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(cast.registry_toml(), encoding="utf-8")
    told = CliRunner().invoke(main, ["registry", "check", str(file)])
    assert told.exit_code == 0, told.output
    unknown = [line for line in told.output.splitlines() if "P-58" in line]
    assert len(unknown) == 1, told.output
    assert "veterinary" in unknown[0]


def test_registry_check_judges_dates_by_the_present_day(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    text = cast.registry_toml()
    later = re.sub(r'interest = "?[0-9-]+"?', "interest = 2999-01-01", text, count=1)
    assert later != text
    file.write_text(later, encoding="utf-8")
    told = CliRunner().invoke(main, ["registry", "check", str(file)])
    assert told.exit_code == 0, told.output
    assert [
        line for line in told.output.splitlines() if "Not live yet: this step counts from 2999-01-01 on (P-76)" in line
    ]
