"""The guard that keeps alerts and what officers did with them: only where an alert stands may change, and only forwards.

A second lock: `audit verify` finds in the audit's entries whatever somebody changes who takes the guard away.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FACTS = (
    "id, at, type, reason, marks, organisation, site, patient, user_id, user_name, role, role_code, system, asid, basis, "
    "relationship, note, document_id, audit_id, correlation_id"
)
_FORWARDS = "NEW.version = OLD.version + 1 AND NEW.state <> 'new' AND OLD.state <> 'closed'"
_SAID = "alerts and acts on them are append-only"
_ABORT = f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
_KEPT = (
    "CREATE TRIGGER {0}_no_replace BEFORE INSERT ON {0} WHEN EXISTS (SELECT 1 FROM {0} WHERE {1}) "
    "BEGIN SELECT RAISE(ABORT, '{2}'); END"
)
_CALL = "EXECUTE FUNCTION alert_append_only()"
_STATEMENTS = {
    "sqlite": (
        f"CREATE TRIGGER alert_no_change BEFORE UPDATE OF {_FACTS} ON alert {_ABORT}",
        f"CREATE TRIGGER alert_forwards BEFORE UPDATE ON alert WHEN NOT ({_FORWARDS}) {_ABORT}",
        f"CREATE TRIGGER alert_no_delete BEFORE DELETE ON alert {_ABORT}",
        f"CREATE TRIGGER alert_action_no_update BEFORE UPDATE ON alert_action {_ABORT}",
        f"CREATE TRIGGER alert_action_no_delete BEFORE DELETE ON alert_action {_ABORT}",
        # INSERT OR REPLACE takes a row away without a word to the trigger on deleting
        _KEPT.format("alert", "id = NEW.id", _SAID),
        _KEPT.format("alert_action", "alert_id = NEW.alert_id AND version = NEW.version", _SAID),
        _KEPT.format("audit", "writer = NEW.writer AND seq = NEW.seq", "the audit is append-only"),
    ),
    "postgresql": (
        (
            f"CREATE FUNCTION alert_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$"
        ),
        f"CREATE TRIGGER alert_no_change BEFORE UPDATE OF {_FACTS} ON alert FOR EACH ROW {_CALL}",
        f"CREATE TRIGGER alert_forwards BEFORE UPDATE ON alert FOR EACH ROW WHEN (NOT ({_FORWARDS})) {_CALL}",
        f"CREATE TRIGGER alert_no_delete BEFORE DELETE ON alert FOR EACH ROW {_CALL}",
        f"CREATE TRIGGER alert_no_truncate BEFORE TRUNCATE ON alert {_CALL}",
        f"CREATE TRIGGER alert_action_no_change BEFORE UPDATE OR DELETE ON alert_action FOR EACH ROW {_CALL}",
        f"CREATE TRIGGER alert_action_no_truncate BEFORE TRUNCATE ON alert_action {_CALL}",
    ),
}


def upgrade() -> None:
    """Forwards only: there is no way back in production."""
    for statement in _STATEMENTS[op.get_bind().dialect.name]:
        op.execute(statement)
