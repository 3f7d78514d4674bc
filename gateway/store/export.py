"""The audit as files: JSON Lines (whole, verifiable off the host), CSV and FHIR R4 AuditEvent (for reading). Reads only.

Holds patient identifiers: whoever exports is audited, and says where the file goes.
"""

import csv
import hashlib
import io
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.domain.cells import safe_cell
from gateway.domain.decision import AuditEntry
from gateway.domain.reading import outcome, role
from gateway.store.chain import canonical, export_line, instant_text, searched
from gateway.store.checkpoints import Checkpoint, end_line
from gateway.store.engine import snapshot_of, store_errors
from gateway.store.keys import AuditKeys
from gateway.store.raw import maybe, number, raws, text
from gateway.store.tables import audit, audit_chain, audit_checkpoint

_PAGE = 2000
_FHIR = "https://fhir.nhs.uk"


async def export_lines(engine: AsyncEngine, keys: AuditKeys, made: str) -> AsyncGenerator[bytes, None]:
    """The whole audit as JSON Lines: checkpoints, chains, entries chain by chain in order, and a last line that counts
    them and is signed over all before it: nothing can be taken out of the file later and the counts made to fit.

    `made`: id of the entry that says that this export is made. Yields blocks of whole lines. Raises NotPossibleNow.
    """
    digest, counts = hashlib.sha256(), {"chain": 0, "checkpoint": 0, "entry": 0}
    async with aclosing(blocks(engine)) as parts:  # whoever stops in between leaves no connection behind
        async for kind, lines in parts:
            block = b"".join(lines)
            digest.update(block)
            counts[kind] += len(lines)
            yield block
    yield end_line(counts["entry"], counts["checkpoint"], made, digest.hexdigest(), keys)


async def blocks(engine: AsyncEngine) -> AsyncGenerator[tuple[str, list[bytes]], None]:
    """The same without its last line, as (kind, lines) of one kind each, all of one moment. Raises NotPossibleNow.

    A row that somebody made unreadable is given as it reads, for the verifier to see; it ends nothing.
    """
    with store_errors():
        async with snapshot_of(engine).connect() as connection:
            dialect = connection.dialect
            columns = raws((audit_checkpoint.c.body, audit_checkpoint.c.signature), dialect)
            stated = select(*columns).order_by(audit_checkpoint.c.signer, audit_checkpoint.c.number)
            async for rows in (await connection.stream(stated)).partitions(_PAGE):
                yield (
                    "checkpoint",
                    [Checkpoint(body=text(row.body), signature=text(row.signature)).line for row in rows],
                )
            chains = select(*raws((audit_chain.c.writer, audit_chain.c.key_id), dialect)).order_by(audit_chain.c.writer)
            async for rows in (await connection.stream(chains)).partitions(_PAGE):
                named = ((text(row.writer), text(row.key_id)) for row in rows)
                yield "chain", [export_line({"kind": "chain", "writer": writer, "key": key}) for writer, key in named]
            entries = select(*raws(tuple(audit.c), dialect)).order_by(audit.c.writer, audit.c.seq)
            async for rows in (await connection.stream(entries)).partitions(_PAGE):
                yield "entry", [_entry_line(row) for row in rows]


def _entry_line(row: Any) -> bytes:
    """One entry; where the columns reports search by do not repeat it, they stand beside it for the verifier to see."""
    body = text(row.body)
    try:
        entry = orjson.loads(body)
    except orjson.JSONDecodeError:
        entry = body
    else:
        # other bytes than the chain was made over, though they read the same: shown as they are, for the verifier to see
        entry = entry if canonical(entry) == body.encode() else body
    line: dict[str, Any] = {"kind": "entry", "writer": text(row.writer), "seq": number(row.seq), "mac": text(row.mac)}
    line["entry"] = entry
    stored = {
        name: maybe(getattr(row, name))
        for name in ("id", "at", "event", "organisation", "user_id", "patient", "correlation_id")
    }
    try:
        agrees = searched(entry) == stored
    except (KeyError, TypeError, AttributeError):
        agrees = False
    return export_line(line if agrees else {**line, "index": stored})


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV (RFC 4180, every cell quoted, CRLF) with cells made safe."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[safe_cell(cell) for cell in row] for row in rows])
    return out.getvalue()


CSV_COLUMNS = (
    "id", "time", "event", "operation", "outcome", "code", "outcome in words", "rules", "door", "system", "organisation", "site", "network",
    "user", "user name", "role", "role code", "role in words", "patient", "requested patient", "purpose", "setting", "basis", "relationship",
    "emergency", "note", "document", "alert", "correlation id", "count", "claimed",
)  # fmt: skip


def _value(identifier: Any) -> str | None:
    return None if identifier is None else str(identifier.value)


def csv_row(entry: AuditEntry) -> tuple[object, ...]:
    """One entry under CSV_COLUMNS; times in UTC."""
    return (
        entry.id, instant_text(entry.at), entry.event, entry.operation, entry.outcome, entry.code, outcome(entry), " ".join(entry.rules),
        entry.door, _value(entry.system), _value(entry.organisation), _value(entry.site), entry.network,
        _value(entry.user), entry.user_name, entry.role, entry.role_code, role(entry.role_code), _value(entry.patient),
        _value(entry.requested_patient), entry.purpose, entry.setting, entry.basis, entry.relationship,
        "yes" if entry.emergency else "no", entry.note, entry.document_id, entry.alert_id, entry.correlation_id, entry.count,
        "yes" if entry.claimed else "no",
    )  # fmt: skip


def entries_csv(entries: Iterable[AuditEntry]) -> str:
    """Entries as CSV."""
    return csv_text(CSV_COLUMNS, map(csv_row, entries))


_OUTCOME = {"refused": "4", "invalid": "4", "no_record": "4", "unavailable": "8"}


def audit_event(entry: AuditEntry) -> dict[str, Any]:
    """One entry as FHIR R4 AuditEvent."""
    agents: list[dict[str, Any]] = []
    if entry.user:
        who: dict[str, Any] = {"identifier": {"system": f"{_FHIR}/Id/sds-user-id", "value": entry.user.value}}
        agent: dict[str, Any] = {"who": who, "requestor": True}
        if entry.user_name:
            agent["name"] = entry.user_name
        if entry.role or entry.role_code:
            agent["role"] = [{"text": entry.role_code or entry.role}]
        agents.append(agent)
    if entry.organisation:
        code = {"system": f"{_FHIR}/Id/ods-organization-code", "value": entry.organisation.value}
        agents.append({"who": {"identifier": code}, "requestor": False})
    if entry.system or not agents:
        display = entry.system.value if entry.system else "not proved"
        agents.append({"who": {"display": display}, "requestor": not entry.user})
    entities: list[dict[str, Any]] = []
    if entry.patient:
        number = {"system": f"{_FHIR}/Id/nhs-number", "value": entry.patient.value}
        role = {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient"}
        entities.append({"what": {"identifier": number}, "role": role})
    request = {
        "what": {"identifier": {"value": entry.correlation_id}},
        "detail": [{"type": "operation", "valueString": entry.operation}],
    }
    entities.append(request)
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": entry.id.lower(),
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "RESTful Operation",
        },
        "subtype": [{"code": entry.event}],
        "action": "R" if entry.event in {"viewed", "status", "trace", "report", "print"} else "E",
        "recorded": instant_text(entry.at),
        "outcome": _OUTCOME.get(entry.outcome, "0"),
        "agent": agents,
        "source": {"site": entry.door, "observer": {"display": "SCR gateway"}},
        "entity": entities,
    }
    if entry.code:
        event["outcomeDesc"] = entry.code
    return event
