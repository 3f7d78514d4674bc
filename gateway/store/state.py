"""Reads that a decision and its reports rest on. Never writes, and never takes the writer's connection or lock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain import notes
from gateway.domain.decision import AuditEntry, PermissionBasis
from gateway.domain.errors import InternalError, InvalidValue
from gateway.domain.identifiers import NhsNumber, OdsCode, UserId
from gateway.domain.journal import Successor, ViewState
from gateway.domain.permission import PermissionAnswer
from gateway.store.chain import decode
from gateway.store.engine import reader_of, store_errors
from gateway.store.held import read_once
from gateway.store.rows import permission_of, relationship_of
from gateway.store.successors import linked
from gateway.store.tables import Instant, alert, audit, permission, relationship, successor, training

DAY = timedelta(hours=24)
NOTES = 5

OVERRIDES = tuple(
    basis.value
    for basis in (
        PermissionBasis.EMERGENCY,
        PermissionBasis.BEST_INTERESTS,
        PermissionBasis.LEGAL_COURT_ORDER,
        PermissionBasis.LEGAL_STATUTE,
        PermissionBasis.LEGAL_PUBLIC_INTEREST,
    )
)
"""What a view without the patient's permission rests on."""

_COLUMNS = tuple(column.name for column in permission.c)
_NO_NEW_VIEW = ("s-flag-attempt", "reloaded")
"""Marks of alerts that tell of no view of their own: a mere attempt, and a page of the same view loaded again."""
_YES = literal_column(f"'{PermissionAnswer.YES.value}'", String)
_ORGANISATION, _USER = bindparam("organisation", type_=String), bindparam("user", type_=String)
_NOW, _DAY_AGO = bindparam("now", type_=Instant), bindparam("day_ago", type_=Instant)


def _word(word: str) -> ColumnElement[str]:
    """A word of this module's own, written into the statement: binding a hundred of them takes longer than the read."""
    assert "'" not in word
    return literal_column(f"'{word}'", String)


def _part(name: str, values: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """One branch of the single statement: the columns of `permission`, NULL where this part has none."""
    columns = [values.get(column.name, cast(null(), column.type)).label(column.name) for column in permission.c]
    return select(_word(name).label("part"), *columns)


def _own(table: Any) -> dict[str, ColumnElement[Any]]:
    return {column.name: column for column in table.c if column.name in _COLUMNS}


def _answers(numbers: Select[Any]) -> Select[Any]:
    """The newest no, withdrawal and yes not withdrawn, however old, and every yes that stands.

    A no holds until a later yes, so it is read whatever its age; a yes that is used up still tells that the no before it
    is over. Answers before the newest of their kind tell nothing more: the read stays small whatever is on record.
    """
    withdrawn = permission.c.ended.is_not(None)
    newest = func.row_number().over(
        partition_by=(permission.c.answer, withdrawn), order_by=(permission.c.starts.desc(), permission.c.id)
    )
    mine = (
        permission.c.patient.in_(numbers),
        permission.c.organisation == _ORGANISATION,
        permission.c.starts <= _NOW,
        or_(permission.c.answer != _YES, not_(withdrawn)),
    )
    kept = select(permission, newest.label("place")).where(*mine).subquery()
    stands = and_(kept.c.answer == _YES, kept.c.consumed.is_(False), kept.c.ends >= _NOW)
    return _part("permission", _own(kept)).where(or_(kept.c.place == literal_column("1"), stands))


def _patient(asked: Sequence[ColumnElement[str]]) -> Iterator[Select[Any]]:
    """What is on record of one patient here, under any number known to be theirs, and which numbers those are."""
    numbers = select(linked(asked).c.number)
    yield _answers(numbers)
    theirs = (relationship.c.patient.in_(numbers), relationship.c.organisation == _ORGANISATION)
    standing = (relationship.c.ended.is_(None), relationship.c.ends >= _NOW)
    yield _part("relation", _own(relationship)).where(*theirs, *standing)
    pair: dict[str, ColumnElement[Any]] = {
        "patient": successor.c.superseded,
        "id": successor.c.current,
        "starts": successor.c.learned_at,
    }
    yield _part("successor", pair).where(successor.c.superseded.in_(numbers))


@lru_cache
def _statement(*, patients: int, user: bool, people: int) -> CompoundSelect[Any]:
    """The one statement, built once for each set of what is asked; the values are bound when it runs.

    As many places as there are people: a list that grows when it runs would have the whole text written anew each time.
    """
    parts: list[Select[Any]] = []
    if patients:
        parts.extend(_patient([bindparam(f"patient{place}", type_=String) for place in range(patients)]))
    if user:
        overrides = and_(alert.c.user_id == _USER, or_(*(alert.c.basis == _word(basis) for basis in OVERRIDES)))
        noted = select(alert.c.at, alert.c.note).where(overrides, alert.c.note.is_not(None))
        last = noted.order_by(alert.c.at.desc(), alert.c.id).limit(literal_column(str(NOTES))).subquery()
        parts.append(_part("note", {"starts": last.c.at, "question_version": last.c.note}))
        recent = (
            overrides,
            alert.c.at > _DAY_AGO,
            *(alert.c.marks.not_like(_word(f"%{one}%")) for one in _NO_NEW_VIEW),
        )
        views = select(func.count().label("views")).where(*recent).scalar_subquery()
        parts.append(_part("count", {"question_version": cast(views, String)}))
    if people:
        asked = or_(*(training.c.user_id == bindparam(f"person{place}", type_=String) for place in range(people)))
        later = training.alias()
        failed_since = exists().where(
            later.c.user_id == training.c.user_id,
            later.c.module == training.c.module,
            later.c.completed > training.c.completed,
            later.c.passed.is_(False),
        )
        passed = and_(asked, training.c.passed.is_(True), not_(failed_since))
        done = select(training.c.user_id).where(passed).distinct().subquery()
        parts.append(_part("trained", {"id": done.c.user_id}))
    return union_all(*parts)


def _successor_of(row: Row[Any]) -> Successor:
    return Successor(superseded=NhsNumber(row.patient), current=NhsNumber(row.id), at=row.starts)


def _number(each: Successor) -> str:
    return each.superseded.value


@dataclass(frozen=True)
class State:
    """The store's reads for the service (StatePort)."""

    engine: AsyncEngine

    async def view_state(
        self,
        *,
        patients: tuple[NhsNumber, ...],
        organisation: OdsCode,
        user: UserId | None,
        officers: tuple[UserId, ...],
        now: datetime,
    ) -> ViewState:
        """What a decision needs, in one statement. Raises NotPossibleNow.

        What the user wrote and overrode before is read only where a patient is asked about: no other decision rests on it,
        and an alert that somebody made unreadable must not keep the officer whose access raised it out of the workbench.
        """
        people = tuple(dict.fromkeys((*officers, *((user,) if user else ()))))
        if not patients and not people:
            return ViewState(
                permissions=(),
                relationships=(),
                recent_notes=(),
                override_count_24h=0,
                trained=False,
                privacy_officers_trained=0,
            )
        statement = _statement(patients=len(patients), user=user is not None and bool(patients), people=len(people))
        values = {
            **{f"patient{place}": number.value for place, number in enumerate(patients)},
            "organisation": organisation.value,
            "user": user.value if user else None,
            **{f"person{place}": person.value for place, person in enumerate(people)},
            "now": now,
            "day_ago": now - DAY,
        }
        with store_errors():
            rows = await read_once(self.engine, lambda connection: connection.execute(statement, values).all())
        trained = {row.id for row in rows if row.part == "trained"}
        kept = sorted((row for row in rows if row.part == "note"), key=lambda row: row.starts, reverse=True)
        return ViewState(
            permissions=tuple(
                sorted((permission_of(r) for r in rows if r.part == "permission"), key=lambda p: (p.start, p.id))
            ),
            relationships=tuple(
                sorted((relationship_of(r) for r in rows if r.part == "relation"), key=lambda r: (r.start, r.id))
            ),
            recent_notes=tuple(part for row in kept for part in notes.parts(row.question_version)),
            override_count_24h=sum(int(row.question_version) for row in rows if row.part == "count"),
            trained=user is not None and user.value in trained,
            privacy_officers_trained=sum(officer.value in trained for officer in dict.fromkeys(officers)),
            successors=tuple(sorted(map(_successor_of, (r for r in rows if r.part == "successor")), key=_number)),
        )

    async def activity(
        self,
        *,
        organisation: OdsCode,
        start: datetime,
        end: datetime,
        patient: NhsNumber | None,
        user: UserId | None,
        limit: int,
    ) -> tuple[int, tuple[AuditEntry, ...]]:
        """(found, the first `limit` accesses oldest first) of this organisation in [start, end).

        Raises NotPossibleNow; InternalError where an entry cannot be read.
        """
        conditions = [
            audit.c.organisation == organisation.value,
            audit.c.at >= start,
            audit.c.at < end,
            audit.c.event == "viewed",
        ]
        if patient is not None:
            conditions.append(audit.c.patient == patient.value)
        if user is not None:
            conditions.append(audit.c.user_id == user.value)
        rows = select(audit.c.body).where(*conditions).order_by(audit.c.at, audit.c.writer, audit.c.seq).limit(limit)
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                found = (
                    await connection.execute(select(func.count()).select_from(audit).where(*conditions))
                ).scalar_one()
                bodies = (await connection.execute(rows)).scalars().all()
        try:
            return int(found), tuple(map(decode, bodies))
        except InvalidValue as error:  # somebody has changed the audit: report nothing rather than something else
            raise InternalError from error
