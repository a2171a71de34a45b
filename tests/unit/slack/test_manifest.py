"""The manifest asks for exactly what the adapter uses."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import deputy.adapters.slack

HISTORIES = {"channels:history", "groups:history", "im:history", "mpim:history"}
SCOPES = {
    "auth_test": set(),
    "apps_connections_open": set(),  # an app-level scope, not the bot's
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_getPermalink": set(),
    "conversations_history": HISTORIES | {"metadata.message:read", "files:read"},
    "conversations_replies": HISTORIES | {"metadata.message:read", "files:read"},
    "conversations_open": {"im:write"},
    "files_getUploadURLExternal": {"files:write"},
    "files_completeUploadExternal": {"files:write"},
    "users_info": {"users:read"},
}
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
SOURCE = "\n".join(path.read_text() for path in Path(str(deputy.adapters.slack.__file__)).parent.rglob("*.py"))


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found = yaml.safe_load((Path(__file__).parents[3] / "deploy" / "slack-manifest.yaml").read_text())
    assert isinstance(found, dict)
    return found


def used_methods() -> set[str]:
    return set(re.findall(r"(?:client|_poster|_sharer)\.([a-z]+_[A-Za-z_]+)\(", SOURCE))


def test_the_scopes_are_those_of_the_methods_and_events(manifest: dict[str, Any]) -> None:
    needed = set().union(*(SCOPES[method] for method in used_methods() - {"send_dict"}))
    needed |= set(EVENT_SCOPES.values()) | {"commands"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed


def test_the_events_are_those_that_the_app_listens_to(manifest: dict[str, Any]) -> None:
    listened = set(re.findall(r'app\.event\("([a-z_]+)"\)', SOURCE))
    subscribed = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert listened == {name.split(".")[0] for name in subscribed}
    assert set(subscribed) == set(EVENT_SCOPES)


def test_clicks_the_command_and_socket_mode_are_on(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert [item["command"] for item in manifest["features"]["slash_commands"]] == ["/deputy"]
    assert manifest["features"]["app_home"]["messages_tab_read_only_enabled"] is False
