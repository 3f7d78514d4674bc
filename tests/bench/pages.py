"""Server time of the viewer's first page and of the record page, with the Spine stub: what the gateway itself took, as its log says.

One browser, one request at a time, as a person is. Every record page is checked for the record it must hold; one that has none ends the run.
"""

import asyncio
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.pages.walking import PATIENTS, signed_in, walking
from tests.running import RunningSandbox, sandbox_running
from vendor_stubs.calling.errors import NoAnswer
from vendor_stubs.pages import Browser, Page

FIRST = "first page"
RECORDS = {"record page": "core", "record page, a very large record": "very_large"}
"""Row -> the patient whose record it shows."""
GOALS = {FIRST: 100.0, "record page": 200.0}
"""Milliseconds at the 95th percentile."""
WARM = 0.2
"""Share of the requests, from the first, that does not count."""


def percentile(times: Sequence[float], part: float) -> float:
    """The smallest time that `part` of all do not exceed (nearest rank). ValueError where there are none."""
    if not times:
        raise ValueError("nothing was measured")
    return sorted(times)[max(0, math.ceil(part * len(times)) - 1)]


async def _record(browser: Browser, page: Page, number: str) -> Page:
    """From the page that finds a patient to the record. Raises RuntimeError where another page comes."""
    try:
        page = await browser.post(page, "/viewer/find", {"nhs_number": number})
        page = await browser.post(page, "/viewer/patient", {"relationship": "self-claimed"})
        page = await browser.post(page, "/viewer/record", {"permission": "yes"})
    except NoAnswer as error:
        raise RuntimeError(f"no record page: {error}") from error
    if not page.find("//*[@data-record]//*[@data-section]"):
        raise RuntimeError(f"no record page: {page.exchange.code}")
    return page


async def _asked(sandbox: RunningSandbox, seconds: float) -> dict[str, list[str]]:
    """Row -> the correlation ids of its requests, in order."""
    asked: dict[str, list[str]] = {name: [] for name in (FIRST, *RECORDS)}
    async with walking(sandbox) as (browser, calls):
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(asked[FIRST]) < 5:
            seen = await calls.wire.send("GET", f"{calls.gateway}/viewer", headers={})
            if seen.status != 200 or b"Sign in with your smartcard" not in seen.body:
                raise RuntimeError(f"no first page: HTTP {seen.status}")
            asked[FIRST].append(str(seen.correlation_id))
        page = await signed_in(browser)
        for name, case in RECORDS.items():
            end = time.monotonic() + seconds
            while time.monotonic() < end or len(asked[name]) < 5:
                shown = await _record(browser, page, PATIENTS[case])
                asked[name].append(str(shown.exchange.correlation_id))
                page = await browser.get("/viewer/find")
    return asked


def _told(log: Path) -> dict[str, float]:
    """Correlation id -> milliseconds, of every request the gateway logged."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return {line["correlation_id"]: line["ms"] for line in lines if line.get("event") == "request" and "ms" in line}


def pages(seconds: float, rounds: int) -> list[dict[str, object]]:
    """One row a page. Raises RuntimeError, ValueError, KeyError: something asked for is not in the log."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, sandbox_running(Path(folder) / "var") as sandbox:
        for thread in psutil.Process(sandbox.process.pid).threads():
            os.sched_setaffinity(thread.id, {cores[0]})
        os.sched_setaffinity(0, {cores[-1]})
        try:
            runs = [asyncio.run(_asked(sandbox, seconds)) for _ in range(rounds)]
        finally:
            os.sched_setaffinity(0, set(cores))
        told = _told(sandbox.log)
    rows = []
    for name in (FIRST, *RECORDS):
        times = [told[one] for run in runs for one in run[name][int(len(run[name]) * WARM) :]]
        rows.append(
            {
                "page": name,
                "requests": len(times),
                "p50_ms": statistics.median(times),
                "p95_ms": percentile(times, 0.95),
                "most_ms": max(times),
                "goal_ms": GOALS.get(name),
            }
        )
    return rows


def table(rows: Sequence[dict[str, object]]) -> str:
    """The rows for a person; a missed goal is said in words."""
    lines = [
        "| page (server time) | requests | p50 ms | p95 ms | most ms | goal at p95 |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        goal, reached = row["goal_ms"], float(str(row["p95_ms"]))
        told = "none" if goal is None else f"{goal:g} ms: {'met' if reached <= float(str(goal)) else 'MISSED'}"
        lines.append(
            f"| {row['page']} | {row['requests']} | {row['p50_ms']:.1f} | {reached:.1f} | {row['most_ms']:.1f} | {told} |"
        )
    return "\n".join(lines)
