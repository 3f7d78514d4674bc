"""Reads that a decision and its reports rest on. Never writes, and never takes the writer's connection or lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.decision import AuditEntry, PermissionBasis
from gateway.domain.identifiers import NhsNumber, OdsCode, UserId
from gateway.domain.journal import ViewState
from gateway.domain.permission import PermissionAnswer
from gateway.store.chain import decode
from gateway.store.engine import reader_of, store_errors
from gateway.store.rows import permission_of, relationship_of
from gateway.store.tables import alert, audit, permission, relationship, training

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
_TRIED = "s-flag-attempt"


def _part(name: str, values: dict[str, ColumnElement[Any]]) -> Select[Any]:
    """One branch of the single statement: the columns of `permission`, NULL where this part has none."""
    columns = [values.get(column.name, cast(literal(None), column.type)).label(column.name) for column in permission.c]
    return select(literal(name).label("part"), *columns)


def _own(table: Any) -> dict[str, ColumnElement[Any]]:
    return {column.name: column for column in table.c if column.name in _COLUMNS}


def permission_open(now: datetime) -> ColumnElement[bool]:
    """A yes that stands, or a no of the last 24 hours."""
    stands = and_(
        permission.c.answer == PermissionAnswer.YES.value,
        permission.c.ended.is_(None),
        permission.c.consumed.is_(False),
        permission.c.ends >= now,
    )
    return or_(stands, and_(permission.c.answer != PermissionAnswer.YES.value, permission.c.starts >= now - DAY))


def _overrides(user: UserId) -> ColumnElement[bool]:
    return and_(alert.c.user_id == user.value, alert.c.basis.in_(OVERRIDES))


def _trained(users: Sequence[UserId]) -> Select[Any]:
    passed = and_(training.c.user_id.in_([user.value for user in users]), training.c.passed.is_(True))
    return select(training.c.user_id).where(passed).distinct()


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
        """What a decision needs, in one statement. Raises NotPossibleNow."""
        people = tuple(dict.fromkeys((*officers, *((user,) if user else ()))))
        with store_errors():
            async with reader_of(self.engine).connect() as connection:
                rows = (await connection.execute(_statement(patients, organisation, user, people, now))).all()
        trained = {row.id for row in rows if row.part == "trained"}
        notes = sorted((row for row in rows if row.part == "note"), key=lambda row: row.starts, reverse=True)
        return ViewState(
            permissions=tuple(
                sorted((permission_of(r) for r in rows if r.part == "permission"), key=lambda p: (p.start, p.id))
            ),
            relationships=tuple(
                sorted((relationship_of(r) for r in rows if r.part == "relation"), key=lambda r: (r.start, r.id))
            ),
            recent_notes=tuple(row.question_version for row in notes),
            override_count_24h=sum(int(row.question_version) for row in rows if row.part == "count"),
            trained=user is not None and user.value in trained,
            privacy_officers_trained=sum(officer.value in trained for officer in dict.fromkeys(officers)),
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
        """(found, the first `limit` accesses oldest first) of this organisation in [start, end). Raises NotPossibleNow."""
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
        return int(found), tuple(map(decode, bodies))


def _statement(
    patients: tuple[NhsNumber, ...],
    organisation: OdsCode,
    user: UserId | None,
    people: tuple[UserId, ...],
    now: datetime,
) -> Any:
    numbers = [number.value for number in patients]
    parts: list[Select[Any]] = []
    if numbers:
        parts.append(
            _part("permission", _own(permission)).where(
                permission.c.patient.in_(numbers), permission.c.organisation == organisation.value, permission_open(now)
            )
        )
        parts.append(
            _part("relation", _own(relationship)).where(
                relationship.c.patient.in_(numbers),
                relationship.c.organisation == organisation.value,
                relationship.c.ended.is_(None),
                relationship.c.ends >= now,
            )
        )
    if user is not None:
        last = (
            select(alert.c.at, alert.c.note)
            .where(_overrides(user), alert.c.note.is_not(None))
            .order_by(alert.c.at.desc(), alert.c.id)
            .limit(NOTES)
            .subquery()
        )
        parts.append(_part("note", {"starts": last.c.at, "question_version": last.c.note}))
        views = select(func.count().label("views")).where(
            _overrides(user), alert.c.at > now - DAY, alert.c.marks.not_like(f"%{_TRIED}%")
        )
        parts.append(_part("count", {"question_version": cast(views.scalar_subquery(), String)}))
    if people:
        done = _trained(people).subquery()
        parts.append(_part("trained", {"id": done.c.user_id}))
    if not parts:
        parts.append(_part("nothing", {}).where(literal(value=False)))
    return union_all(*parts)
