"""What a batch of units does inside one open transaction: conditions first, then every row. Never begins or commits.

A unit whose condition fails leaves nothing behind and does no harm to the others. Rows that need a lock are taken in
sorted order, so that two processes cannot wait for each other in a circle.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, String, delete, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.domain.codes import Code
from gateway.domain.decision import Alert, AuditEntry
from gateway.domain.errors import AccessDenied, GatewayError, InternalError, MessageInvalid, PolicyRefused
from gateway.domain.identifiers import NhsNumber
from gateway.domain.journal import Committed, EndPermissions, EndRelationships, Spend, SpendKind, Write
from gateway.domain.notes import NoteFlaw
from gateway.domain.permission import PermissionAnswer
from gateway.store.alert_message import notification, spine_delivery
from gateway.store.chain import Head, encode
from gateway.store.faults import StoreFault
from gateway.store.rows import alert_row, permission_row, relationship_row
from gateway.store.successors import learn, linked
from gateway.store.tables import alert, audit, outbox, permission, relationship, spent

Step = Callable[[Connection], None]
"""Further work of one unit inside its transaction, run with the rest of it (gateway.store.held); a GatewayError undoes the whole unit."""


@dataclass(slots=True)
class Unit:
    """One caller's write as rows, made in the caller's own time: a value that cannot be a row hurts that caller alone."""

    write: Write
    steps: tuple[Step, ...]
    entries: tuple[tuple[bytes, dict[str, Any]], ...]
    """(canonical bytes, row without its place in the chain)."""
    permissions: tuple[dict[str, Any], ...]
    relationships: tuple[dict[str, Any], ...]
    alerts: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    """Rows of the outbox."""
    ended_permissions: int = 0
    ended_relationships: int = 0

    @classmethod
    def of(cls, write: Write, steps: tuple[Step, ...] = ()) -> "Unit":
        """Raises InternalError where a value cannot be stored."""
        try:
            return cls(
                write=write,
                steps=steps,
                entries=tuple(_entry_row(entry) for entry in write.entries),
                permissions=tuple(map(permission_row, write.permissions)),
                relationships=tuple(map(relationship_row, write.relationships)),
                alerts=tuple(map(alert_row, write.alerts)),
                messages=tuple(row for raised in write.alerts for row in _messages(raised)),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise InternalError from StoreFault.of(error)

    @property
    def committed(self) -> Committed:
        """What it did, once its transaction is committed."""
        return Committed(ended_relationships=self.ended_relationships, ended_permissions=self.ended_permissions)


def replayed(spend: Spend) -> GatewayError:
    """The refusal of something that was used before."""
    if spend.kind is SpendKind.MESSAGE:
        return MessageInvalid(Code.MESSAGE_REPLAYED)
    if spend.kind is SpendKind.NOTE:
        return PolicyRefused(Code.EMERGENCY_NOTE, (("P-06", Code.EMERGENCY_NOTE),), NoteFlaw.USED)
    return AccessDenied(Code.LAUNCH_SPENT if spend.kind is SpendKind.LAUNCH else Code.CREDENTIALS_REPLAYED)


def _permission_gone() -> GatewayError:
    return PolicyRefused(Code.PERMISSION_MISSING, (("P-02", Code.PERMISSION_MISSING),))


def _entry_row(entry: AuditEntry) -> tuple[bytes, dict[str, Any]]:
    body = encode(entry)
    row = {
        "id": entry.id,
        "at": entry.at,
        "event": entry.event,
        "organisation": entry.organisation.value if entry.organisation else None,
        "user_id": entry.user.value if entry.user else None,
        "patient": entry.patient.value if entry.patient else None,
        "correlation_id": entry.correlation_id,
        "body": body.decode(),
    }
    return body, row


def _messages(raised: Alert) -> Iterator[dict[str, Any]]:
    """The alert's message to Spine and its notification (I4); the id is the same however often they are delivered."""
    for kind, build in (("spine", spine_delivery), ("notify", notification)):
        yield {
            "id": f"{kind}:{raised.id}",
            "kind": kind,
            "alert_id": raised.id,
            "organisation": raised.organisation.value,
            "body": orjson.dumps(build(raised)).decode(),
            "state": "waiting",
            "created": raised.at,
            "due": raised.at,
            "attempts": 0,
        }


def apply(
    connection: Connection, units: Sequence[Unit], head: Head, key: bytes
) -> tuple[Head, list[GatewayError | None]]:
    """Writes the units. Returns the chain's new head, and for each unit None or why it was refused.

    Units with steps must come alone: a refusal by a step is undone by rolling the transaction back.
    """
    refusals: list[GatewayError | None] = [None] * len(units)
    for unit in units:  # it may be a second try
        unit.ended_permissions = unit.ended_relationships = 0
    _spend(connection, units, refusals)
    _consume(connection, units, refusals)
    good = [unit for unit, refusal in zip(units, refusals, strict=True) if refusal is None]
    for unit in good:
        for step in unit.steps:
            step(connection)
    learn(connection, (each for unit in good for each in unit.write.successors))
    _answers(connection, good)
    _raise_alerts(connection, good)
    return _append(connection, good, head, key), refusals


def _spend(connection: Connection, units: Sequence[Unit], refusals: list[GatewayError | None]) -> None:
    """Spends every id that is new; refuses the units whose ids are not, and gives back what else they would have spent."""
    rows = {
        (spend.kind.value, spend.key): {"kind": spend.kind.value, "key": spend.key, "expires": spend.expires}
        for unit in units
        for spend in unit.write.spend
    }
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(spent).on_conflict_do_nothing().returning(spent.c.kind, spent.c.key)
    answer = connection.execute(statement, [rows[key] for key in sorted(rows)])
    free = {(row.kind, row.key) for row in answer}
    spare = set(free)
    for index, unit in enumerate(units):
        used = next((spend for spend in unit.write.spend if (spend.kind.value, spend.key) not in free), None)
        if used is not None:
            refusals[index] = replayed(used)
            continue
        taken = {(spend.kind.value, spend.key) for spend in unit.write.spend}
        free -= taken
        spare -= taken
    _unspend(connection, spare)


def _unspend(connection: Connection, keys: set[tuple[str, str]]) -> None:
    for kind, key in sorted(keys):
        connection.execute(delete(spent).where(spent.c.kind == kind, spent.c.key == key))


def _consume(connection: Connection, units: Sequence[Unit], refusals: list[GatewayError | None]) -> None:
    """Uses up permissions for one view; refuses the units whose permission is no longer open."""
    wanted = {unit.write.consume_permission for unit, refusal in zip(units, refusals, strict=True) if refusal is None}
    wanted.discard(None)
    if not wanted:
        return
    opened = (
        permission.c.id.in_(sorted(map(str, wanted))),
        permission.c.consumed.is_(False),
        permission.c.ended.is_(None),
    )
    yes = permission.c.answer == PermissionAnswer.YES.value
    found = connection.execute(select(permission.c.id).where(*opened, yes).order_by(permission.c.id).with_for_update())
    free: set[str] = {row.id for row in found}
    taken: list[str] = []
    for index, unit in enumerate(units):
        wants = unit.write.consume_permission
        if wants is None or refusals[index] is not None:
            continue
        if wants in free:
            free.discard(wants)
            taken.append(wants)
        else:
            refusals[index] = _permission_gone()
            _unspend(connection, {(spend.kind.value, spend.key) for spend in unit.write.spend})
    if taken:
        connection.execute(update(permission).where(permission.c.id.in_(taken)).values(consumed=True))


def _answers(connection: Connection, units: Sequence[Unit]) -> None:
    """Permissions and relationships, in the units' order: what a unit ends never includes what it records itself."""
    permissions: list[dict[str, Any]] = []
    relationships: list[dict[str, Any]] = []

    def flush() -> None:
        if permissions:
            connection.execute(insert(permission), permissions)
            permissions.clear()
        if relationships:
            connection.execute(insert(relationship), relationships)
            relationships.clear()

    for unit in units:
        write = unit.write
        if write.end_permissions or write.end_relationships:
            flush()
        for ending in write.end_permissions:
            unit.ended_permissions += _end_permissions(connection, ending)
        for leaving in write.end_relationships:
            unit.ended_relationships += _end_relationships(connection, leaving)
        permissions.extend(unit.permissions)
        relationships.extend(unit.relationships)
    flush()


def _of(column: ColumnElement[str], *patients: NhsNumber) -> ColumnElement[bool]:
    """Whether a row is of one of these patients, under whichever of their numbers."""
    return column.in_(select(linked([literal(number.value, String) for number in patients]).c.number))


def _end_permissions(connection: Connection, ending: EndPermissions) -> int:
    result = connection.execute(
        update(permission)
        .where(
            _of(permission.c.patient, *ending.patients),
            permission.c.organisation == ending.organisation.value,
            permission.c.answer == PermissionAnswer.YES.value,
            permission.c.ended.is_(None),
            permission.c.consumed.is_(False),
            permission.c.ends >= ending.at,
        )
        .values(ended=ending.at)
    )
    return result.rowcount


def _end_relationships(connection: Connection, leaving: EndRelationships) -> int:
    conditions = [
        _of(relationship.c.patient, leaving.patient),
        relationship.c.system == leaving.system.value,
        relationship.c.ended.is_(None),
        relationship.c.ends >= leaving.at,
    ]
    if leaving.user is not None:
        conditions.append(relationship.c.user_id == leaving.user.value)
    if leaving.team is not None:
        conditions.append(relationship.c.team == leaving.team.value)
    result = connection.execute(update(relationship).where(*conditions).values(ended=leaving.at))
    return result.rowcount


def _raise_alerts(connection: Connection, units: Sequence[Unit]) -> None:
    alerts = [row for unit in units for row in unit.alerts]
    if alerts:
        connection.execute(insert(alert), alerts)
        connection.execute(insert(outbox), [row for unit in units for row in unit.messages])


def _append(connection: Connection, units: Sequence[Unit], head: Head, key: bytes) -> Head:
    """The audit entries, each linked to the one before."""
    rows: list[dict[str, Any]] = []
    for unit in units:
        for body, row in unit.entries:
            head = head.next(body, key)
            rows.append({**row, "writer": head.writer, "seq": head.length, "mac": head.mac})
    if rows:
        connection.execute(insert(audit), rows)
    return head
