"""Three gateways over one PostgreSQL, as on three hosts: what one recorded holds at once on all; one killed loses nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.doors.launch.hosts import asks, host, send, token
from tests.house import NUMBER, SYSTEM, UID, House, alerts_of, fill, house, requests_of
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.running import ROOT
from vendor_stubs import rio
from vendor_stubs.calling.http import open_wire
from vendor_stubs.launched import arrive
from vendor_stubs.pages import Browser

OFFSETS = (0, 8, 11)
"""Ports of the three, counted from the base; with mutual TLS one above, metrics two above (the first: as the sandbox's)."""


@dataclass
class Hosts:
    """The three and what they share."""

    house: House
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def url(self, number: int) -> str:
        """One of them."""
        return f"http://127.0.0.1:{self.house.base + OFFSETS[number]}"

    def start(self, number: int) -> None:
        """One more gateway on the same database, keys and registry."""
        port = self.house.base + OFFSETS[number]
        own = {
            "SCR_GATEWAY_LISTEN__PLAIN__PORT": str(port),
            "SCR_GATEWAY_LISTEN__MUTUAL_TLS__PORT": str(port + (1 if number else 4)),
            "SCR_GATEWAY_LISTEN__INTERNAL__PORT": str(port + (2 if number else 6)),
        }
        command = [sys.executable, "-m", "gateway", "worker", "--mode", "sandbox", "--config"]
        with (self.house.data / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [*command, str(self.house.data / "gateway.toml")],
                    cwd=ROOT,
                    env=self.house.environment | own,
                    stdout=log,
                    stderr=log,
                )
            )

    def stub(self, number: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`vendor-stub ARGUMENTS` against one of them."""
        at = ("--gateway", self.url(number), "--identity", f"http://127.0.0.1:{self.house.base + 2}")
        command = [sys.executable, "-m", "vendor_stubs", *arguments, *at]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
async def hosts(tmp_path: Path, postgres_cluster: Cluster) -> AsyncIterator[Hosts]:  # noqa: F811
    """Three gateways that answer."""
    name = f"hosts_{uuid.uuid4().hex[:8]}"
    postgres_cluster.sql(f"CREATE DATABASE {name}")
    async with house(tmp_path, postgres_cluster.url(name)) as place:
        found = Hosts(place)
        try:
            for number in range(len(OFFSETS)):
                found.start(number)
            await place.ready(found.processes)
            async with aiohttp.ClientSession() as client:
                for number in range(len(OFFSETS)):
                    await _answers(client, found.url(number))
            yield found
        finally:
            for process in found.processes:
                process.terminate()
            for process in found.processes:
                await asyncio.to_thread(process.wait, 30)


async def _answers(client: aiohttp.ClientSession, url: str) -> None:
    for _ in range(600):
        try:
            async with client.get(f"{url}/health/ready") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise AssertionError(f"{url} does not come up")


async def _post(client: aiohttp.ClientSession, url: str, body: bytes) -> tuple[str, str]:
    """(code or "", correlation id) of one view by the mini service."""
    headers = {"Content-Type": "text/xml", "X-SCR-System": SYSTEM}
    async with client.post(f"{url}/itk", data=body, headers=headers) as answer:
        shown = b"GPSummary" in await answer.read()
        code = answer.headers.get("X-SCR-Code", "")
        assert shown != bool(code)
        return code, answer.headers["X-Correlation-ID"]


async def test_what_one_recorded_holds_at_once_on_all(hosts: Hosts) -> None:
    kept, emergency = await asyncio.to_thread(requests_of, hosts.house.sandbox)
    async with aiohttp.ClientSession() as client:
        # permission and relationship were recorded through the first
        for number in range(3):
            assert (await _post(client, hosts.url(number), fill(kept)))[0] == ""
        # a message is good once, wherever it comes again
        once = fill(kept)
        assert (await _post(client, hosts.url(1), once))[0] == ""
        assert [(await _post(client, hosts.url(number), once))[0] for number in (2, 0)] == ["message-replayed"] * 2
        # an alert raised through the third is in the one list
        _, correlation = await _post(client, hosts.url(2), fill(emergency))
    assert correlation in await alerts_of(hosts.house.url)
    # a refusal recorded through the second ends what stood on the others
    view = ("mini-service", "view", "--nhs-number", NUMBER, "--as", UID, "--relationship", "referral")
    refused = await asyncio.to_thread(hosts.stub, 1, *view, "--permission", "no")
    assert refused.returncode == 3, refused.stderr
    async with aiohttp.ClientSession() as client:
        for number in (0, 2):
            assert (await _post(client, hosts.url(number), fill(kept)))[0] == "permission-refused"


async def test_a_launch_made_at_one_opens_at_another_once_and_its_session_holds_on_all(hosts: Hosts) -> None:
    async with host(hosts.house.sandbox, "rio") as calls:
        made = rio.address_of(await rio.ask(calls, token(calls)))
        code = parse_qs(urlsplit(made).query)["code"][0]
        browser = Browser(replace(calls, gateway=hosts.url(1)))
        page = await arrive(browser, await browser.get("/launch?" + urlencode({"code": code})), asks("rio"))
        assert (page.path, page.exchange.status) == ("/viewer/patient", 200)
        for number in (2, 0, 1):
            seen = await browser.get(hosts.url(number) + "/viewer/patient")
            assert (seen.path, seen.exchange.status) == ("/viewer/patient", 200), hosts.url(number)
            assert seen.exchange.url.startswith(hosts.url(number))
        for number in (2, 0):
            async with open_wire() as wire:
                other = replace(calls, wire=wire, gateway=hosts.url(number))
                again = await send(other, "POST", "/launch/open", urlencode({"code": code}))
            assert (again.status, again.code) == (403, "launch-spent")


@dataclass
class Load:
    """What callers behind a balancer met."""

    hosts: Hosts
    body: bytes
    shown: set[str] = field(default_factory=set)
    failed: dict[int, int] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)

    async def caller(self, number: int, stop: asyncio.Event) -> None:
        """One view after the other, by turns at each gateway; one that takes no connection is passed over, as a balancer does."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
            for turn in count(number):
                if stop.is_set():
                    return
                try:
                    code, correlation = await _post(client, self.hosts.url(turn % 3), fill(self.body))
                except aiohttp.ClientConnectorError:
                    continue
                except aiohttp.ClientError:
                    self.failed[number] = self.failed.get(number, 0) + 1
                    continue
                self.codes.add(code)
                self.shown.add(correlation)


async def test_one_killed_under_load_loses_nothing_and_callers_see_at_most_their_own_request_fail(hosts: Hosts) -> None:
    _, emergency = await asyncio.to_thread(requests_of, hosts.house.sandbox)
    load, stop = Load(hosts, emergency), asyncio.Event()
    callers = [asyncio.create_task(load.caller(number, stop)) for number in range(12)]
    await asyncio.sleep(3)
    before = len(load.shown)
    os.kill(hosts.processes[1].pid, signal.SIGKILL)
    await asyncio.sleep(3)
    stop.set()
    await asyncio.gather(*callers)
    assert 0 < before < len(load.shown)
    assert load.codes == {""}
    assert all(times == 1 for times in load.failed.values()), load.failed
    entries = await hosts.house.exported()
    disclosed = {
        one["entry"]["correlation_id"]
        for one in entries
        if one["kind"] == "entry" and one["entry"]["event"] == "viewed"
    }
    assert load.shown <= disclosed
    assert load.shown <= set(await alerts_of(hosts.house.url))
