"""What each user of the cast may see at each system, as a table: `python -m tests.policy.cast_decisions --write`.

Pure: the cast, its registry and `decide`; no sandbox and no clock. The table is changed on purpose only, by that command,
and its difference is read before it is kept.
"""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.domain.access import Assurance, Organisation, Purpose, Role, System, SystemKind, User
from gateway.domain.decision import Decision, Verdict
from gateway.domain.identifiers import UserId
from gateway.domain.permission import PermissionClaim, RelationshipKind
from gateway.identity import registry_check
from gateway.identity.userinfo import read_user
from gateway.policy import decide
from tests.policy import cases as c
from vendor_stubs import cast

TABLE = Path(__file__).with_name("cast_decisions.csv")
ON_RECORD = "on-record"
"""Nothing said, and a yes to this user on record."""
PERMISSIONS = (*(claim.value for claim in PermissionClaim), ON_RECORD)
RELATIONSHIPS = ("none", "referral", "self-claimed")
CARE = tuple(f"direct-care, {relationship}" for relationship in RELATIONSHIPS)
HEAD = ("user", "role", "system", *CARE, "duty after death", "refused purposes")
NEVER = (
    Purpose.RESEARCH, Purpose.CLINICAL_TRIAL, Purpose.POLICE, Purpose.OTHER_GOVERNMENT, Purpose.NON_CLINICAL_COSMETICS
)  # fmt: skip
ELSEWHERE = "every other"

Row = tuple[str, ...]


def rows() -> tuple[Row, ...]:
    """One row per role and system of its organisation; and one per user that says what every other system answers."""
    return tuple(_rows())


def _rows() -> Iterator[Row]:
    registry = registry_check.load(cast.registry_toml())
    organisations = {row.ods: row for row in registry.organisations}
    trained = {UserId(row.uid) for row in cast.users() if row.trained}
    for holder in cast.users():
        user = read_user(cast.userinfo(holder), UserId(holder.uid))
        elsewhere: set[str] = set()
        for system in registry.systems:
            here = [
                role
                for role in user.roles
                if system.kind is SystemKind.STANDALONE or role.organisation == system.organisation
            ]
            for role in here or user.roles[:1] or (None,):
                ods = system.organisation or (role.organisation if role is not None else None)
                asked = _Asked(user, role, system, organisations.get(ods) if ods is not None else None, holder, trained)
                if here:
                    yield (holder.uid, role.id.value if role else "", system.id.value, *asked.outcomes())
                else:
                    elsewhere |= asked.every((Purpose.DIRECT_CARE,))
        yield (holder.uid, "", ELSEWHERE, " ".join(sorted(elsewhere)), "", "", "", "")


class _Asked:
    """One user in one role at one system, asked everything."""

    def __init__(
        self,
        user: User,
        role: Role | None,
        system: System,
        organisation: Organisation | None,
        holder: cast.User,
        trained: set[UserId],
    ) -> None:
        officers = organisation.privacy_officers if organisation is not None else ()
        self._system = system
        settings = organisation.settings if organisation is not None else ()
        self._facts = c.facts(
            system=system,
            action="querySCR" if system.kind is SystemKind.MINI_SERVICE else "",
            organisation=organisation,
            site=system.site,
            setting=system.setting or next(iter(settings), None),
            user=user,
            role=role,
            proof=c.proof(
                id=user.id, assurance=Assurance[holder.assurance], selected_role=role.id if role is not None else None
            ),
            trained=user.id in trained,
            privacy_officers_trained=sum(officer in trained for officer in officers),
        )

    def outcomes(self) -> Row:
        """The cells after the names."""
        care = tuple(
            _grouped({said: self._outcome(Purpose.DIRECT_CARE, said, kind) for said in PERMISSIONS})
            for kind in RELATIONSHIPS
        )
        return (*care, *(" ".join(sorted(self.every(some))) for some in ((Purpose.POST_DEATH_DUTY,), NEVER)))

    def every(self, purposes: Iterable[Purpose]) -> set[str]:
        """The set of outcomes over permissions and relationships."""
        return {
            self._outcome(purpose, said, kind) for purpose in purposes for said in PERMISSIONS for kind in RELATIONSHIPS
        }

    def _outcome(self, purpose: Purpose, said: str, kind: str) -> str:
        facts = self._facts
        ods = facts.organisation.ods if facts.organisation is not None else c.ODS
        user = facts.user.id if facts.user is not None else c.USER
        role = facts.role.id if facts.role is not None else c.ROLE
        mine: dict[str, Any] = {"organisation": ods, "user": user}
        dead = purpose is Purpose.POST_DEATH_DUTY
        claims = replace(
            c.claims("not-asked" if said == ON_RECORD else said),
            purpose=purpose.value,
            relationship=RelationshipKind.SELF_CLAIMED if kind == "self-claimed" else None,
            confirm_deceased=dead,
        )
        given = replace(
            facts,
            purpose=purpose,
            claims=claims,
            relationships=(c.relationship(**mine),) if kind == "referral" else (),
            permissions=(c.recorded(**mine, role=role),) if said == ON_RECORD else (),
            patient=c.patient(deceased=dead),
        )
        return _word(decide(given, c.SETTINGS))


def _word(decision: Decision) -> str:
    """`allow`, with the alert it raises; else the code of the refusal."""
    if decision.verdict is not Verdict.ALLOW:
        return decision.code.slug if decision.verdict is Verdict.DENY else decision.verdict.value
    warned = "".join(f"({warning})" for warning in decision.warnings)
    alert = f"+{decision.alert.type.value}/{decision.alert.reason.value}" if decision.alert is not None else ""
    return f"allow{alert}{warned}"


def _grouped(outcomes: Mapping[str, str]) -> str:
    """Outcome: permissions that end in it; one outcome for all stands alone."""
    if len(set(outcomes.values())) == 1:
        return next(iter(outcomes.values()))
    words = {outcome: [said for said, end in outcomes.items() if end == outcome] for outcome in outcomes.values()}
    return "; ".join(f"{outcome}: {' '.join(said)}" for outcome, said in words.items())


def text(table: Iterable[Row]) -> str:
    """The table as CSV."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerows((HEAD, *table))
    return written.getvalue()


def kept() -> tuple[Row, ...]:
    """The rows of the table in the repository."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        head, *found = [tuple(row) for row in csv.reader(file)]
    if head != HEAD:
        raise ValueError("the table's columns are not these")
    return tuple(found)


def differences(before: Iterable[Row], after: Iterable[Row]) -> list[str]:
    """Every row that is gone, new or changed, the changed ones cell by cell."""
    old, new = ({row[:3]: row[3:] for row in table} for table in (before, after))
    told = [f"gone: {' '.join(key)}" for key in old.keys() - new.keys()]
    told += [f"new: {' '.join(key)}" for key in new.keys() - old.keys()]
    for key in old.keys() & new.keys():
        told += [
            f"{' '.join(key)} [{name}]: {was} -> {now}"
            for name, was, now in zip(HEAD[3:], old[key], new[key], strict=True)
            if was != now
        ]
    return sorted(told)


if __name__ == "__main__":
    present = rows()
    if "--write" in sys.argv[1:]:
        TABLE.write_text(text(present), encoding="utf-8")
    else:
        sys.stdout.write("\n".join(differences(kept(), present)) + "\n")
