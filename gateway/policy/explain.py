"""Why a decision is what it is, rule by rule, and the smallest change of facts that would turn it.

For engineers at their desk, never for an answer to a user: it says what a refusal must not.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import Any, cast

from gateway.domain.access import Setting
from gateway.domain.decision import Decision, Facts, Reason, Verdict
from gateway.domain.identifiers import Identifier
from gateway.policy.answer import decide, judged
from gateway.policy.case import Case
from gateway.policy.changes import CHANGES, Change
from gateway.policy.judging import Failed, NotYet
from gateway.policy.rules import BY_OPERATION
from gateway.policy.settings import PolicySettings

NARROW = (Identifier, Setting)
PASSED, FAILED, NOT_YET = "passed", "failed", "not yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule's part in a decision."""

    rules: tuple[str, ...]
    sentence: str
    outcome: str
    """passed | failed | not yet."""
    used: tuple[str, ...]
    """Names of the facts it looked at, such as `system.kind`."""
    reasons: tuple[Reason, ...] = ()
    stage: str | None = None
    """Of a rule not yet judged: the stage that brings its facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A decision, how it came about, and what would turn it."""

    decision: Decision
    steps: tuple[Step, ...]
    turned_by: tuple[tuple[str, ...], ...]
    """The smallest sets of changes (one or two, in words) after which the answer is another: of a deny, no deny any more."""


class Watched:
    """Stands before a value of the domain, answers as it does, and notes which of its fields were looked at."""

    def __init__(self, value: object, seen: dict[str, None], prefix: str = "") -> None:
        self._value = value
        self._seen = seen
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._value, name)
        path = f"{self._prefix}{name}"
        if not self._prefix and dataclasses.is_dataclass(value) and not isinstance(value, NARROW):
            return Watched(value, self._seen, f"{path}.")
        self._seen[path] = None
        return value


def explain(facts: Facts, settings: PolicySettings) -> Trace:
    """The trace of `decide(facts, settings)`. Pure."""
    decision = decide(facts, settings)
    steps = tuple(_steps(facts, settings))
    return Trace(decision=decision, steps=steps, turned_by=turning(facts, settings))


def _steps(facts: Facts, settings: PolicySettings) -> Iterator[Step]:
    for rule in BY_OPERATION.get(facts.operation, ()):
        seen: dict[str, None] = {}
        watched = cast("Facts", Watched(facts, seen))
        judgement = judged(rule, Case(watched, settings))
        if isinstance(judgement, Failed):
            outcome, reasons, stage = FAILED, judgement.reasons, None
        elif isinstance(judgement, NotYet):
            outcome, reasons, stage = NOT_YET, (), judgement.stage.value
        else:
            outcome, reasons, stage = PASSED, (), None
        yield Step(
            rules=rule.ids,
            sentence=rule.sentence,
            outcome=outcome,
            used=tuple(seen),
            reasons=reasons,
            stage=stage,
        )


def turning(facts: Facts, settings: PolicySettings) -> tuple[tuple[str, ...], ...]:
    """Every single change of the finite list that turns the answer, else every pair; empty where none of them does."""
    denied = decide(facts, settings).verdict is Verdict.DENY
    able = tuple(change for change in CHANGES if change.applied(facts, settings) not in {None, facts})
    for size in (1, 2):
        found = tuple(
            tuple(change.name for change in together)
            for together in combinations(able, size)
            if _turns(facts, settings, together, denied)
        )
        if found:
            return found
    return ()


def _turns(facts: Facts, settings: PolicySettings, together: tuple[Change, ...], denied: bool) -> bool:
    changed: Facts | None = facts
    for change in together:
        changed = change.applied(changed, settings) if changed is not None else None
    if changed is None:
        return False
    return (decide(changed, settings).verdict is Verdict.DENY) is not denied


def trace_to_json(trace: Trace) -> dict[str, object]:
    """A trace as JSON values: verdict, code, basis, alert, rules with outcome and the names of the facts they used."""
    return cast("dict[str, object]", _plain(trace))


def written(trace: Trace) -> str:
    """A trace for people: the verdict, each rule with what it used, and what would turn the answer."""
    lines = [f"{trace.decision.verdict.value}  (policy {trace.decision.policy_version})"]
    for step in trace.steps:
        lines.append(f"  {step.outcome:8} {' '.join(step.rules):12} {step.sentence}")
        lines += (
            f"           {reason.code.slug}: {reason.code.sentence} {reason.detail}".rstrip() for reason in step.reasons
        )
        lines.append(f"           used: {', '.join(step.used)}")
    lines += (f"  would turn it: {'; '.join(change)}" for change in trace.turned_by)
    return "\n".join(lines)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return str(value) if not isinstance(value.value, str) else value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
