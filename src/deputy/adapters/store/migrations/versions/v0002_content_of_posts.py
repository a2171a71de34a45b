"""What a message shows is known to every worker, not only to the one that wrote it last."""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.add_column("deputy_post", sa.Column("content", sa.String(), nullable=False, server_default=""))
