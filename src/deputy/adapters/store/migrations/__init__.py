"""The history of our tables, for Alembic."""
