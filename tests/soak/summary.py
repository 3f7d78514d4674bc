"""The report for a person who was not there."""

from collections import Counter

from tests.soak.running import Report

_MOST = 20


def summary(report: Report) -> str:
    """What was done, what was broken, what was found, and whether everything held."""
    plan, ledger = report.plan, report.ledger
    shown = ledger.shown.values()
    overrides = sum(one.asked.overrides for one in shown)
    in_part = sum(not one.whole for one in shown)
    lines = [
        "",
        f"Soak on {plan.kind}: {plan.seconds:.0f} s, {plan.workers} gateway processes, seed {plan.seed}",
        f"  {ledger.requests} requests in {sum(report.done.values())} actions of clients, through every door",
        f"  {len(ledger.shown)} records received: {overrides} under an override, {in_part} of them only in part",
        f"  by door: {_told(Counter(one.asked.door for one in shown))}",
        f"  answers: {_told(_statuses(report))}",
        f"  not shown: {_told(_codes(report))}",
        f"  requests that got no answer (kills, restarts): {_told(ledger.unanswered)}",
        f"Broken on purpose: {_told(report.faults)}",
        f"Crowds: {_told(report.crowds)}",
        f"On record: {report.entries} audit entries, {report.alerts} alerts; audit verify: {report.said.splitlines()[-1]}",
        f"The spared worker at start: {report.start}",
        f"                 at the end: {report.end}",
        f"  its memory on the way (MB): {_series(report.memory)}",
        f"Searched in log and metrics: {report.canaries} words that must not be there",
        "",
    ]
    if report.violations:
        lines.append(f"VIOLATED ({len(report.violations)}):")
        lines += [f"  {times} x {one}" for one, times in Counter(report.violations).most_common(_MOST)]
    else:
        lines += [
            "HELD: every record received is on record (I1); every override has its alert (I4); no wrong patient (I3);",
            "  no number, name, note or token in logs and metrics (I5); chains verify; no 5xx without a code, no bug;",
            "  slow and silent clients cut off in time; ready again after each fault and a record through each door;",
            "  no task, socket, file, memory or process left behind.",
        ]
    return "\n".join(lines)


def _told(counts: "Counter[str]") -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _statuses(report: Report) -> "Counter[str]":
    found: Counter[str] = Counter()
    for (_, answer), times in report.ledger.answers.items():
        found[answer.split()[0]] += times
    return found


def _codes(report: Report) -> "Counter[str]":
    found: Counter[str] = Counter()
    for (_, answer), times in report.ledger.answers.items():
        if " " in answer:
            found[answer.split()[1]] += times
    return found


def _series(memory: list[float]) -> str:
    step = max(1, len(memory) // 12)
    return " ".join(f"{one:.0f}" for one in [*memory[:-1:step], memory[-1]])
