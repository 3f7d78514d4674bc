"""Groups of runs through the doors: what is measured beside what. Within a group everything takes turns, round by round."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.messages import MINI_SERVICE, NUMBER, SMALL, WAYS
from tests.bench.yard import Target, Yard, load

PASS, WHOLE, UNAUDITED = "pass-through", ", whole view", ", audit left out"
Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How long and how often."""

    seconds: float
    rounds: int
    callers: tuple[int, ...]


def measured(targets: Iterable[Target], turns: Turns, **about: object) -> list[Row]:
    """Rows of these targets, for each number of callers: medians over the rounds."""
    rows: list[Row] = []
    wanted = list(targets)
    for callers in turns.callers:
        runs: dict[str, list[Row]] = {target.name: [] for target in wanted}
        for _ in range(turns.rounds):
            for target in wanted:
                runs[target.name].append(load(target, callers, turns.seconds))
        rows += [{"door": name, "callers": callers, **about} | summary(found) for name, found in runs.items()]
    reference = {row["callers"]: float(str(row["per_second"])) for row in rows if row["door"] == PASS}
    for row in rows:
        if row["callers"] in reference:
            row["of_pass"] = float(str(row["per_second"])) / reference[row["callers"]]
    return rows


def summary(runs: list[Row]) -> Row:
    """Medians, and the spread of the rate."""
    rates = [float(str(run["per_second"])) for run in runs]
    statuses: dict[str, int] = {}
    for run in runs:
        for key, count in run["statuses"].items():  # type: ignore[attr-defined]
            statuses[key] = statuses.get(key, 0) + count

    def middle(name: str) -> float:
        return statistics.median(float(str(run[name])) for run in runs)

    figures = ("p50_ms", "p99_ms", "cpu_ms_each", "around_ms_each")
    return {
        "per_second": statistics.median(rates),
        "spread": [min(rates), max(rates)],
        **{name: middle(name) for name in figures},
        "statuses": statuses,
    }


def _doors(yard: Yard, turns: Turns) -> list[Row]:
    sandbox = yard.gateway("doors")
    doors = [yard.target(sandbox, way, f"{way.door}{WHOLE}") for way in WAYS]
    steps = doors[0].steps
    references = [
        yard.reference(PASS, steps, NUMBER),
        yard.reference("checked pass-through", steps, NUMBER, checked=True),
    ]
    return measured([*references, *doors], turns, kilobytes=43, spine_ms=0)


def _audited(yard: Yard, turns: Turns) -> list[Row]:
    sandbox, silent = yard.gateway("audited"), yard.gateway("unaudited", audited=False)
    pairs = [
        (yard.target(sandbox, way, f"{way.door}{WHOLE}"), yard.target(silent, way, f"{way.door}{UNAUDITED}"))
        for way in WAYS
    ]
    targets = [target for pair in pairs for target in pair]
    return measured(targets, replace(turns, callers=(32,)), kilobytes=43, spine_ms=0)


def _pair(yard: Yard, patient: str, name: str) -> tuple[Target, Target]:
    """A pass-through and the mini-service door for the same patient."""
    way = replace(MINI_SERVICE, patient=patient)
    door = yard.target(yard.gateway(name), way, f"{way.door}{WHOLE}")
    return yard.reference(PASS, door.steps, patient), door


def _again(targets: Iterable[Target], yard: Yard) -> list[Target]:
    return [replace(target, canned=yard.canned) for target in targets]


def _sizes(yard: Yard, turns: Turns) -> list[Row]:
    pair, rows = _pair(yard, SMALL, "sizes"), []
    for kilobytes in (22, 43, 100, 400):
        yard.spine(kilobytes=kilobytes)
        rows += measured(_again(pair, yard), replace(turns, callers=(8,)), kilobytes=kilobytes, spine_ms=0)
    return rows


def _late(yard: Yard, turns: Turns) -> list[Row]:
    pair = _pair(yard, NUMBER, "late")
    yard.spine(delay_ms=20)
    callers = tuple(count for count in turns.callers if count != 8)
    return measured(_again(pair, yard), replace(turns, callers=callers), kilobytes=43, spine_ms=20)


GROUPS: dict[str, tuple[str, Callable[[Yard, Turns], list[Row]]]] = {
    "doors": ("Every door", _doors),
    "audited": ("What the audit costs", _audited),
    "sizes": ("Records of other sizes", _sizes),
    "late": ("A Spine that takes 20 ms for each answer", _late),
}


def run(group: str, turns: Turns, folder: Path) -> list[Row]:
    """The rows of one group, in a yard of its own."""
    with Yard(folder / group) as yard:
        yard.folder.mkdir(parents=True, exist_ok=True)
        return GROUPS[group][1](yard, turns)


def table(rows: list[Row]) -> str:
    """The rows for a person, each with its ratio to the pass-through of the same callers."""
    lines = [
        "| door | callers | KB | Spine ms | views/s (min-max) | p50 ms | p99 ms | CPU ms each | around it | of pass-through | answers |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["spread"]  # type: ignore[misc]
        share = f"{row['of_pass']:.0%}" if "of_pass" in row else ""
        answers = ", ".join(f"{count} x {status}" for status, count in row["statuses"].items())  # type: ignore[attr-defined]
        lines.append(
            f"| {row['door']} | {row['callers']} | {row['kilobytes']} | {row['spine_ms']} | {row['per_second']:.0f} "
            f"({low:.0f}-{high:.0f}) | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row['cpu_ms_each']:.2f} | "
            f"{row['around_ms_each']:.2f} | {share} | {answers} |"
        )
    return "\n".join(lines)
