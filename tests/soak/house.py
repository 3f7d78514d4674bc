"""The sandbox under test: supervisor, workers and stubs as real processes, their output, and the database beside them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from click.testing import CliRunner

from gateway.cli import main as gateway
from gateway.store.engine import make_engine, upgrade
from tests.postgres import Cluster, cluster
from tests.running import ROOT, RunningSandbox

START_SECONDS = 120
HEAD_SECONDS = 3
BODY_SECONDS = 4
DRAIN_SECONDS = 5


@dataclass
class House:
    """Where everything is."""

    sandbox: RunningSandbox
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]
    postgres: Cluster | None
    children: dict[int, float] = field(default_factory=dict)
    """Every process seen below the supervisor: pid -> when it was made."""

    @property
    def metrics_port(self) -> int:
        """The internal listener."""
        return self.sandbox.base + 6

    def workers(self) -> list[psutil.Process]:
        """The gateway's processes that answer, oldest first."""
        found = [child for child in self._below() if "worker" in _command(child) and "gateway" in _command(child)]
        return sorted(found, key=lambda process: (process.create_time(), process.pid))

    def spine(self) -> psutil.Process:
        """The Spine stub."""
        return next(child for child in self._below() if "spine" in _command(child))

    def _below(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children(recursive=True)
        for child in found:
            self.children.setdefault(child.pid, child.create_time())
        return found

    def left(self) -> list[str]:
        """Commands of processes of this run that live on though the supervisor has ended."""
        alive = []
        for pid, made in self.children.items():
            try:
                process = psutil.Process(pid)
                if process.create_time() == made and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(" ".join(process.cmdline()[-3:]))
            except psutil.NoSuchProcess:
                continue
        return alive

    def ready(self) -> bool:
        """Whether the gateway says that it can record."""
        try:
            with urllib.request.urlopen(f"{self.sandbox.gateway}/health/ready", timeout=5) as answer:
                return bool(json.loads(answer.read())["ready"])
        except (OSError, urllib.error.URLError):
            return False

    async def until_ready(self, seconds: float) -> bool:
        """Whether it says so within a time, with every worker there."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            if len(self.workers()) > 1 and await asyncio.to_thread(self.ready):
                return True
            await asyncio.sleep(0.2)
        return False

    async def command(self, *arguments: str) -> tuple[int, str]:
        """`scr-gateway ARGUMENTS`: exit status and output."""
        result = await asyncio.to_thread(CliRunner().invoke, gateway, arguments, env=self.environment)
        return result.exit_code, result.output

    async def stop(self, seconds: float = 40) -> int | None:
        """SIGTERM; the exit status, or None where it had to be killed."""
        self._below()
        self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self.process.wait, seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def _drained(process: "subprocess.Popen[bytes]", log: Path) -> Iterator[threading.Event]:
    """Output through a pipe into a file: a limit on the gateway's own files must not lose its log."""
    said_ready = threading.Event()
    assert process.stdout is not None
    pipe = process.stdout

    def drain() -> None:
        with log.open("wb", buffering=0) as file:
            for line in pipe:
                file.write(line)
                if line.strip() == b"ready":
                    said_ready.set()

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    try:
        yield said_ready
    finally:
        thread.join(10)
        pipe.close()


def _launched(command: list[str], environment: dict[str, str], data: Path) -> "subprocess.Popen[bytes]":
    data.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


@asynccontextmanager
async def database(kind: str) -> AsyncIterator[tuple[str | None, Cluster | None]]:
    """The store's address and the cluster behind it; SQLite: the sandbox's own file. Raises LookupError."""
    if kind == "sqlite":
        yield None, None
        return
    with cluster() as made:
        made.sql("CREATE DATABASE soak")
        url = made.url("soak")
        engine = make_engine(url)
        await upgrade(engine)
        await engine.dispose()
        yield url, made


@asynccontextmanager
async def house(data: Path, base: int, workers: int, kind: str) -> AsyncIterator[House]:
    """The sandbox, ready. Raises RuntimeError with its output where it does not come up."""
    log = data / "soak.log"
    async with database(kind) as (url, postgres):
        environment = os.environ | {
            "SCR_GATEWAY_LIMITS__CONCURRENT": "12",  # fewer than a crowd's slow bodies
            "SCR_GATEWAY_LIMITS__HEAD_SECONDS": str(HEAD_SECONDS),
            "SCR_GATEWAY_LIMITS__BODY_SECONDS": str(BODY_SECONDS),
            "SCR_GATEWAY_LIMITS__DRAIN_SECONDS": str(DRAIN_SECONDS),
        }
        if url is not None:
            environment["SCR_GATEWAY_STORE__URL"] = url
        command = [sys.executable, "-m", "gateway", "sandbox", "--port-base", str(base), "--data-dir", str(data)]
        command += ["--workers", str(workers), "--log-level", "INFO"]
        process = _launched(command, environment, data)
        with _drained(process, log) as said_ready:
            try:
                if not await asyncio.to_thread(said_ready.wait, START_SECONDS):
                    raise RuntimeError(f"the sandbox did not come up:\n{log.read_text(errors='replace')[-4000:]}")
                yield House(RunningSandbox(base, data, process, log), process, environment, postgres)
            finally:
                if process.poll() is None:
                    process.terminate()
                    try:
                        await asyncio.to_thread(process.wait, 20)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
