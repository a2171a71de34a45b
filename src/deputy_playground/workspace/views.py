"""Modals and home tabs: what ``views.open``, ``views.update``, ``views.push`` and ``views.publish`` keep."""

import json
import threading
from collections.abc import Callable

from deputy_playground.personas import APP_ID, BOT_ID, TEAM
from deputy_playground.wire import Json, SlackError, new_id
from deputy_playground.workspace.blocks import MAX_VIEW_BLOCKS, check_blocks

MAX_TITLE = 24


class Views:
    """Open views by person and published home tabs. They do not survive a restart."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._open: dict[str, tuple[str, Json]] = {}
        self._homes: dict[str, Json] = {}

    def open(self, user: str, view: object) -> Json:
        """Show this person a modal."""
        made = self._made(view, "modal")
        with self._lock:
            self._open[made["id"]] = (user, made)
        self._changed()
        return made

    def update(self, view_id: str, view: object) -> tuple[str, Json]:
        """Replace an open modal; returns whose it is and what it became."""
        with self._lock:
            if view_id not in self._open:
                raise SlackError("not_found")
            user, old = self._open[view_id]
            made = self._made(view, "modal") | {"id": view_id, "root_view_id": old["root_view_id"]}
            self._open[view_id] = (user, made)
        self._changed()
        return user, made

    def publish(self, user: str, view: object) -> Json:
        """Set this person's home tab."""
        made = self._made(view, "home")
        with self._lock:
            self._homes[user] = made
        self._changed()
        return made

    def get(self, user: str, view_id: str) -> Json:
        """An open modal of this person, or ``not_found``."""
        with self._lock:
            owner, view = self._open.get(view_id, ("", {}))
        if owner != user:
            raise SlackError("not_found")
        return view

    def close(self, view_id: str) -> None:
        """The modal is gone."""
        with self._lock:
            self._open.pop(view_id, None)
        self._changed()

    def opened_for(self, user: str) -> list[Json]:
        """The open modals of this person, oldest first."""
        with self._lock:
            return [view for owner, view in self._open.values() if owner == user]

    def home(self, user: str) -> Json | None:
        """The home tab of this person, when one was published."""
        with self._lock:
            return self._homes.get(user)

    @staticmethod
    def _made(view: object, kind: str) -> Json:
        if isinstance(view, str):
            view = json.loads(view)
        if not isinstance(view, dict) or view.get("type") != kind:
            raise SlackError("invalid_arguments", f"must be a {kind} view [json-pointer:/view/type]")
        if kind == "modal" and not 0 < len(str(view.get("title", {}).get("text", ""))) <= MAX_TITLE:
            raise SlackError(
                "invalid_arguments", f"must be less than {MAX_TITLE + 1} characters [json-pointer:/view/title/text]"
            )
        check_blocks(view.get("blocks"), MAX_VIEW_BLOCKS)
        name = new_id("V")
        fresh = {"id": name, "team_id": TEAM, "app_id": APP_ID, "bot_id": BOT_ID, "app_installed_team_id": TEAM}
        shape = {"callback_id": "", "private_metadata": "", "notify_on_close": False, "clear_on_close": False}
        more: Json = {
            "hash": new_id(""),
            "state": {"values": {}},
            "root_view_id": name,
            "previous_view_id": None,
            "external_id": "",
        }
        return shape | dict(view) | fresh | more
