"""The tables of everything that must survive, the same on SQLite and PostgreSQL. Says nothing of how they are read or written.

Evidence is only ever added: no statement of this package updates or deletes a row of `audit` or `alert_action`, deletes an
alert, or changes anything of one but where it stands; triggers refuse it too (gateway.store.migrations).
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from gateway.domain.instants import aware


class Instant(TypeDecorator[datetime]):
    """An aware instant: `timestamp with time zone` on PostgreSQL, sortable UTC text on SQLite, which has no such type."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of one database."""
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Python -> database. Raises InvalidValue for an instant without a zone."""
        if value is None:
            return None
        value = aware(value).astimezone(UTC)
        # always 27 characters, so that instants sort as text
        return value.isoformat(timespec="microseconds")[:26] + "Z" if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's signature
        """Database -> aware UTC instant."""
        if value is None or isinstance(value, datetime):
            return value.astimezone(UTC) if value is not None else None
        return datetime.fromisoformat(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

audit = Table(
    "audit",
    metadata,
    Column("writer", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", String(64), nullable=False),
    # what reports search by; copies of what the body says, compared with it when the audit is verified
    Column("id", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("event", String, nullable=False),
    Column("organisation", String),
    Column("user_id", String),
    Column("patient", String),
    Column("correlation_id", String, nullable=False),
    # the entry itself, canonical JSON: the bytes the chain is computed over
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("writer", "seq"),
    Index(None, "organisation", "at"),
    Index(None, "patient", "at"),
    Index(None, "user_id", "at"),
    Index(None, "correlation_id"),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("writer", String, primary_key=True),
    Column("key_id", String, nullable=False),
    Column("started", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("sealed", Boolean, nullable=False),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("signer", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("key_id", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("signature", String, nullable=False),
    PrimaryKeyConstraint("signer", "number"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("type", String(1), nullable=False),
    Column("reason", String(1), nullable=False),
    Column("marks", String, nullable=False),  # joined with blanks
    Column("organisation", String, nullable=False),
    Column("site", String),
    Column("patient", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("user_name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("role_code", String, nullable=False),
    Column("system", String, nullable=False),
    Column("asid", String, nullable=False),
    Column("basis", String, nullable=False),
    Column("relationship", String),
    Column("note", String),
    Column("document_id", String),
    Column("audit_id", String, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("sent", String),  # JSON; of an alert that a calling system posted
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("acted", Instant),
    Column("acted_by", String),
    Index(None, "organisation", "state", "at"),
    Index(None, "organisation", "at"),
    Index(None, "user_id", "at"),
    Index(None, "patient", "at"),
)

ALERT_STANDING = ("state", "version", "acted", "acted_by")
"""Columns of `alert` that an officer's act changes; the others are what was raised, and the database keeps them as they were."""

alert_action = Table(
    "alert_action",
    metadata,
    Column("alert_id", String, ForeignKey("alert.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String, nullable=False),
    Column("actor_name", String, nullable=False),
    Column("from_state", String, nullable=False),
    Column("to_state", String, nullable=False),
    Column("note", String, nullable=False),
    PrimaryKeyConstraint("alert_id", "version"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("alert_id", String, ForeignKey("alert.id"), nullable=False),
    Column("organisation", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created", Instant, nullable=False),
    Column("due", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("leased_by", String),
    Column("leased_until", Instant),
    Column("done", Instant),
    Column("fault", String),
    Index(None, "state", "kind", "due"),
    Index(None, "alert_id"),
)

permission = Table(
    "permission",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient", String, nullable=False),
    Column("organisation", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("user_id", String),
    Column("role_id", String),
    Column("team", String),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("how_asked", String, nullable=False),
    Column("question_version", String, nullable=False),
    Column("recorded_by", String),
    Column("recorded_role", String),
    Column("system", String, nullable=False),
    Column("consumed", Boolean, nullable=False),
    Column("ended", Instant),
    Index(None, "patient", "organisation", "starts"),
    Index(None, "organisation", "starts"),
)

relationship = Table(
    "relationship",
    metadata,
    Column("id", String, primary_key=True),
    Column("patient", String, nullable=False),
    Column("organisation", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("user_id", String),
    Column("team", String),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("system", String, nullable=False),
    Column("ended", Instant),
    Index(None, "patient", "organisation", "ends"),
)

successor = Table(
    "successor",
    metadata,
    Column("superseded", String, primary_key=True),
    # the number itself where PDS has taken a supersession back
    Column("current", String, nullable=False),
    Column("learned_at", Instant, nullable=False),
    Index(None, "current"),
)

spent = Table(
    "spent",
    metadata,
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("expires", Instant, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
    Index(None, "expires"),
    sqlite_with_rowid=False,
)

training = Table(
    "training",
    metadata,
    Column("user_id", String, nullable=False),
    Column("module", String, nullable=False),
    Column("topics_version", String, nullable=False),
    Column("completed", Date, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("recorded", Instant, nullable=False),
    Column("source", String, nullable=False),
    PrimaryKeyConstraint("user_id", "module", "topics_version", "completed"),
)

interest = Table(
    "interest",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("received", Instant, nullable=False),
    Column("data", Text, nullable=False),
    Index(None, "received"),
)

sampling = Table(
    "sampling",
    metadata,
    Column("id", String, primary_key=True),
    Column("organisation", String, nullable=False),
    Column("officer", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("seed", String, nullable=False),
    Column("data", Text, nullable=False),
    Index(None, "organisation", "at"),
)

session = Table(
    "session",
    metadata,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Index(None, "expires"),
)

launch = Table(
    "launch",
    metadata,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Index(None, "expires"),
)
