"""Figures of parts that need no server: decisions a second by the policy and the slowest of them, and how long explaining takes.

Each figure is checked for what it claims: a decision that does not allow, or a fault that is not found, ends the run.
"""

import asyncio
import statistics
import time

from gateway.adapters.mini_service_explain import check_mini_service
from gateway.domain.decision import Facts, Verdict
from gateway.policy.answer import decide
from gateway.policy.settings import PolicySettings, current
from gateway.xml.explain import Context
from gateway.xml.explain_process import ExplainProcess
from tests.policy.cases import facts
from tests.xml.test_xml_explain import SEEDS
from tests.xml.wire import NOW

_BATCH = 200
DECISIONS, SLOWEST = "policy decisions", "one policy decision, 99th percentile"


def _asked() -> tuple[Facts, PolicySettings]:
    """What is timed: a view that every rule allows, so that none is left out."""
    asked = facts()
    settings = current(asked.now)
    if decide(asked, settings).verdict is not Verdict.ALLOW:
        raise RuntimeError("the decision that is timed must allow")
    return asked, settings


def decisions(seconds: float, rounds: int) -> dict[str, object]:
    """Whole view decisions (all rules, allowed) a second in one thread: median of the rounds, and the spread."""
    asked, settings = _asked()
    rates = []
    for _ in range(rounds):
        count, began = 0, time.perf_counter()
        while (taken := time.perf_counter() - began) < seconds:
            for _ in range(_BATCH):
                decide(asked, settings)
            count += _BATCH
        rates.append(count / taken)
    return {
        "what": DECISIONS,
        "unit": "a second",
        "median": statistics.median(rates),
        "least": min(rates),
        "most": max(rates),
    }


def slowest(seconds: float, rounds: int) -> dict[str, object]:
    """The 99th percentile of the same decisions, each timed by itself, in milliseconds: median of the rounds, and the spread."""
    asked, settings = _asked()
    found = []
    for _ in range(rounds):
        taken: list[float] = []
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            decide(asked, settings)
            taken.append((time.perf_counter() - began) * 1000)
        found.append(statistics.quantiles(taken, n=100)[98])
    return {
        "what": SLOWEST,
        "unit": "ms",
        "median": statistics.median(found),
        "least": min(found),
        "most": max(found),
    }


async def _explained(rounds: int) -> list[float]:
    context, taken = Context(now=NOW), []
    process = ExplainProcess()
    try:
        await process.explain(
            next(iter(SEEDS.values())).broken, check_mini_service, context
        )  # loads modules and schemas
        for _ in range(rounds):
            for name, seed in SEEDS.items():
                began = time.perf_counter()
                findings = await process.explain(seed.broken, check_mini_service, context)
                taken.append((time.perf_counter() - began) * 1000)
                if not findings or findings[0].code != seed.code:
                    raise RuntimeError(f"seeded fault not found: {name}")
    finally:
        await process.close()
    return taken


def explaining(rounds: int) -> dict[str, object]:
    """Milliseconds to explain a refused message in the separate process: median, least and most over every seeded fault."""
    taken = asyncio.run(_explained(rounds))
    return {
        "what": f"explaining a refused message ({len(SEEDS)} seeded faults)",
        "unit": "ms",
        "median": statistics.median(taken),
        "least": min(taken),
        "most": max(taken),
    }


def table(rows: list[dict[str, object]]) -> str:
    """The rows for a person."""
    lines = ["| part | unit | median | least | most |", "|---|---|---|---|---|"]
    for row in rows:
        figures = (float(str(row[name])) for name in ("median", "least", "most"))
        lines.append(f"| {row['what']} | {row['unit']} | {' | '.join(map(_written, figures))} |")
    return "\n".join(lines)


def _written(figure: float) -> str:
    """Three places below one, else one: so small a figure would read as nothing."""
    return f"{figure:.3f}" if figure < 1 else f"{figure:.1f}"
