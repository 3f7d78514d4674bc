"""What a calling system said in an alert of its own: the time of the access, its message, its own id. Kept like the rest of the alert."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_GUARD = {
    "sqlite": (
        "CREATE TRIGGER alert_sent_no_change BEFORE UPDATE OF sent ON alert "
        "BEGIN SELECT RAISE(ABORT, 'alerts and acts on them are append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER alert_sent_no_change BEFORE UPDATE OF sent ON alert FOR EACH ROW EXECUTE FUNCTION alert_append_only()"
    ),
}


def upgrade() -> None:
    """Forwards only. Empty for the alerts there are: of those posted before, nothing of it was kept."""
    op.add_column("alert", sa.Column("sent", sa.String(), nullable=True))
    op.execute(_GUARD[op.get_bind().dialect.name])
