"""Views a second through the mini-service door with durable audit, beside a bare pass-through with the same three Spine calls.

Both in one run, interleaved, each on one core; generator and canned Spine share the other. `python -m tests.bench [--seconds 6]
[--rounds 3] [--callers 1,8,32] [--all] [--json FILE] [--write docs/performance.md]`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.bench import inner
from tests.bench import pages as viewer
from tests.bench.page import write_figures
from tests.bench.template import template
from tests.running import free_base, sandbox_running

NUMBER, UID, SYSTEM = "9000000009", "910000000281", "portal-rzz09"
ROOT = Path(__file__).resolve().parents[2]


def _pin(pid: int, cores: set[int]) -> None:
    """Keeps a process and its threads to some cores, where there is more than one."""
    if len(os.sched_getaffinity(0)) > 1:
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, cores)


@contextmanager
def module(name: str, *arguments: str, cores: set[int]) -> Iterator[subprocess.Popen[bytes]]:
    """A module of this package as a process, pinned."""
    process = subprocess.Popen([sys.executable, "-m", f"tests.bench.{name}", *arguments], cwd=ROOT)
    try:
        _pin(process.pid, cores)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def answering(port: int, path: str = "/health/live") -> None:
    """Waits until something answers there."""
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing answers on port {port}")


def load(address: str, callers: int, seconds: float, file: Path, mark: str) -> dict[str, object]:
    """One run of the generator on the other core."""
    command = [sys.executable, "-m", "tests.bench.load", address, str(callers), str(seconds), str(file), mark, SYSTEM]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, preexec_fn=_other_core).stdout
    result: dict[str, object] = json.loads(output)
    return result


def _other_core() -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})


def cpu(pid: int) -> float:
    """CPU seconds of a process."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def measure(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """All rows: for each number of callers, pass-through and gateway in turn."""
    cores = sorted(os.sched_getaffinity(0))
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = free_base(10)
        canned, bare = base + 8, base + 9
        stub = subprocess.Popen(
            [sys.executable, "-m", "vendor_stubs", "serve", "spine", "--port", str(base + 7)], stdout=subprocess.DEVNULL
        )
        stack.callback(stub.terminate)
        answering(base + 7)
        stack.enter_context(
            module("canned_spine", str(canned), f"http://127.0.0.1:{base + 7}", NUMBER, UID, cores={cores[-1]})
        )
        answering(canned, f"/directory/users/{UID}")
        passing = stack.enter_context(module("passthrough", str(bare), f"http://127.0.0.1:{canned}", cores={cores[0]}))
        answering(bare)
        sandbox = stack.enter_context(
            sandbox_running(folder / "var", "--spine-url", f"http://127.0.0.1:{canned}", base=base, level="WARNING")
        )
        _pin(sandbox.process.pid, {cores[0]})
        file = folder / "request.xml"
        file.write_bytes(template(sandbox, number=NUMBER, uid=UID, system=SYSTEM))
        for callers in arguments.callers:
            for name, port, pid, mark in (
                ("pass-through", bare, passing.pid, "GPSummary"),
                ("mini-service querySCR", base, sandbox.process.pid, "SMSP-0000"),
            ):
                runs = []
                for _ in range(arguments.rounds):
                    before = cpu(pid)
                    run = load(f"127.0.0.1:{port}", callers, arguments.seconds, file, mark)
                    run["cpu_ms_each"] = (cpu(pid) - before) / max(sum(run["statuses"].values()) * 1.25, 1) * 1000  # type: ignore[attr-defined]
                    runs.append(run)
                rows.append({"door": name, "callers": callers, "runs": runs} | summary(runs))
    return rows


def summary(runs: list[dict[str, object]]) -> dict[str, object]:
    """Medians, and the spread of the rate."""
    rates = [float(str(run["per_second"])) for run in runs]
    statuses: dict[str, int] = {}
    for run in runs:
        for key, count in run["statuses"].items():  # type: ignore[attr-defined]
            statuses[key] = statuses.get(key, 0) + count
    return {
        "per_second": statistics.median(rates),
        "spread": [min(rates), max(rates)],
        "p50_ms": statistics.median(float(str(run["p50_ms"])) for run in runs),
        "p99_ms": statistics.median(float(str(run["p99_ms"])) for run in runs),
        "cpu_ms_each": statistics.median(float(str(run["cpu_ms_each"])) for run in runs),
        "statuses": statuses,
    }


def table(rows: list[dict[str, object]]) -> str:
    """The rows for a person, each gateway row with its ratio to the pass-through beside it."""
    lines = [
        "| door | callers | views/s (min-max) | p50 ms | p99 ms | CPU ms each | of pass-through | answers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    reference: dict[object, float] = {}
    for row in rows:
        rate = float(str(row["per_second"]))
        reference.setdefault(row["callers"], rate)
        low, high = row["spread"]  # type: ignore[misc]
        lines.append(
            f"| {row['door']} | {row['callers']} | {rate:.0f} ({low:.0f}-{high:.0f}) | {row['p50_ms']:.2f} | "
            f"{row['p99_ms']:.2f} | {row['cpu_ms_each']:.2f} | {rate / reference[row['callers']]:.0%} | {row['statuses']} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Runs, prints the table, and writes JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=lambda text: [int(n) for n in text.split(",")], default=[1, 8, 32])
    parser.add_argument("--all", action="store_true", help="also decisions and explaining")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="the page whose figures this run replaces")
    arguments = parser.parse_args()
    began = datetime.now(UTC)
    rows = measure(arguments)
    parts = (
        [inner.decisions(arguments.seconds, arguments.rounds), inner.explaining(arguments.rounds)]
        if arguments.all
        else []
    )
    shown = viewer.pages(arguments.seconds, arguments.rounds)
    tables = [table(rows), viewer.table(shown), *([inner.table(parts)] if parts else [])]
    figures = "\n\n".join([_machine(began, arguments), *tables])
    print(f"\n{figures}")
    if arguments.json:
        document = {"machine": _machine(began, arguments), "rows": rows, "pages": shown, "parts": parts}
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    if arguments.write:
        write_figures(arguments.write, figures)


def _machine(began: datetime, arguments: argparse.Namespace) -> str:
    """What the run ran on, and how: without it no figure means anything. The load average tells a quiet machine from a busy one."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{began:%d %B %Y}. {len(os.sched_getaffinity(0))} cores, {platform.machine()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; load average "
        f"{os.getloadavg()[0]:.1f} at the end; {arguments.rounds} rounds of {arguments.seconds:g} s each, medians."
    )


if __name__ == "__main__":
    main()
