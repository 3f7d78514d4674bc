"""Canonical bytes of an audit entry, and the keyed chain over them. Pure: no key is read and no clock is asked here.

Each writer has a chain of its own. The code of entry n is HMAC-SHA256 over the writer's name, n, the code of entry n-1
and the entry's bytes; entry 0 is the writer's name alone. Without the key no entry can be changed, added, taken out of
the middle or moved unseen; what a cut tail takes away shows against signed checkpoints (gateway.store.checkpoints).
"""

import hmac
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.domain.decision import AuditEntry
from gateway.domain.errors import InternalError, InvalidValue
from gateway.domain.identifiers import Identifier, NhsNumber, OdsCode, SystemId, UserId
from gateway.domain.instants import aware, from_iso

_IDENTIFIERS: dict[str, type[Identifier]] = {
    "system": SystemId,
    "organisation": OdsCode,
    "site": OdsCode,
    "user": UserId,
    "patient": NhsNumber,
    "requested_patient": NhsNumber,
}
_FIELDS = tuple((field.name, field.default) for field in fields(AuditEntry))
_REQUIRED = frozenset(name for name, default in _FIELDS if default is MISSING)
_NAMES = frozenset(name for name, _ in _FIELDS)


def instant_text(moment: datetime) -> str:
    """UTC with microseconds, always of one length, so that it sorts as text."""
    return aware(moment).astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def held_text(value: Any) -> str:
    """The same of a time as a database holds it; of one that somebody made unreadable, whatever it then says."""
    return instant_text(value) if isinstance(value, datetime) and value.tzinfo is not None else str(value)


def canonical(value: Any) -> bytes:
    """A JSON value as its one form of bytes: keys sorted, no blanks, UTF-8. Raises InternalError for what is not JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InternalError from error


def export_line(values: dict[str, Any]) -> bytes:
    """One line of an export or anchor: the only form of these values that `audit verify` takes."""
    return orjson.dumps(values) + b"\n"


def encode(entry: AuditEntry) -> bytes:
    """The canonical bytes of an entry; fields at their default are left out. Raises InternalError for facts that are not JSON."""
    values: dict[str, object] = {}
    for name, default in _FIELDS:
        value = getattr(entry, name)
        if value is None or value == default:
            continue
        if isinstance(value, Identifier):
            values[name] = value.value
        elif isinstance(value, datetime):
            values[name] = instant_text(value)
        else:
            values[name] = value
    return canonical(values)


def decode(body: bytes | str) -> AuditEntry:
    """The entry in canonical bytes. Raises InvalidValue where they are no entry."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidValue("an audit entry is JSON") from error
    if not isinstance(values, dict) or not _REQUIRED <= values.keys() <= _NAMES:
        raise InvalidValue("not the fields of an audit entry")
    for name, kind in _IDENTIFIERS.items():
        if name in values:
            values[name] = kind(values[name])
    for name in ("rules", "spine_message_ids"):
        values[name] = tuple(values.get(name, ()))
    values["facts"] = tuple((name, value) for name, value in values.get("facts", ()))
    values["at"] = from_iso(values["at"])
    return AuditEntry(**values)


def genesis(writer: str, key: bytes) -> str:
    """The code before a writer's first entry."""
    return hmac.digest(key, b"scr-audit 1\n" + writer.encode(), "sha256").hex()


def link(writer: str, seq: int, previous: str, body: bytes, key: bytes) -> str:
    """The code of entry `seq` (from 1), as 64 hex digits."""
    return hmac.digest(
        key, b"scr-audit 1\n%s\n%d\n%s\n%s" % (writer.encode(), seq, previous.encode(), body), "sha256"
    ).hex()


@dataclass(frozen=True, slots=True)
class Head:
    """Where a writer's chain stands: `length` entries, `mac` the code of the last."""

    writer: str
    length: int
    mac: str

    @classmethod
    def start(cls, writer: str, key: bytes) -> "Head":
        """Of a chain without entries."""
        return cls(writer, 0, genesis(writer, key))

    def next(self, body: bytes, key: bytes) -> "Head":
        """After one more entry."""
        length = self.length + 1
        return replace(self, length=length, mac=link(self.writer, length, self.mac, body, key))


def searched(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `audit` that repeat what a decoded body says; `at` as text."""
    return {
        "id": values["id"],
        "at": values["at"],
        "event": values["event"],
        "organisation": values.get("organisation"),
        "user_id": values.get("user"),
        "patient": values.get("patient"),
        "correlation_id": values["correlation_id"],
    }
