"""The first tables, and the guard that keeps the audit append-only. Never edited once released: changes are new versions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSE = """CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"""
_TRIGGERS = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    ),
    "postgresql": (
        _REFUSE,
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_append_only()",
    ),
}


def _instant() -> sa.TIMESTAMP:
    return sa.TIMESTAMP(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Forwards only: there is no way back in production."""
    _evidence()
    _alerts()
    _answers()
    _people()
    _browsers()
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def _evidence() -> None:
    op.create_table(
        "audit",
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "seq", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_correlation_id"), "audit", ["correlation_id"])
    op.create_index(op.f("ix_audit_organisation_at"), "audit", ["organisation", "at"])
    op.create_index(op.f("ix_audit_patient_at"), "audit", ["patient", "at"])
    op.create_index(op.f("ix_audit_user_id_at"), "audit", ["user_id", "at"])
    op.create_table(
        "audit_chain",
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("started", _instant(), nullable=False),
        sa.Column("seen", _instant(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("writer", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("signer", "number", name=op.f("pk_audit_checkpoint")),
    )


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("type", sa.String(length=1), nullable=False),
        sa.Column("reason", sa.String(length=1), nullable=False),
        sa.Column("marks", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=True),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("role_code", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("asid", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("relationship", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("audit_id", sa.String(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("acted", _instant(), nullable=True),
        sa.Column("acted_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_organisation_at"), "alert", ["organisation", "at"])
    op.create_index(op.f("ix_alert_organisation_state_at"), "alert", ["organisation", "state", "at"])
    op.create_index(op.f("ix_alert_patient_at"), "alert", ["patient", "at"])
    op.create_index(op.f("ix_alert_user_id_at"), "alert", ["user_id", "at"])
    op.create_table(
        "alert_action",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_action_alert_id_alert")),
        sa.PrimaryKeyConstraint("alert_id", "version", name=op.f("pk_alert_action")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", _instant(), nullable=False),
        sa.Column("due", _instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", _instant(), nullable=True),
        sa.Column("done", _instant(), nullable=True),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_outbox_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_alert_id"), "outbox", ["alert_id"])
    op.create_index(op.f("ix_outbox_state_kind_due"), "outbox", ["state", "kind", "due"])


def _answers() -> None:
    op.create_table(
        "permission",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("role_id", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("starts", _instant(), nullable=False),
        sa.Column("ends", _instant(), nullable=False),
        sa.Column("how_asked", sa.String(), nullable=False),
        sa.Column("question_version", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=True),
        sa.Column("recorded_role", sa.String(), nullable=True),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("consumed", sa.Boolean(), nullable=False),
        sa.Column("ended", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission")),
    )
    op.create_index(op.f("ix_permission_organisation_starts"), "permission", ["organisation", "starts"])
    op.create_index(
        op.f("ix_permission_patient_organisation_starts"), "permission", ["patient", "organisation", "starts"]
    )
    op.create_table(
        "relationship",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("starts", _instant(), nullable=False),
        sa.Column("ends", _instant(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("ended", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationship")),
    )
    op.create_index(
        op.f("ix_relationship_patient_organisation_ends"), "relationship", ["patient", "organisation", "ends"]
    )
    op.create_table(
        "spent",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("expires", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_spent")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spent_expires"), "spent", ["expires"])


def _people() -> None:
    op.create_table(
        "training",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("topics_version", sa.String(), nullable=False),
        sa.Column("completed", sa.Date(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("recorded", _instant(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "module", "topics_version", "completed", name=op.f("pk_training")),
    )
    op.create_table(
        "interest",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("received", _instant(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest")),
    )
    op.create_index(op.f("ix_interest_received"), "interest", ["received"])
    op.create_table(
        "sampling",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sampling")),
    )
    op.create_index(op.f("ix_sampling_organisation_at"), "sampling", ["organisation", "at"])


def _browsers() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created", _instant(), nullable=False),
        sa.Column("expires", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_expires"), "session", ["expires"])
    op.create_table(
        "launch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created", _instant(), nullable=False),
        sa.Column("expires", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launch")),
    )
    op.create_index(op.f("ix_launch_expires"), "launch", ["expires"])
