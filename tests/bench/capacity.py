"""What a core gives an operator: the table of docs/operating.md, worked out from the doors that a run has measured."""

from collections.abc import Mapping

from tests.bench.doors import WHOLE, Row

CALLERS = 32
"""Enough to keep a core busy, few enough that nothing waits long."""
USED = 2 / 3
"""Of a core: the rest is for peaks, for another worker's death and for the machine itself."""


def table(sections: Mapping[str, list[Row]]) -> str:
    """Views a second for each door, of a core kept busy and of one sized with room; empty where the run measured no doors."""
    rows = [
        row
        for row in sections.get("doors", [])
        if row["callers"] == CALLERS and row["spine_ms"] == 0 and str(row["door"]).endswith(WHOLE)
    ]
    if not rows:
        return ""
    lines = [
        "| door | CPU ms for a view | views a second, one core busy | one core, a third left free | cores for 100 views a second |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        milliseconds = float(str(row["cpu_ms_each"]))
        sized = USED * 1000 / milliseconds
        door = str(row["door"]).removesuffix(WHOLE)
        lines.append(f"| {door} | {milliseconds:.1f} | {1000 / milliseconds:.0f} | {sized:.0f} | {100 / sized:.1f} |")
    return "\n".join(lines)
