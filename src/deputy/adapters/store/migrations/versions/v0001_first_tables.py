"""The first tables, and the guards of the audit trail. The history goes forward only: a trail is never dropped."""

import sqlalchemy as sa
from alembic import op

from deputy.adapters.store.rows import guards

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _value(name: str = "value") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Go one step forward."""
    _tables_of_work()
    _tables_of_policy()
    _tables_of_the_trail()
    for table, columns in {
        "deputy_task": ("created_at", "repo", "status", "subject", "thread"),
        "deputy_hold": ("status", "task"),
        "deputy_event": ("actor", "at", "name", "task"),
    }.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
    guards.install(op.get_bind())


def _tables_of_work() -> None:
    op.create_table("deputy_incoming", *_texts("key", "received_at"), _value(), sa.PrimaryKeyConstraint("key"))
    op.create_table(
        "deputy_task",
        sa.Column("version", sa.Integer(), nullable=False),
        *_texts("id", "status", "subject", "repo", "channel", "thread", "created_at"),
        _value(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "deputy_turn",
        *_texts("task"),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _value(),
        sa.PrimaryKeyConstraint("task", "run", "number"),
        sa.ForeignKeyConstraint(["task"], ["deputy_task.id"]),
    )
    op.create_table("deputy_outcome", *_texts("key"), _value(), sa.PrimaryKeyConstraint("key"))
    op.create_table(
        "deputy_hold",
        *_texts("id", "task", "kind", "status", "opened_at"),
        _value(),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["task"], ["deputy_task.id"]),
    )
    op.create_table(
        "deputy_vote",
        *_texts("hold", "subject", "at"),
        _value(),
        sa.PrimaryKeyConstraint("hold", "subject"),
        sa.ForeignKeyConstraint(["hold"], ["deputy_hold.id"]),
    )
    op.create_table(
        "deputy_post", *_texts("key", "channel", "thread", "ts"), _value("files"), sa.PrimaryKeyConstraint("key")
    )


def _tables_of_policy() -> None:
    op.create_table("deputy_bundle", *_texts("digest"), sa.PrimaryKeyConstraint("digest"))
    op.create_table(
        "deputy_bundle_file",
        *_texts("digest", "path"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "path"),
        sa.ForeignKeyConstraint(["digest"], ["deputy_bundle.digest"]),
    )


def _tables_of_the_trail() -> None:
    op.create_table(
        "deputy_event",
        sa.Column("seq", _COUNTER, autoincrement=False, nullable=False),
        *_texts("name", "at", "actor", "task"),
        _value("body"),
        *_texts("prev", "hash"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "deputy_event_personal",
        sa.Column("seq", _COUNTER, nullable=False),
        *_texts("field"),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        _value(),
        sa.PrimaryKeyConstraint("seq", "field"),
        sa.ForeignKeyConstraint(["seq"], ["deputy_event.seq"]),
    )
