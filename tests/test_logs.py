"""The log: what a line may hold, and that every answer's correlation id finds its line, whatever the id looks like."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from gateway import logs
from tests.pages.walking import walking
from tests.running import RunningSandbox
from vendor_stubs.pages import FORM

NUMBER = "9990400008"
TEN_DIGITS = "4F1C2A90-0B5D-4E6F-8A7B-C1234567890D"
"""A UUID with ten digits in a row, as one in thirty has."""


def line(**fields: object) -> dict[str, Any]:
    """What is written of these fields."""
    return dict(logs.allow_listed(None, "info", dict(fields)))


def test_a_correlation_id_is_kept_whole() -> None:
    assert line(correlation_id=TEN_DIGITS) == {"correlation_id": TEN_DIGITS}


@pytest.mark.parametrize("value", [NUMBER, "999 040 0008", f"{TEN_DIGITS} {NUMBER}", f"x-{NUMBER}", f"{TEN_DIGITS}\n"])
def test_what_is_no_uuid_is_no_correlation_id(value: str) -> None:
    kept = line(correlation_id=value)["correlation_id"]
    assert "[digits]" in kept
    assert NUMBER not in kept.replace(" ", "")


@pytest.mark.parametrize("key", ["reason", "state", "route"])
def test_ten_digits_and_tokens_are_struck_out_elsewhere(key: str) -> None:
    assert line(**{key: f"of {NUMBER}"}) == {key: "of [digits]"}
    assert line(**{key: f"of {TEN_DIGITS}"}) == {key: "of 4F1C2A90-0B5D-4E6F-8A7B-C[digits]D"}
    assert line(**{key: "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI5OTkwNDAwMDA4In0"}) == {key: "Bearer [token].[token]"}


def test_keys_that_are_not_on_the_list_are_named_and_dropped() -> None:
    assert line(event="x", name="Ann Murchú", count=3) == {"event": "x", "count": 3, "missing": ["name"]}


@pytest.mark.parametrize(
    ("method", "path", "status", "door"),
    [
        ("GET", "/nowhere/9990400008", 404, "none"),
        ("DELETE", "/viewer/find", 405, "none"),
        ("POST", "/viewer/find", 401, "viewer"),
        ("POST", "/privacy/sign-out", 401, "privacy"),
        ("POST", "/launch/sonar", 403, "launch"),
        ("POST", "/launch/rio", 401, "rio"),
    ],
)
async def test_every_answer_has_its_line(
    sandbox: RunningSandbox, method: str, path: str, status: int, door: str
) -> None:
    """It is written before the answer leaves, so nothing need be waited for."""
    given = f"{uuid.uuid4()}"[:-12].upper() + "123456789012"
    async with walking(sandbox) as (_, calls):
        headers = {"X-Correlation-ID": given, "Content-Type": FORM}
        answer = await calls.wire.send(method, calls.gateway + path, headers=headers, body=b"")
    assert answer.correlation_id == given
    lines = [json.loads(one) for one in sandbox.log.read_text(encoding="utf-8").splitlines() if given in one]
    assert [(one["door"], one["status"], one["method"]) for one in lines] == [(door, answer.status, method)]
    assert answer.status == status
    assert NUMBER not in lines[0]["route"]


@pytest.mark.parametrize(
    ("path", "media_type", "door"),
    [
        ("/fhir/R4/AuditEvent", "application/fhir+json", "symphony"),
        ("/fhir/R4/Bundle/_search", FORM, "symphony"),
        ("/permissions", "application/json", "permissions"),
        ("/viewers/systmone", "application/xml", "systmone"),
        ("/itk", "text/xml", "mini-service"),
        ("/interest", FORM, "viewer"),
        ("/launch/sonar", FORM, "launch"),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_caller_that_goes_away_in_the_middle_of_a_body_is_no_alarm(
    sandbox: RunningSandbox, path: str, media_type: str, door: str, reset: bool
) -> None:
    given = f"{uuid.uuid4()}".upper()
    system = {"symphony": "symphony-rzz01", "permissions": "symphony-rzz01", "systmone": "systmone-azz06"}
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.base}\r\nContent-Type: {media_type}\r\n"
    head += f"Content-Length: 200\r\nX-Correlation-ID: {given}\r\nX-SCR-System: {system.get(door, 'portal-rzz09')}\r\n\r\n{{"
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox.base)
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort() if reset else writer.close()
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not lines:
            await asyncio.sleep(0.05)
            lines = [json.loads(one) for one in sandbox.log.read_text(encoding="utf-8").splitlines() if given in one]
    assert [(one["event"], one["level"], one["door"], one["code"], one.get("state")) for one in lines] == [
        ("request", "info", door, "message-headers", "caller gone")
    ]
