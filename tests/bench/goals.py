"""The goals of a view, and what this run reached: said in words where one is missed, and left out where the run did not measure it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench import inner, workers
from tests.bench.databases import POSTGRES
from tests.bench.doors import PASS, UNAUDITED, WHOLE, Row
from tests.bench.messages import MINI_SERVICE

Sections = Mapping[str, list[Row]]
DOOR = f"{MINI_SERVICE.door}{WHOLE}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal. `reached` raises LookupError where the run has no such row."""

    words: str
    unit: str
    met: Callable[[float], bool]
    reached: Callable[[Sections], float]


def _figure(sections: Sections, section: str, door: str, callers: int, name: str) -> float:
    for row in sections.get(section, []):
        if row["door"] == door and row["callers"] == callers:
            return float(str(row[name]))
    raise LookupError(door)


def _share(sections: Sections) -> float:
    return 100 * _figure(sections, "doors", DOOR, 32, "of_pass")


def _audit(sections: Sections) -> float:
    with_audit = _figure(sections, "audited", DOOR, 32, "cpu_ms_each")
    without = _figure(sections, "audited", f"{MINI_SERVICE.door}{UNAUDITED}", 32, "cpu_ms_each")
    return 100 * (1 - without / with_audit)


def _added(name: str) -> Callable[[Sections], float]:
    def reached(sections: Sections) -> float:
        return _figure(sections, "doors", DOOR, 1, name) - _figure(sections, "doors", PASS, 1, name)

    return reached


def _crowded(sections: Sections) -> float:
    return _figure(sections, "doors", DOOR, 200, "p99_ms") / _figure(sections, "doors", DOOR, 200, "p50_ms")


def _workers(sections: Sections) -> float:
    """As many callers for each of four as for the one, on the database that several processes are meant to share."""
    one = _figure(sections, "workers", workers.door(1, POSTGRES), workers.CALLERS, "cpu_ms_each")
    many = workers.MANY * workers.CALLERS
    return one / _figure(sections, "workers", workers.door(workers.MANY, POSTGRES), many, "cpu_ms_each")


def _part(what: str) -> Callable[[Sections], float]:
    def reached(sections: Sections) -> float:
        for row in sections.get("parts", []):
            if row["what"] == what:
                return float(str(row["median"]))
        raise LookupError(what)

    return reached


GOALS = (
    Goal(
        "mini-service views, of what the pass-through does, 32 callers: at least 25 %", "%", lambda x: x >= 25, _share
    ),
    Goal("of that door's processor time, the audit: at most 10 %", "%", lambda x: x <= 10, _audit),
    Goal("added to the pass-through at one caller, median: at most 4 ms", "ms", lambda x: x <= 4, _added("p50_ms")),
    Goal("the same at the 99th percentile: at most 8 ms", "ms", lambda x: x <= 8, _added("p99_ms")),
    Goal("200 callers, p99 over p50: at most 2", "", lambda x: x <= 2, _crowded),
    Goal(
        "views per CPU second, four workers over one, 32 callers each, PostgreSQL: at least 0.85",
        "",
        lambda x: x >= 0.85,
        _workers,
    ),
    Goal("policy decisions on one core: at least 20,000 a second", "", lambda x: x >= 20_000, _part(inner.DECISIONS)),
    Goal("one of them at the 99th percentile: below 0.5 ms", "ms", lambda x: x < 0.5, _part(inner.SLOWEST)),
)


def table(sections: Sections) -> str:
    """The goals that this run can judge; empty where it can judge none."""
    lines = []
    for goal in GOALS:
        try:
            reached = goal.reached(sections)
        except LookupError:
            continue
        lines.append(f"| {goal.words} | {reached:.3f} {goal.unit} | {'met' if goal.met(reached) else 'MISSED'} |")
    return "\n".join(["| goal | reached | |", "|---|---|---|", *lines]) if lines else ""
