"""The lists, codes and limits the rules are asked against, as versioned data with effective dates (P-64).

Reads the editions that ship with the package, once. Must never hold a rule, nor change an edition that has been in force.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from gateway.domain.access import Purpose, Setting
from gateway.domain.errors import InvalidValue
from gateway.domain.identifiers import ActivityCode
from gateway.domain.instants import LONDON, aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities:
    """RBAC activity codes by what they open (P-08)."""

    trace: ActivityCode
    view: ActivityCode
    self_claim: ActivityCode
    emergency: ActivityCode
    legal: ActivityCode
    self_claim_alerts: ActivityCode
    access_alerts: ActivityCode
    report: ActivityCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Figures the rules use."""

    assurance: int
    """Least authenticator assurance level."""
    proof_leeway: timedelta
    single_permission: timedelta
    refusal: timedelta
    note_shortest: int
    """Characters."""
    note_longest: int
    note_words: int
    override_views_per_day: int

    def __post_init__(self) -> None:
        if not 0 < self.note_shortest <= self.note_longest or min(self.assurance, self.note_words) < 1:
            raise InvalidValue("limits of the policy contradict each other")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """One edition. Mappings of settings and purposes give the id of the rule that names them."""

    version: str
    effective: date
    """First London day on which it applies."""
    approved: Mapping[str, str]
    not_approved: Mapping[str, str]
    refused_settings: Mapping[str, str]
    refused_purposes: Mapping[Purpose, str]
    general_practice: frozenset[str]
    """Settings of practices with registered patients (P-36)."""
    alert_every_view: frozenset[str]
    """Settings where each view is an alert (P-79)."""
    activities: Activities
    includes: Mapping[ActivityCode, frozenset[ActivityCode]]
    report_job_roles: frozenset[str]
    limits: Limits

    def __post_init__(self) -> None:
        lists = (self.approved, self.not_approved, self.refused_settings)
        if len(set().union(*lists)) != sum(len(each) for each in lists):
            raise InvalidValue("a care setting stands in more than one list of the policy")
        if {Purpose.DIRECT_CARE, Purpose.POST_DEATH_DUTY} & set(self.refused_purposes):
            raise InvalidValue("direct care and duties after death are never refused purposes")
        if not self.general_practice | self.alert_every_view <= set(self.approved):
            raise InvalidValue("only an approved care setting has rules of its own")

    @property
    def known_settings(self) -> frozenset[str]:
        """Every care setting code that one of the lists names; any other is refused as unknown (P-58)."""
        return frozenset({*self.approved, *self.not_approved, *self.refused_settings})

    def expand(self, granted: frozenset[ActivityCode]) -> frozenset[ActivityCode]:
        """The activities granted with those they include, to any depth."""
        if granted.isdisjoint(self.includes):
            return granted
        held: set[ActivityCode] = set()
        open_ = set(granted)
        while open_:
            code = open_.pop()
            held.add(code)
            open_ |= self.includes.get(code, frozenset()) - held
        return frozenset(held)


def read_edition(text: str) -> PolicySettings:
    """One edition from its TOML text. Raises InvalidValue: something is missing, unknown or contradicts itself."""
    try:
        return _edition(tomllib.loads(text))
    except InvalidValue:
        raise
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidValue("an edition of the policy's settings cannot be read") from error
    except ValueError as error:  # of the closed list of purposes
        raise InvalidValue("an edition of the policy's settings names something unknown") from error


def _edition(table: Mapping[str, Any]) -> PolicySettings:
    limits = table["limits"]
    return PolicySettings(
        version=table["version"],
        effective=table["effective"],
        approved=_settings(table["approved"]),
        not_approved=_settings(table["not_approved"]),
        refused_settings=_settings(table["refused_settings"]),
        refused_purposes=MappingProxyType({Purpose(name): rule for name, rule in table["refused_purposes"].items()}),
        general_practice=frozenset(table["settings"]["general_practice"]),
        alert_every_view=frozenset(table["settings"]["alert_every_view"]),
        activities=Activities(**{name: ActivityCode(code) for name, code in table["activities"].items()}),
        includes=MappingProxyType(
            {
                ActivityCode(code): frozenset(ActivityCode(inner) for inner in included)
                for code, included in table["includes"].items()
            }
        ),
        report_job_roles=frozenset(table["reports"]["job_roles"]),
        limits=Limits(
            assurance=limits["assurance"],
            proof_leeway=timedelta(seconds=limits["proof_leeway_seconds"]),
            single_permission=timedelta(hours=limits["single_permission_hours"]),
            refusal=timedelta(hours=limits["refusal_hours"]),
            note_shortest=limits["note_shortest"],
            note_longest=limits["note_longest"],
            note_words=limits["note_words"],
            override_views_per_day=limits["override_views_per_day"],
        ),
    )


def _settings(table: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({Setting(code).code: rule for code, rule in table.items()})


def in_force(editions: Iterable[PolicySettings], now: datetime) -> PolicySettings:
    """The latest of these editions that has taken effect by the London day of `now`. Raises InvalidValue where none has."""
    today = aware(now).astimezone(LONDON).date()
    begun = [edition for edition in editions if edition.effective <= today]
    if not begun:
        raise InvalidValue("no edition of the policy's settings is in force at this time")
    return max(begun, key=lambda edition: (edition.effective, edition.version))


@cache
def shipped() -> tuple[PolicySettings, ...]:
    """Every edition that ships with the gateway, by version. Raises InvalidValue."""
    folder = resources.files("gateway.policy").joinpath("editions")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(read_edition(file.read_text(encoding="utf-8")) for file in files)


def current(now: datetime) -> PolicySettings:
    """The shipped edition in force at `now` (aware). Raises InvalidValue before the first."""
    return in_force(shipped(), now)
