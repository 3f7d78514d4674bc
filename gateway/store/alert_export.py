"""Alerts as files for the privacy officer: CSV, JSON Lines and FHIR R4 AuditEvent in the national coding. Reads nothing itself.

Source: access policy section 3e, report columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson

from gateway.domain.decision import Alert, AuditEntry
from gateway.domain.privacy import AlertCase, Unreadable
from gateway.domain.reading import BASES, REASONS, TYPES, role
from gateway.store.alert_message import alert_event
from gateway.store.chain import encode, instant_text
from gateway.store.export import CSV_COLUMNS, audit_event, csv_row, csv_text

COLUMNS = (
    "alert id", "time", "type", "type in words", "reason", "reason in words", "organisation", "site", "user", "user name",
    "role", "role code", "role in words", "system", "patient", "permission", "permission in words", "relationship", "note",
    "marks", "status", "last action by", "last action at", "system's id", "access as the system says", "system's message",
    "system's action",
)  # fmt: skip


def row(case: AlertCase) -> tuple[object, ...]:
    """One alert under COLUMNS; times in UTC."""
    raised = case.alert
    return (
        raised.id, instant_text(raised.at), raised.type.value, TYPES[raised.type], raised.reason.value,
        REASONS[raised.reason], raised.organisation.value, raised.site.value if raised.site else None, raised.user.value,
        raised.user_name, raised.role, raised.role_code, role(raised.role_code), raised.system.value, raised.patient.value,
        raised.basis, BASES.get(raised.basis), raised.relationship, raised.note,
        " ".join(raised.marks), case.state.value, case.acted_by.value if case.acted_by else None,
        instant_text(case.acted) if case.acted else None, *_sent(raised),
    )  # fmt: skip


def _sent(raised: Alert) -> tuple[str | None, ...]:
    """What a system said that posted it."""
    sent = raised.sent
    return (None,) * 4 if sent is None else (sent.id, instant_text(sent.recorded), sent.message, sent.action)


def alerts_file(form: str, cases: Iterable[AlertCase], unreadable: Sequence[Unreadable] = ()) -> bytes:
    """Alerts as `csv`, `jsonl` or `fhir`; those that cannot be read are named behind them."""
    if form == "csv":
        return csv_text(COLUMNS, chain(map(row, cases), _lost(unreadable, len(COLUMNS)))).encode("utf-8-sig")
    if form == "jsonl":
        return _lines(dict(zip(COLUMNS, row(case), strict=True)) for case in cases) + _lost_lines(unreadable)
    return _bundle((alert_event(case.alert) for case in cases), unreadable)


def entries_file(form: str, entries: Iterable[AuditEntry], unreadable: Sequence[Unreadable] = ()) -> bytes:
    """Audit entries as `csv`, `jsonl` or `fhir`; those that cannot be read are named behind them."""
    if form == "csv":
        return csv_text(CSV_COLUMNS, chain(map(csv_row, entries), _lost(unreadable, len(CSV_COLUMNS)))).encode(
            "utf-8-sig"
        )
    if form == "jsonl":
        return b"".join(encode(entry) + b"\n" for entry in entries) + _lost_lines(unreadable)
    return _bundle(map(audit_event, entries), unreadable)


_LOST = "cannot be read: what the database has of it was changed; audit verify says more"


def _lost(unreadable: Sequence[Unreadable], width: int) -> Iterator[Sequence[object]]:
    """A row for each that cannot be read: its id, and in the place of the time that it cannot."""
    for one in unreadable:
        yield (one.id, _LOST, *[None] * (width - 2))


def _lost_lines(unreadable: Sequence[Unreadable]) -> bytes:
    return _lines({"unreadable": one.kind, "id": one.id, "why": _LOST} for one in unreadable)


def _outcome(unreadable: Sequence[Unreadable]) -> dict[str, Any]:
    """The same as a FHIR R4 OperationOutcome."""
    issues = [
        {"severity": "error", "code": "incomplete", "diagnostics": f"{one.kind} {one.id} {_LOST}"} for one in unreadable
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _lines(values: Iterable[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


def _bundle(events: Iterable[dict[str, Any]], unreadable: Sequence[Unreadable]) -> bytes:
    """A FHIR collection."""
    entries = [{"resource": event} for event in (*events, *([_outcome(unreadable)] if unreadable else ()))]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
