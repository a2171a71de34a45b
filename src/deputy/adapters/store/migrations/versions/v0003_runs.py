"""A task's runs become values of their own; what nothing filled goes."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

_FINAL = {"refused", "blocked", "delivered", "cancelled", "rejected", "expired", "failed"}
# The run has not left a tree of its own yet: what the task holds was left by the run before.
_BEFORE_ITS_TREE = {"queued", "running"}


def upgrade() -> None:
    """Go one step forward."""
    connection = op.get_bind()
    _rewrite(connection, "deputy_task", ("id",), task)
    _rewrite(connection, "deputy_vote", ("hold", "subject"), vote)


def _rewrite(connection: sa.Connection, name: str, keys: tuple[str, ...], change: Any) -> None:
    table = sa.table(name, *(sa.column(key) for key in (*keys, "value")))
    for row in connection.execute(sa.select(table)).all():
        is_row = sa.and_(*(table.c[key] == getattr(row, key) for key in keys))
        value = json.dumps(change(json.loads(row.value)), ensure_ascii=False)
        connection.execute(sa.update(table).where(is_row).values(value=value))


def vote(old: dict[str, Any]) -> dict[str, Any]:
    """A vote without the reason that nobody could give."""
    return {name: value for name, value in old.items() if name != "reason"}


def task(old: dict[str, Any]) -> dict[str, Any]:
    """A task of the first releases, whose last run lay in the task itself, as one with runs."""
    is_final = old["status"] in _FINAL
    spec = old.get("spec")
    return {
        "id": old["id"],
        "request": old["request"],
        "requester": old["actor"],
        **{name: old[name] for name in ("place", "text", "status", "created_at", "updated_at", "version")},
        "spec": {name: value for name, value in spec.items() if name != "done"} if spec else None,
        "clarification": old.get("clarification"),
        "admitted_under": old.get("policy") or None,
        "runs": _runs(old, is_final=is_final),
        "parent": None,
        "cancel_by": old.get("cancel_by") or None,
        "outcome": (old.get("outcome") or None) if is_final else None,
    }


def _runs(old: dict[str, Any], *, is_final: bool) -> list[dict[str, Any]]:
    number = old.get("run") or 0
    if not number:
        return []
    is_dispatched = old.get("called") == number
    newest = {
        "number": number,
        "start": "previous" if old.get("feedback") else "base",
        "feedback": old.get("feedback") or None,
        "queued_at": (old.get("called_at") if is_dispatched else None) or old["updated_at"],
        "dispatched_at": old.get("called_at") if is_dispatched else None,
        "ended_at": old["updated_at"] if is_final else None,
    }
    if old["status"] not in _BEFORE_ITS_TREE:
        return [newest | _pinned(old) | _left(old)]
    pinned = _pinned(old) | {"work": "active"} if old["status"] == "running" else {}
    if number == 1:
        return [newest | pinned]
    before = {
        "number": number - 1,
        "queued_at": old.get("called_at") or old["created_at"],
        "dispatched_at": old.get("called_at"),
        "ended_at": old["updated_at"],
    }
    return [before | _pinned(old) | _left(old), newest | pinned]


def _pinned(old: dict[str, Any]) -> dict[str, Any]:
    return {name: old.get(name) or None for name in ("base", "policy", "worker")}


def _left(old: dict[str, Any]) -> dict[str, Any]:
    """What a run left: a tree and what was found about it."""
    return {
        "tree": old.get("tree") or None,
        "patch": old.get("patch") or None,
        "change": old.get("change_file") or None,
        "summary": (old.get("outcome") or None) if old["status"] not in _FINAL - {"delivered"} else None,
        "evidence": old.get("proof_file") or None,
        "report": old.get("report_file") or None,
        "delivered_file": old.get("patch_file") or None,
        "usage": old.get("usage") or {},
        "work": "done" if old.get("tree") else "failed" if old["status"] == "failed" else "waiting",
        "checks": "done" if old.get("proof_file") else "waiting",
        "gates": "done" if old.get("report_file") else "waiting",
    }
