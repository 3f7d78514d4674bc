"""The processes of a run, each pinned to its core: references, gateways with and without audit, the canned Spine, the generator."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from tests.bench.messages import NUMBER, REGISTERED_HERE, SMALL, WAYS, Way, view
from tests.running import RunningSandbox, free_base, sandbox_running

ROOT = Path(__file__).resolve().parents[2]
CANNED, BARE, CHECKED, STUB = 8, 9, 10, 7
"""Ports, counted from the yard's base; the gateways have bases of their own."""


def cores() -> tuple[set[int], set[int]]:
    """(the measured server's, everybody else's); the same where there is only one."""
    known = sorted(os.sched_getaffinity(0))
    return {known[0]}, {known[-1]}


def pin(pid: int, where: set[int]) -> None:
    """Keeps a process and its threads to some cores."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, where)


def cpu(pids: tuple[int, ...]) -> float:
    """CPU seconds of processes."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(one.user + one.system for one in times))


def answering(port: int, path: str = "/health/live") -> None:
    """Waits until something answers there. Raises RuntimeError."""
    for _ in range(400):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing answers on port {port}")


@contextmanager
def module(name: str, *arguments: str, where: set[int]) -> Iterator[int]:
    """A module of this package as a process, pinned; gives its pid."""
    process = subprocess.Popen([sys.executable, "-m", f"tests.bench.{name}", *arguments], cwd=ROOT)
    try:
        pin(process.pid, where)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One server to send one kind of view to."""

    name: str
    port: int
    pids: tuple[int, ...]
    steps: Path
    canned: int
    """The canned Spine's process, for its CPU."""


@dataclass
class Yard:
    """All processes of a run. Use as a context."""

    folder: Path
    base: int = field(default_factory=lambda: free_base(12))

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._spine = ExitStack()
        self.canned = 0

    def __enter__(self) -> Self:
        self.measured, self.others = cores()
        stub = [sys.executable, "-m", "vendor_stubs", "serve", "spine", "--port", str(self.base + STUB)]
        process = subprocess.Popen(stub, stdout=subprocess.DEVNULL)
        self._stack.callback(process.terminate)
        answering(self.base + STUB)
        self._stack.enter_context(self._spine)
        self.spine()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def spine(self, *, kilobytes: float = 43.0, delay_ms: float = 0.0) -> None:
        """Puts another canned Spine in the place of the one before: its records about so large, its answers so late."""
        self._spine.close()
        patients = [word for number in (NUMBER, SMALL, REGISTERED_HERE) for word in ("--patient", number)]
        users = [word for way in WAYS for word in ("--user", way.uid)]
        options = ["--kilobytes", str(kilobytes), "--delay-ms", str(delay_ms)]
        stub = f"http://127.0.0.1:{self.base + STUB}"
        self.canned = self._spine.enter_context(
            module("canned_spine", str(self.base + CANNED), stub, *patients, *users, *options, where=self.others)
        )
        answering(self.base + CANNED, f"/directory/users/{WAYS[0].uid}")

    @property
    def spine_url(self) -> str:
        """Where the canned Spine answers."""
        return f"http://127.0.0.1:{self.base + CANNED}"

    def reference(self, name: str, steps: Path, patient: str, *, checked: bool = False) -> Target:
        """A pass-through."""
        port = free_base(2)
        options = ("--checked",) if checked else ()
        pid = self._stack.enter_context(
            module("passthrough", str(port), self.spine_url, patient, *options, where=self.measured)
        )
        answering(port)
        return Target(name=name, port=port, pids=(pid,), steps=steps, canned=self.canned)

    def gateway(self, name: str, *, audited: bool = True, workers: int = 1) -> RunningSandbox:
        """A sandbox; with one worker the gateway is pinned to the measured core, with more they have all cores."""
        arguments = ["--spine-url", self.spine_url]
        if workers > 1:
            arguments += ["--workers", str(workers)]
        code = "gateway" if audited else "tests.bench.unaudited"
        sandbox = self._stack.enter_context(
            sandbox_running(self.folder / name, *arguments, level="WARNING", module=code)
        )
        if workers == 1:
            pin(sandbox.process.pid, self.measured)
        return sandbox

    def target(self, sandbox: RunningSandbox, way: Way, name: str) -> Target:
        """One door of a gateway."""
        steps = self.folder / f"{name.replace(' ', '-').replace(',', '')}.json"
        steps.write_text(json.dumps(view(sandbox, way)), encoding="utf-8")
        return Target(name=name, port=sandbox.base, pids=serving(sandbox), steps=steps, canned=self.canned)


def serving(sandbox: RunningSandbox) -> tuple[int, ...]:
    """The processes that answer: the workers where there are any, else the sandbox itself."""
    children = psutil.Process(sandbox.process.pid).children()
    workers = tuple(child.pid for child in children if "worker" in child.cmdline())
    return workers or (sandbox.process.pid,)


def load(target: Target, callers: int, seconds: float) -> dict[str, object]:
    """One run of the generator, with the CPU of everybody who took part."""
    command = [sys.executable, "-m", "tests.bench.load", f"127.0.0.1:{target.port}", str(callers), str(seconds)]
    before, spine = cpu(target.pids), cpu((target.canned,))
    done = subprocess.run(
        [*command, str(target.steps)], cwd=ROOT, check=True, capture_output=True, preexec_fn=_on_the_other_core
    )
    run: dict[str, object] = json.loads(done.stdout)
    whole = max(int(str(run["whole"])), 1)
    run["cpu_ms_each"] = (cpu(target.pids) - before) / whole * 1000
    run["around_ms_each"] = (cpu((target.canned,)) - spine + float(str(run["cpu_s"]))) / whole * 1000
    return run


def _on_the_other_core() -> None:
    os.sched_setaffinity(0, cores()[1])
