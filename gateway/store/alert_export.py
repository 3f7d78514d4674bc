"""Alerts as files for the privacy officer: CSV, JSON Lines and FHIR R4 AuditEvent in the national coding. Reads nothing itself.

Source: access policy section 3e, report columns.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from gateway.domain.decision import AuditEntry
from gateway.domain.privacy import AlertCase
from gateway.domain.reading import BASES, REASONS, TYPES, role
from gateway.store.alert_message import alert_event
from gateway.store.chain import encode, instant_text
from gateway.store.export import audit_event, csv_text, entries_csv

COLUMNS = (
    "alert id", "time", "type", "type in words", "reason", "reason in words", "organisation", "site", "user", "user name",
    "role", "role code", "role in words", "system", "patient", "permission", "permission in words", "relationship", "note",
    "marks", "status", "last action by", "last action at",
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
        instant_text(case.acted) if case.acted else None,
    )  # fmt: skip


def alerts_file(form: str, cases: Iterable[AlertCase]) -> bytes:
    """Alerts as `csv`, `jsonl` or `fhir`."""
    if form == "csv":
        return csv_text(COLUMNS, map(row, cases)).encode("utf-8-sig")
    if form == "jsonl":
        return _lines(dict(zip(COLUMNS, row(case), strict=True)) for case in cases)
    return _bundle(alert_event(case.alert) for case in cases)


def entries_file(form: str, entries: Iterable[AuditEntry]) -> bytes:
    """Audit entries as `csv`, `jsonl` or `fhir`."""
    if form == "csv":
        return entries_csv(entries).encode("utf-8-sig")
    if form == "jsonl":
        return b"".join(encode(entry) + b"\n" for entry in entries)
    return _bundle(map(audit_event, entries))


def _lines(values: Iterable[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


def _bundle(events: Iterable[dict[str, Any]]) -> bytes:
    """A FHIR collection."""
    entries = [{"resource": event} for event in events]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
