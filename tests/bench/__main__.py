"""`make bench`: the gateway and its references on this machine, in one run, in turns.

`python -m tests.bench [--seconds 2] [--rounds 3] [--callers 1,8,32,200] [--only doors,pages,…] [--json FILE]
[--write docs/performance.md] [--capacity docs/operating.md]`. The sections are listed below, in the order in which they run.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from tests.bench import audit, capacity, doors, goals, inner, pages, workers
from tests.bench.doors import Row, Turns
from tests.bench.page import write_figures


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the run."""

    title: str
    measure: Callable[[Turns, Path], list[Row]]
    """Rows, with a folder to work in. Raises where what was measured is not what it claims to be."""
    table: Callable[[list[Row]], str]


SECTIONS: dict[str, Section] = {
    **{
        name: Section(title, partial(doors.run, name), doors.table)
        for name, (title, _) in doors.GROUPS.items()
    },
    "workers": Section(
        "One worker and four, on the cores that generator and Spine use too", workers.workers, doors.table
    ),
    "audit": Section("The audit alone, one run each", lambda turns, _: audit.journals(turns.seconds), audit.journals_table),
    "waits": Section("How long the audit's writer waits for company", audit.waits, doors.table),
    "pages": Section("Pages", lambda turns, _: pages.pages(turns.seconds, turns.rounds), pages.table),
    "parts": Section(
        "Parts",
        lambda turns, _: [
            inner.decisions(turns.seconds, turns.rounds),
            inner.slowest(turns.seconds, turns.rounds),
            inner.explaining(turns.rounds),
        ],
        inner.table,
    ),
}  # fmt: skip


def _seconds(text: str) -> float:
    if not 0.2 <= float(text) <= 3600:
        raise argparse.ArgumentTypeError("from 0.2 to 3600")
    return float(text)


def _count(text: str) -> int:
    if not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("from 1 to 1000")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(_count, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError("numbers with commas between them, such as 1,8,32") from error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument(
        "--seconds", type=_seconds, default=2.0, help="of one run, 0.2 or more; the first fifth is warm-up"
    )
    parser.add_argument("--rounds", type=_count, default=3)
    parser.add_argument("--callers", type=_counts, default=(1, 8, 32, 200), help="such as 1,8,32")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SECTIONS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="the page whose figures this run replaces")
    parser.add_argument("--capacity", type=Path, help="the page whose table of capacity this run replaces")
    given = parser.parse_args()
    if unknown := set(given.only) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return given


def main() -> None:
    """Runs, prints the tables, and writes JSON and the page where asked."""
    given = _arguments()
    began = datetime.now(UTC)
    turns = Turns(seconds=given.seconds, rounds=given.rounds, callers=given.callers)
    found: dict[str, list[Row]] = {}
    tables: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, section in SECTIONS.items():
            if name not in given.only:
                continue
            found[name] = section.measure(turns, Path(folder))
            tables.append(f"### {section.title}\n\n{section.table(found[name])}")
            print(f"\n{tables[-1]}", flush=True)
    if judged := goals.table(found):
        tables.insert(0, f"### Goals\n\n{judged}")
        print(f"\n{tables[0]}")
    machine = _machine(began, given)
    print(f"\n{machine}")
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "sections": found}, indent=1), encoding="utf-8")
    if given.write:
        write_figures(given.write, "\n\n".join([machine, *tables]))
    if given.capacity and (sized := capacity.table(found)):
        write_figures(given.capacity, f"{machine}\n\n{sized}")


def _machine(began: datetime, given: argparse.Namespace) -> str:
    """What the run ran on, and how: without it no figure means anything. The load average tells a quiet machine from a busy one."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{began:%d %B %Y}. {len(os.sched_getaffinity(0))} cores, {platform.machine()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; load average "
        f"{os.getloadavg()[0]:.1f} at the end; {given.rounds} rounds of {given.seconds:g} s each, medians."
    )


if __name__ == "__main__":
    main()
