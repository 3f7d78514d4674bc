"""Which NHS number stands for a superseded one, as PDS last said. Never edited once released: changes are new versions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards only. Starts empty: a pair is learned the next time PDS answers for the old number."""
    op.create_table(
        "successor",
        sa.Column("superseded", sa.String(), nullable=False),
        sa.Column("current", sa.String(), nullable=False),
        sa.Column("learned_at", sa.TIMESTAMP(timezone=True).with_variant(sa.String(27), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("superseded", name=op.f("pk_successor")),
    )
    op.create_index(op.f("ix_successor_current"), "successor", ["current"])
