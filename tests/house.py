"""A gateway in its surroundings whose own processes a test starts, kills and hinders; the stubs around it live on, as Spine would."""

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from gateway.cli import main as gateway
from gateway.sandbox import Ports, surroundings
from gateway.store.engine import make_engine
from tests.bench.messages import template
from tests.running import ROOT, RunningSandbox, free_base
from vendor_stubs.cli import main as stubs

NUMBER, UID, SYSTEM = "9992000112", "910000000281", "portal-rzz09"
MARK = "QQQQQQQQ"
NOTE = f"unconscious at home {MARK}"


def fill(request: bytes) -> bytes:
    """A request with an id and a note of its own."""
    words = uuid.uuid4().hex
    while b"{ID}" in request:
        request = request.replace(b"{ID}", str(uuid.uuid4()).upper().encode(), 1)
    return request.replace(MARK.encode(), f"{words[:8]} {words[8:16]}".encode())


@dataclass
class House:
    """Where everything is."""

    data: Path
    base: int
    environment: dict[str, str]
    url: str

    @property
    def sandbox(self) -> RunningSandbox:
        """As the tests of requests know it."""
        return RunningSandbox(base=self.base, data=self.data, process=None, log=self.data / "log")  # type: ignore[arg-type]

    def start(self, workers: int) -> list["subprocess.Popen[bytes]"]:
        """Gateway processes on the same port."""
        command = [sys.executable, "-m", "gateway", "worker", "--mode", "sandbox", "--config"]
        log = (self.data / "log").open("ab")
        with log:
            return [
                subprocess.Popen(
                    [*command, str(self.data / "gateway.toml")], cwd=ROOT, env=self.environment, stdout=log, stderr=log
                )
                for _ in range(workers)
            ]

    async def ready(self, processes: list["subprocess.Popen[bytes]"]) -> None:
        """Until the gateway says that it can record. Raises AssertionError where it does not come up."""
        end = asyncio.get_running_loop().time() + 300
        while asyncio.get_running_loop().time() < end:
            if any(process.poll() is not None for process in processes):
                break
            if await asyncio.to_thread(self._answers):
                return
            await asyncio.sleep(0.05)
        raise AssertionError((self.data / "log").read_text(errors="replace")[-3000:])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.base}/health/ready", timeout=5) as answer:
                return bool(json.loads(answer.read())["ready"])
        except (OSError, urllib.error.URLError):
            return False

    async def cli(self, *arguments: str) -> str:
        """`scr-gateway ARGUMENTS`, which must succeed; in a thread of its own: starting Python takes longer than the work."""
        result = await asyncio.to_thread(CliRunner().invoke, gateway, arguments, env=self.environment)
        assert result.exit_code == 0, result.output
        return result.output

    async def exported(self) -> list[dict[str, Any]]:
        """The audit as `audit export` writes it; `audit verify` must find it sound, and the database with its alerts."""
        export, settings = self.data / "audit.jsonl", str(self.data / "gateway.toml")
        await self.cli("audit", "export", "--config", settings, "--output", str(export), "--force")
        for what in ((str(export), "--keys", str(self.data / "keys")), ("--config", settings)):
            said = await self.cli("audit", "verify", *what)
            assert said.rstrip().endswith(": sound"), said
        return [json.loads(line) for line in export.read_bytes().splitlines()]


@asynccontextmanager
async def house(data: Path, url: str | None) -> AsyncIterator[House]:
    """The stubs running; the gateway's database as named, or the sandbox's own."""
    base = free_base()
    async with surroundings(Ports(base=base), data, None):
        environment = os.environ | ({"SCR_GATEWAY_STORE__URL": url} if url else {})
        yield House(data, base, environment, url or f"sqlite+aiosqlite:///{data / 'gateway.sqlite'}")


def requests_of(sandbox: RunningSandbox) -> tuple[bytes, bytes]:
    """A view that rests on a kept permission, and one in an emergency; relationship and permission are put on record."""
    kept = template(sandbox, number=NUMBER, uid=UID, system=SYSTEM)
    command = ["mini-service", "view", "--nhs-number", NUMBER, "--as", UID]
    mark = uuid.uuid4().hex[:8]  # made anew, its note must not repeat one of the user's last five
    command += ["--relationship", "referral", "--permission", "emergency", "--note", NOTE.replace(MARK, mark)]
    command += ["--print-request"]
    output = CliRunner().invoke(stubs, [*command, "--gateway", sandbox.gateway], catch_exceptions=False)
    assert output.exit_code == 0, output.output
    found = re.findall(rb"<(?:[\w-]+:)?Envelope.*?</(?:[\w-]+:)?Envelope>", output.output_bytes, re.DOTALL)
    emergency = next(one for one in found if mark.encode() in one).replace(mark.encode(), MARK.encode())
    emergency, replaced = re.subn(
        rb"(<[\w-]+:MessageID[^>]*>)[^<]*(</[\w-]+:MessageID>)", rb"\g<1>{ID}\g<2>", emergency
    )
    assert replaced == 1
    return kept, emergency


async def alerts_of(url: str) -> dict[str, str]:
    """Correlation id -> alert id, from the database."""
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            found = await connection.exec_driver_sql("SELECT correlation_id, id FROM alert")
            return {row[0]: row[1] for row in found}
    finally:
        await engine.dispose()
