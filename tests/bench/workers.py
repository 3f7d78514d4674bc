"""One gateway process and four on one database, on the cores that generator and Spine use too.

Four are measured twice: with as many callers as the one has, so that each serves a quarter of them, and with as many for each
as the one has. A process that serves fewer at once spends more on each view: fewer share a commit and a turn of its loop.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.bench.databases import databases, place, store
from tests.bench.doors import Row, Turns, measured
from tests.bench.messages import MINI_SERVICE
from tests.bench.yard import Yard

CALLERS = 32
MANY = 4


def door(workers: int, database: str) -> str:
    """Name of the row."""
    return f"{MINI_SERVICE.door}, {workers} worker{'s' if workers > 1 else ''}, {database}"


def workers(turns: Turns, folder: Path) -> list[Row]:
    """Whole views of the mini service by one worker and by four, on both databases."""
    folder = folder / "workers"
    folder.mkdir(parents=True)
    rows: list[Row] = []
    with ExitStack() as stack:
        urls = stack.enter_context(databases(folder))
        yard = stack.enter_context(Yard(folder))
        targets = []
        for name, url in urls.items():
            for count in (1, MANY):
                with store(**place(name, url, folder, f"of-{count}")):
                    sandbox = yard.gateway(f"{name}-{count}", workers=count)
                targets.append(yard.target(sandbox, MINI_SERVICE, door(count, name)))
        for callers in (CALLERS, MANY * CALLERS):
            rows += measured(targets, replace(turns, callers=(callers,)), kilobytes=43, spine_ms=0)
    return rows
