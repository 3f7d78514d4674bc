"""Running it: workers replaced and killed under load, certificates and registry read again, nothing left behind by a kill."""

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest
from cryptography import x509

from gateway.cli.running import Heeded
from tests.postgres import Cluster, postgres_cluster  # noqa: F401 - a fixture
from tests.rehearsal import Rehearsal, listening, rehearsing
from tests.running import ROOT, free_base

NUMBER, UID, SYSTEM = "9000000009", "910000000281", "portal-rzz09"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster) -> Iterator[Rehearsal]:  # noqa: F811
    """A gateway of two workers as the compose file runs it."""
    postgres_cluster.sql("CREATE DATABASE operation")
    url = postgres_cluster.url("operation")
    with rehearsing(tmp_path_factory.mktemp("state"), url, 1, "--workers", "2") as found:
        yield found


def workers(place: Rehearsal) -> list[psutil.Process]:
    """The supervisor's worker processes, oldest first."""
    supervisor = psutil.Process(place.gateways[0].pid)
    found = []
    for one in supervisor.children():
        with suppress(psutil.NoSuchProcess):  # also what has ended and is not yet waited for
            if "worker" in one.cmdline():
                found.append(one)
    return sorted(found, key=lambda one: one.create_time())


@dataclass
class Load:
    """Permissions recorded one after the other by several callers, half of them on a new connection each time."""

    place: Rehearsal
    token: str
    tls: ssl.SSLContext
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    trusting: dict[int, ssl.SSLContext] = field(default_factory=dict)
    """What each caller's present request was begun with."""

    async def caller(self, stop: asyncio.Event, *, anew: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=anew)
        async with aiohttp.ClientSession(connector=connector) as client:
            while not stop.is_set():
                self.trusting[id(client)] = self.tls
                try:
                    status = await record(client, self.place, self.token, self.tls)
                except aiohttp.ClientError as error:
                    self.failed.append(type(error).__name__)
                else:
                    if status == 201:
                        self.answered += 1
                    elif status != 429:
                        self.failed.append(str(status))
                await asyncio.sleep(0.05)


async def record(client: aiohttp.ClientSession, place: Rehearsal, token: str, tls: ssl.SSLContext) -> int:
    """One permission; the answer's status."""
    async with client.post(
        f"{place.url}/permissions",
        json={"nhs_number": NUMBER, "answer": "yes", "kind": "single"},
        headers={"Authorization": f"Bearer {token}"},
        ssl=tls,
    ) as answer:
        await answer.read()
        return answer.status


@pytest.fixture
async def load(place: Rehearsal) -> AsyncIterator[Load]:
    """Light load for as long as the test; a failed request fails the test that says so."""
    for number in range(2):  # the last listener that each worker opens
        await asyncio.wait_for(listening(place.port(0) + 1 + number), 120)
    async with aiohttp.ClientSession() as client:
        said = {"uid": UID, "client_id": SYSTEM}
        async with client.post(f"{place.identity}/sandbox/token", json=said) as answer:
            token = str((await answer.json())["id_token"])
    made, stop = Load(place, token, place.tls(SYSTEM)), asyncio.Event()
    callers = [asyncio.create_task(made.caller(stop, anew=number % 2 == 0)) for number in range(6)]
    await until(lambda: made.answered > 10)
    yield made
    stop.set()
    await asyncio.gather(*callers)


async def until(true: "object", seconds: float = 40) -> None:
    """Waits until it is so. Raises TimeoutError."""
    assert callable(true)
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(0.05)


async def test_a_rolling_restart_replaces_every_worker_and_loses_no_request(place: Rehearsal, load: Load) -> None:
    before = {one.pid for one in workers(place)}
    assert len(before) == 2
    place.gateways[0].send_signal(signal.SIGUSR2)
    await until(lambda: len(workers(place)) == 2 and not before & {one.pid for one in workers(place)}, 120)
    answered = load.answered
    await until(lambda: load.answered > answered + 10)
    assert load.failed == []


async def test_a_worker_that_is_killed_is_started_again(place: Rehearsal, load: Load) -> None:
    victim, other = workers(place)
    victim.kill()
    await until(lambda: len(workers(place)) == 2 and victim.pid not in {one.pid for one in workers(place)}, 120)
    assert other.is_running()
    assert len(load.failed) <= 6, "more than each caller's own request failed"
    answered = load.answered
    await until(lambda: load.answered > answered + 10)


def served(place: Rehearsal) -> int:
    """Serial number of the certificate that a new handshake is shown."""
    context = place.tls(SYSTEM)
    with (
        socket.create_connection(("127.0.0.1", place.port(0))) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as secure,
    ):
        der = secure.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number


async def test_certificates_are_read_again_at_sighup_and_no_request_is_lost(place: Rehearsal, load: Load) -> None:
    before = await asyncio.to_thread(served, place)
    own = {name: (place.certs / name).read_bytes() for name in ("server.pem", "server.key")}
    new = place.state / "renewed"
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "gateway", "dev-certs", str(new), "--registry", str(place.state / "registry.toml")],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    authority = (place.certs / "ca.pem").read_bytes()
    (place.certs / "ca.pem").write_bytes(authority + (new / "ca.pem").read_bytes())  # clients trust both meanwhile
    load.tls = place.tls(SYSTEM)
    await until(
        lambda: all(one is load.tls for one in load.trusting.values())
    )  # none still on its way who trusts the old alone
    for name in own:
        shutil.copyfile(new / name, place.certs / name)
    place.gateways[0].send_signal(signal.SIGHUP)
    await until(lambda: all(served(place) != before for _ in range(8)))
    renewed = await asyncio.to_thread(served, place)
    (place.certs / "server.key").write_text("no key", encoding="utf-8")
    try:
        place.gateways[0].send_signal(signal.SIGHUP)
        log = place.state / "gateway-0.log"
        await until(lambda: log.read_text(encoding="utf-8").count("certificate-not-reloaded") >= 2)
        assert await asyncio.to_thread(served, place) == renewed, "a faulty key leaves the certificate in force"
    finally:
        for name, content in own.items():
            (place.certs / name).write_bytes(content)
    place.gateways[0].send_signal(signal.SIGHUP)
    await until(lambda: all(served(place) == before for _ in range(8)))
    assert load.failed == []


async def test_each_worker_tells_its_own_metrics_on_a_port_of_its_own(place: Rehearsal, load: Load) -> None:
    answered = load.answered
    await until(lambda: load.answered > answered + 20)
    told = []
    async with aiohttp.ClientSession() as client:
        for number in range(2):
            async with client.get(f"http://127.0.0.1:{place.port(0) + 1 + number}/metrics") as answer:
                told.append(await answer.text())
    for text in told:
        for name in ("scr_requests_total", "scr_audit_commit_seconds", "scr_audit_queue", "scr_spine_breaker_open"):
            assert name in text
        assert 'endpoint="psis"' in text
        assert NUMBER not in text
        assert UID not in text


def caught(pid: int, number: signal.Signals) -> bool:
    """Whether that process has something to do for this signal (proc(5): SigCgt)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)


async def test_a_signal_that_comes_while_it_starts_is_kept_until_there_is_something_to_do() -> None:
    heeded, done = Heeded(), list[str]()
    for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGHUP):
        os.kill(os.getpid(), number)
    await until(lambda: len(heeded.kept) == 2)
    heeded.now(signal.SIGHUP, lambda: done.append("reload"))
    assert done == ["reload"]
    heeded.now(signal.SIGUSR2, lambda: done.append("roll"))
    assert done == ["reload", "roll"]
    os.kill(os.getpid(), signal.SIGUSR2)
    await until(lambda: done == ["reload", "roll", "roll"])
    for number in (signal.SIGUSR2, signal.SIGHUP):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_nothing_of_a_sandbox_outlives_its_supervisor(tmp_path: Path) -> None:
    base = free_base()
    command = [sys.executable, "-m", "gateway", "sandbox", "--port-base", str(base), "--workers", "2"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(  # noqa: ASYNC220 - begins only
        [*command, "--data-dir", str(tmp_path / "var")], cwd=ROOT, stdout=log, stderr=log
    )
    log.close()
    try:
        await until(lambda: caught(process.pid, signal.SIGHUP), 90)
        assert b"ready" not in (tmp_path / "log").read_bytes()
        process.send_signal(signal.SIGHUP)  # while it starts: it ends nothing
        await until(lambda: b"\nready" in (tmp_path / "log").read_bytes(), 90)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 6
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE])
    finally:
        process.kill()
        process.wait()
        for one in locals().get("family", ()):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def test_the_log_holds_one_line_a_request(place: Rehearsal) -> None:
    lines = [
        json.loads(one)
        for one in (place.state / "gateway-0.log").read_text(encoding="utf-8").splitlines()
        if one[:1] == "{"
    ]
    requests = [one for one in lines if one["event"] == "request" and one.get("door") == "permissions"]
    ids = [one["correlation_id"] for one in requests]
    assert len(ids) > 20, "the tests above made more"
    assert len(set(ids)) == len(ids)


async def test_a_backup_taken_under_load_restores_to_an_audit_that_verifies(
    place: Rehearsal,
    load: Load,
    postgres_cluster: Cluster,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The commands of docs/operating.md."""
    bin_, at = postgres_cluster.bin, ("-h", "127.0.0.1", "-p", str(postgres_cluster.port), "-U", "postgres")
    answered = load.answered
    dump, export = tmp_path / "scr.dump", tmp_path / "audit.jsonl"
    await ran(str(bin_ / "pg_dump"), *at, "--format=custom", f"--file={dump}", "operation")
    await ran(str(bin_ / "createdb"), *at, "restored")
    await ran(str(bin_ / "pg_restore"), *at, "--exit-on-error", "--dbname=restored", str(dump))
    text = place.config.read_text(encoding="utf-8")
    restored = tmp_path / "restored.toml"
    kept = [
        line
        for line in text.replace(place.database, postgres_cluster.url("restored")).splitlines()
        if "anchor" not in line
    ]
    restored.write_text("\n".join(kept), encoding="utf-8")
    command = (sys.executable, "-m", "gateway", "audit")
    await ran(*command, "export", "--config", str(restored), "--output", str(export))
    assert b"command-line" not in (place.state / "anchor.jsonl").read_bytes(), (
        "a copy's record stands in the live anchor"
    )
    said = await ran(*command, "verify", str(export), "--keys", str(place.state / "keys"))
    assert said.rstrip().endswith(": sound"), said
    entries = [one for one in map(json.loads, export.read_bytes().splitlines()) if one["kind"] == "entry"]
    assert len(entries) >= answered > 0
    assert load.failed == []


async def ran(*command: str) -> str:
    """What a command that must succeed prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
