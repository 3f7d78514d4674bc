"""[[organisation]] tables of the registry -> Organisation values, fault by fault (P-20, P-21, P-57, P-70 to P-77). Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.domain.access import (
    PLAIN_VERSION,
    OnboardingStep,
    Organisation,
    PermissionKind,
    PermissionPolicy,
    ProofOfConcept,
    Scope,
    Setting,
    Site,
    TrainingMode,
)
from gateway.domain.identifiers import OdsCode, TeamId, UserId
from gateway.identity.registry_lines import Path
from gateway.identity.registry_reading import Findings, Table

_LONGEST_DAYS = 366
_LONGEST_QUESTION = 500
_LONGEST_NAME = 100
_FEWEST_WORDS = 6
_DAYS_IN = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "year": (365, 366)}
"""Fewest and most."""
_SPAN = re.compile(r"\b([0-9]{1,4})[ -](day|week|month|year)s?\b", re.ASCII | re.IGNORECASE)
"""A time written in figures."""
_KNOWN = (
    "ods",
    "name",
    "settings",
    "sites",
    "privacy_officers",
    "training",
    "ptv",
    "onboarding",
    "proof_of_concept",
    "teams",
)


def _day(value: Any, table: Table, name: str) -> date | None:
    """A TOML date, or a text YYYY-MM-DD."""
    if type(value) is date:
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass
    table.fault(name, f"{name} must be a date, YYYY-MM-DD.")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the access policy knows, for warnings only: whoever reads a registry without it gets the same registry."""

    settings: Collection[str]
    """Every care setting that one of policy's lists names; others are refused (P-58)."""
    trial_settings: Collection[str]
    """Those not approved, which only a proof of concept opens (P-57)."""
    today: date
    """In London."""


def read_organisation(row: Any, at: int, findings: Findings, known: Known | None) -> Organisation | None:
    """One [[organisation]]; None where it cannot be built."""
    table = Table(row, ("organisation", at), findings, _KNOWN)
    ods, name = table.build("ods", OdsCode), table.text("name", longest=_LONGEST_NAME)
    settings = table.build_all("settings", Setting, needed=True)
    sites = _sites(table, settings)
    officers = table.build_all("privacy_officers", UserId)
    training = table.build("training", TrainingMode, needed=False) or TrainingMode.WARN
    permission, onboarding = _permission(table), _onboarding(table, bool(officers))
    trial = _proof_of_concept(table, settings)
    if known is not None:
        _warn_of_settings(table, settings, trial, known)
        _warn_of_dates(table, onboarding, trial, known.today)
    if ods is None or name is None or permission is None:
        return None
    return Organisation(
        ods=ods,
        name=name,
        settings=tuple(settings),
        sites=tuple(sites),
        privacy_officers=tuple(officers),
        training=training,
        permission=permission,
        onboarding=onboarding,
        proof_of_concept=trial,
        teams=frozenset(table.build_all("teams", TeamId)),
    )


def _sites(table: Table, settings: list[Setting]) -> list[Site]:
    rows = table.row.get("sites")
    if not isinstance(rows, list) or not rows:
        table.fault("sites", "sites is missing: views are limited to agreed sites (P-71).")
        return []
    sites = []
    for at, row in enumerate(rows):
        path: Path = (*table.path, "sites", at)
        site = Table(row, path, table.findings, ("ods", "settings"))
        ods, there = site.build("ods", OdsCode), site.build_all("settings", Setting, needed=True)
        foreign = sorted(setting.code for setting in there if setting not in settings)
        if foreign:
            site.fault("settings", f"The organisation itself does not have these settings: {', '.join(foreign)}.")
        if ods is not None:
            sites.append(Site(ods=ods, settings=frozenset(there)))
    return sites


def _permission(table: Table) -> PermissionPolicy | None:
    if "ptv" not in table:
        table.fault("ptv", "ptv is missing: how the organisation asks permission to view (P-20).")
        return None
    policy = Table(
        table.row["ptv"],
        (*table.path, "ptv"),
        table.findings,
        ("kind", "scope", "days", "question", "question_version", "earlier_versions"),
    )
    kind = policy.build("kind", PermissionKind)
    scope = policy.build("scope", Scope, why="to whom a permission extends must be said (P-20)")
    days = policy.number("days", needed=kind is not PermissionKind.SINGLE)
    question = policy.text(
        "question", longest=10 * _LONGEST_QUESTION, why="the question put to the patient must exist (P-21)"
    )
    version = policy.text("question_version", why="the version of the question shown is kept with each answer (P-21)")
    earlier = tuple(policy.texts("earlier_versions"))
    for name, versions in (("question_version", (version,) if version else ()), ("earlier_versions", earlier)):
        if not all(map(PLAIN_VERSION.fullmatch, versions)):
            policy.fault(name, f"{name} must be 1 to 32 plain letters, digits and signs, such as 2 or 2026-03 (P-21).")
    if question is not None and len(question) > _LONGEST_QUESTION:
        policy.fault("question", f"The question must be short (P-21): at most {_LONGEST_QUESTION} characters.")
        return None
    whole = 0 if days is None else int(days)
    if days is not None and (days != whole or not 0 <= days <= _LONGEST_DAYS):
        policy.fault("days", f"days must be a whole number from 0 to {_LONGEST_DAYS}.")
        return None
    if kind is not None and (kind is PermissionKind.SINGLE) is not (whole == 0):
        policy.fault("days", "days must be 0 where kind is single, and at least 1 where it is extended.")
        return None
    if kind is None or scope is None or question is None or version is None:
        return None
    _check_question(policy, question, whole, table.row.get("name"))
    return PermissionPolicy(
        kind=kind,
        scope=scope,
        days=whole,
        question=question,
        question_version=version,
        earlier_versions=earlier,
    )


def _check_question(policy: Table, question: str, days: int, name: object) -> None:
    """What can be seen of a question without understanding it (P-16, P-21): a patient can answer it, and it says for how long.

    Whether it is plain and honest only people can judge.
    """
    words = [word for word in question.split() if any(map(str.isalpha, word))]
    if not question.rstrip().endswith("?") or len(words) < _FEWEST_WORDS:
        policy.fault(
            "question",
            f"The question must be one that a patient can answer: at least {_FEWEST_WORDS} words of letters that say who looks at "
            "what and for what care, ending in a question mark (P-16, P-21).",
        )
    told = [(int(number), *_DAYS_IN[unit.lower()]) for number, unit in _SPAN.findall(question)]
    if not all(number * fewest <= days <= number * most for number, fewest, most in told):
        lasts = f"{days} days" if days else "this view only (kind is single)"
        policy.fault("question", f"The question speaks of another time than the permission lasts: {lasts} (P-16).")
    elif days and not told:
        policy.warn("question", f"The question does not say that the permission lasts {days} days (P-16).")
    if days and isinstance(name, str) and name.casefold() not in question.casefold():
        policy.warn("question", "The question does not name the organisation whose people may look later (P-16).")


def _onboarding(table: Table, has_officer: bool) -> tuple[tuple[OnboardingStep, date], ...]:
    steps = Table(
        table.row.get("onboarding", {}),
        (*table.path, "onboarding"),
        table.findings,
        [step.value for step in OnboardingStep],
    )
    done = []
    for step in OnboardingStep:
        day = _day(steps.row[step.value], steps, step.value) if step.value in steps else None
        if day is not None:
            done.append((step, day))
    missing = [step.value for step in OnboardingStep if step.value not in steps]
    if missing:
        table.warn("onboarding", f"Not live: these steps are not done (P-76): {', '.join(missing)}.")
    if not has_officer:
        table.warn("privacy_officers", "Not live: no privacy officer is named (P-75).")
    return tuple(done)


def _warn_of_settings(table: Table, settings: list[Setting], trial: ProofOfConcept | None, known: Known) -> None:
    """Settings whose views policy refuses."""
    unknown = [setting.code for setting in settings if setting.code not in known.settings]
    if unknown:
        table.warn("settings", f"Not a known care setting, so its views are refused (P-58): {', '.join(unknown)}.")
    untried = [s.code for s in settings if s.code in known.trial_settings and (trial is None or trial.setting != s)]
    if untried:
        table.warn(
            "settings",
            f"Not approved, so its views are refused without a proof of concept for it (P-57): {', '.join(untried)}.",
        )


def _warn_of_dates(
    table: Table, onboarding: tuple[tuple[OnboardingStep, date], ...], trial: ProofOfConcept | None, today: date
) -> None:
    """What does not count on the day of the check."""
    for step, day in onboarding:
        if day > today:
            path: Path = (*table.path, "onboarding", step.value)
            table.findings.warn(path, f"Not live yet: this step counts from {day.isoformat()} on (P-76).")
    if trial is not None and trial.start > today:
        table.warn("proof_of_concept", f"It has not begun: it opens its setting from {trial.start.isoformat()} (P-57).")
    if trial is not None and trial.until < today:
        table.warn("proof_of_concept", f"It is over: it ended on {trial.until.isoformat()} (P-57).")


def _proof_of_concept(table: Table, settings: list[Setting]) -> ProofOfConcept | None:
    if "proof_of_concept" not in table:
        return None
    trial = Table(
        table.row["proof_of_concept"], (*table.path, "proof_of_concept"), table.findings, ("setting", "from", "until")
    )
    setting = trial.build("setting", Setting)
    start, until = (_day(trial.row.get(name), trial, name) for name in ("from", "until"))
    if setting is not None and setting not in settings:
        trial.fault("setting", "A proof of concept is for a setting the organisation has.")
    if start is None or until is None or setting is None:
        return None
    if until < start:
        trial.fault("until", "The proof of concept ends before it begins.")
    return ProofOfConcept(setting=setting, start=start, until=until)
