"""Permission, directory, alerts and the control interface of the Spine stub."""

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.stubs import spine_requests as ask
from tests.stubs.spine_answers import (
    BY_CASE,
    CORE,
    PAYLOAD,
    Client,
    acknowledged,
    drop,
    fetched,
    issues,
    listed,
    one,
    send,
    set_text,
)
from tests.stubs.spine_requests import NS, Request
from vendor_stubs.spine.app import build_app
from vendor_stubs.spine.settings import SpineSettings

# ---- permission, directory, alerts ----


async def test_permission_is_kept(spine: Client) -> None:
    view = "//h:accessControlAssertion[h:function/h:code='View']/h:permission/text()"
    for permission, told in (("Yes", "Yes"), ("Clear", "Ask")):
        status, root = await send(spine, ask.set_permission(CORE, permission))
        assert (status, acknowledged(root)) == (200, "AA")
        assert root.xpath("//h:setResourcePermissionsResponse/h:MCCI_IN010000UK13", namespaces=NS)
        assert one((await send(spine, ask.event_list(CORE)))[1], view) == told
    await send(spine, ask.set_permission(CORE, "No"))
    assert issues((await send(spine, ask.event_list(CORE)))[1]) == ["420", "30418"]


@pytest.mark.parametrize(
    "change",
    [
        set_text("//*[local-name()='permission']", "Maybe"),
        set_text("//*[local-name()='accessControlAssertion']//*[local-name()='code']", "Store"),
        set_text("//*[local-name()='resource']/*[local-name()='Id']", "9992000481"),
        drop(f"{PAYLOAD}/h:ControlActEvent/h:author"),
        drop("//h:partSDSRole/h:id"),
    ],
)
async def test_permission_that_is_refused(spine: Client, change: Callable[[Request], None]) -> None:
    _, root = await send(spine, ask.set_permission(CORE, "No").spoil(change))
    assert (acknowledged(root), issues(root)[0]) == ("AE", "400")
    assert root.xpath("//h:setResourcePermissionsResponse/h:MCCI_IN010000UK13", namespaces=NS)
    assert await listed(spine, CORE)


async def test_directory(spine: Client) -> None:
    async with spine.get("/directory/users/910000000018", headers={"nhsd-asid": ask.OWN_ASID}) as response:
        assert response.status == 200
        assert (await response.json())["nhsid_nrbac_roles"][0]["person_roleid"] == "555000000101"
    async with spine.get("/directory/users/910000009999") as response:
        assert response.status == 404
    system = "https://fhir.nhs.uk/Id/nhsJobRoleCode"
    for asked, total in ((f"{system}|555000000101", 1), (f"{system}|555000009999", 0)):
        async with spine.get("/directory/PractitionerRole", params={"user-role-id": asked}) as response:
            bundle = await response.json()
            assert (response.status, bundle["total"]) == (200, total)
            if total:
                assert bundle["entry"][0]["resource"]["code"][0]["coding"][0]["code"] == "S8000:G8000:R8000"
    async with spine.get("/directory/PractitionerRole", params={"user-role-id": "555000000101"}) as response:
        assert response.status == 400


ALERT_HEADERS = {"Content-Type": "application/fhir+json", "nhsd-asid": ask.OWN_ASID}


async def raise_alert(spine: Client, alert: Any, headers: dict[str, str] | None = None) -> tuple[int, str]:
    async with spine.post("/clinical/alert", data=json.dumps(alert), headers=headers or ALERT_HEADERS) as response:
        return response.status, await response.text()


async def test_alerts_are_kept_once(spine: Client) -> None:
    for _ in range(2):
        assert (await raise_alert(spine, ask.alert("twice")))[0] == 201
    async with spine.get("/control/alerts") as response:
        [kept] = await response.json()
    assert kept["id"] == "twice"
    assert kept["source"]["observer"]["identifier"]["value"] == ask.OWN_ASID


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [(k, r, 201 if r in allowed else 400) for k, allowed in (("1", "12346"), ("2", "1235")) for r in "1234567"]
    + [("3", "1", 400)],
)
async def test_alert_types(spine: Client, kind: str, reason: str, status: int) -> None:
    assert (await raise_alert(spine, ask.alert(kind=kind, reason=reason)))[0] == status


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ask.alert().items() if key != name}


def with_agents(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    alert = ask.alert()
    change(alert["agent"])
    return alert


@pytest.mark.parametrize(
    "alert",
    [
        *(
            without(name)
            for name in ("resourceType", "id", "extension", "type", "subtype", "recorded", "agent", "entity")
        ),
        ask.alert() | {"outcomeDesc": ""},
        with_agents(lambda agents: agents.append(agents[0])),
        with_agents(lambda agents: agents[0]["who"]["identifier"].pop("value")),
        with_agents(lambda agents: agents[1].update(requestor=True)),
        with_agents(lambda agents: agents[2].pop("role")),
        with_agents(lambda agents: agents[2].pop("requestor")),
        ["not an object"],
    ],
)
async def test_alerts_that_break_a_rule(spine: Client, alert: Any) -> None:
    status, body = await raise_alert(spine, alert)
    assert status == 400
    assert json.loads(body)["issue"][0]["details"]["coding"][0]["code"] == "INVALID_VALUE"
    assert "9992000112" not in body
    async with spine.get("/control/alerts") as response:
        assert await response.json() == []


async def test_alert_headers(spine: Client) -> None:
    assert (await raise_alert(spine, ask.alert(), ALERT_HEADERS | {"Content-Type": "application/json"}))[0] == 400
    assert (await raise_alert(spine, ask.alert(), ALERT_HEADERS | {"nhsd-asid": ""}))[0] == 400


# ---- control ----


async def control(spine: Client, **settings: Any) -> tuple[int, Any]:
    async with spine.post("/control", json=settings) as response:
        return response.status, await response.json()


async def test_received_tells_what_came(spine: Client) -> None:
    request = ask.event_list(CORE)
    request.headers["Correlation-Id"] = "11111111-2222-4333-8444-555555555555"
    await send(spine, request)
    await send(spine, ask.event_list("123"))
    async with spine.get("/control/received") as response:
        first, second = await response.json()
    assert first["n"] == 1
    assert first["interaction"] == "QUPC_IN180000SM04"
    assert first["message_id"] == request.message_id
    assert (first["path"], first["status"], first["from_asid"]) == ("/sync-service", 200, ask.OWN_ASID)
    assert first["correlation_id"] == "11111111-2222-4333-8444-555555555555"
    assert first["nhs_number"] == CORE
    assert second["outcome"] == "AE 400/35160"
    async with spine.get("/control/received", params={"since": "1"}) as response:
        assert [row["n"] for row in await response.json()] == [2]


async def test_failing_to_order(spine: Client) -> None:
    assert (await control(spine, error_rate=0.5, fault_code=206, latency_ms=10))[0] == 200
    statuses = [(await send(spine, ask.event_list(CORE)))[0] for _ in range(10)]
    assert statuses.count(500) == 5
    _, told = await control(spine, reset=True)
    assert (told["error_rate"], told["latency_ms"], told["fault_code"]) == (0.0, 0, 200)
    assert [(await send(spine, ask.event_list(CORE)))[0] for _ in range(4)] == [200] * 4


async def test_reset_forgets(spine: Client) -> None:
    await send(spine, ask.set_permission(CORE, "No"))
    await fetched(spine, BY_CASE["stale_document"])
    before = await listed(spine, BY_CASE["stale_document"])
    await raise_alert(spine, ask.alert())
    await control(spine, reset=True)
    assert await listed(spine, CORE)
    assert await listed(spine, BY_CASE["stale_document"]) != before
    async with spine.get("/control/alerts") as response:
        assert await response.json() == []


@pytest.mark.parametrize("settings", [{"error_rate": 2}, {"latency_ms": -1}, {"unknown": 1}, {"latency_ms": "much"}])
async def test_control_refuses_nonsense(spine: Client, settings: dict[str, Any]) -> None:
    assert (await control(spine, **settings))[0] == 400


async def test_webhooks_are_caught(spine: Client) -> None:
    async with spine.post("/webhook", json={"alert": 1}, headers={"X-Signature": "s"}) as response:
        assert response.status == 204
    async with spine.get("/control/webhooks") as response:
        [caught] = await response.json()
    assert caught["body"] == {"alert": 1}
    assert caught["headers"] == {"X-Signature": "s"}
    async with TestClient(TestServer(build_app(SpineSettings(webhook=False)))) as client:
        assert (await client.post("/webhook", json={})).status == 404


async def test_says_what_it_is(spine: Client) -> None:
    for path in ("/", "/control", "/health/live"):
        async with spine.get(path) as response:
            assert "STUB SPINE" in await response.text()


def test_command_line_serves() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from vendor_stubs.cli import main; main()",
        "serve",
        "spine",
        "--port",
        str(port),
        "--webhook",
        "none",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("STUB SPINE")
            assert line.endswith(f"listening on http://127.0.0.1:{port}\n")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            process.wait(10)
