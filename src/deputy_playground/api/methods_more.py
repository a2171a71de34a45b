"""The Web API's methods about people, channels, files and views."""

from deputy_playground.api.methods import CHAT_METHODS, Call, Method, paginate
from deputy_playground.personas import APP_ID, BOT_ID, BOT_USER, TEAM, TEAM_DOMAIN, TEAM_NAME
from deputy_playground.wire import Json, SlackError


def auth_test(call: Call) -> Json:
    """``auth.test``."""
    return {
        "ok": True,
        "url": f"{call.site.base}/",
        "team": TEAM_NAME,
        "user": "deputy",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> Json:
    """``api.test``."""
    return {"ok": True, "args": {key: value for key, value in call.args.items() if key != "token"}}


def connections_open(call: Call) -> Json:
    """``apps.connections.open``."""
    ticket = call.site.sockets.ticket(call.site.workspace.clock())
    address = call.site.base.replace("http://", "ws://", 1)
    return {"ok": True, "url": f"{address}/link/?ticket={ticket}&app_id={APP_ID}"}


def team_info(call: Call) -> Json:
    """``team.info``."""
    return {"ok": True, "team": {"id": TEAM, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "url": f"{call.site.base}/"}}


def users_info(call: Call) -> Json:
    """``users.info``."""
    return {"ok": True, "user": call.site.workspace.person(call.need("user", "user_not_found")).as_user()}


def users_list(call: Call) -> Json:
    """``users.list``."""
    everyone = [person.as_user() for person in call.site.workspace.people.values()]
    page, cursor = paginate(call, everyone, 100)
    return {"ok": True, "members": page, "cache_ts": 0, "response_metadata": {"next_cursor": cursor}}


def usergroups_list(_call: Call) -> Json:
    """``usergroups.list``: this workspace has none."""
    return {"ok": True, "usergroups": []}


def conversations_open(call: Call) -> Json:
    """``conversations.open`` with one person."""
    users = call.text("users").split(",")
    if len(users) != 1 or not users[0]:
        raise SlackError("users_list_not_supplied")
    person = call.site.workspace.person(users[0])
    if person.bot:
        raise SlackError("cannot_dm_bot")
    if person.deleted:
        raise SlackError("user_disabled")
    return {"ok": True, "channel": {"id": call.site.workspace.channel(person.id).id}}


def conversations_info(call: Call) -> Json:
    """``conversations.info``."""
    return {
        "ok": True,
        "channel": call.site.workspace.channel(call.need("channel", "channel_not_found")).as_conversation(),
    }


def conversations_list(call: Call) -> Json:
    """``conversations.list``: the public channels."""
    found = [channel.as_conversation() for channel in call.site.workspace.channels.values() if not channel.is_direct]
    page, cursor = paginate(call, found, 100)
    return {"ok": True, "channels": page, "response_metadata": {"next_cursor": cursor}}


def conversations_members(call: Call) -> Json:
    """``conversations.members``."""
    channel = call.site.workspace.channel(call.need("channel", "channel_not_found"))
    page, cursor = paginate(call, [{"id": member} for member in channel.members], 100)
    return {"ok": True, "members": [item["id"] for item in page], "response_metadata": {"next_cursor": cursor}}


def upload_address(call: Call) -> Json:
    """``files.getUploadURLExternal``."""
    try:
        length = int(call.need("length"))
    except ValueError:
        raise SlackError("invalid_arguments", "must be an integer [json-pointer:/length]") from None
    return call.site.uploads.announce(call.need("filename"), length)


def complete_upload(call: Call) -> Json:
    """``files.completeUploadExternal``. Without a channel the files stay private."""
    wanted = call.args.get("files")
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise SlackError("invalid_arguments", "must be a list of objects [json-pointer:/files]")
    name = call.text("channel_id") or call.text("channels").split(",")[0]
    channel = call.site.workspace.bot_channel(name) if name else None
    if call.text("thread_ts") and channel is None:
        raise SlackError("invalid_arguments", "thread_ts needs a channel [json-pointer:/thread_ts]")
    return call.site.uploads.complete(
        wanted, channel, call.text("thread_ts"), call.text("initial_comment"), call.args.get("blocks")
    )


def files_info(call: Call) -> Json:
    """``files.info``."""
    return {"ok": True, "file": call.site.uploads.info(call.need("file", "file_not_found")), "comments": []}


def files_delete(call: Call) -> Json:
    """``files.delete``."""
    call.site.uploads.delete(call.need("file", "file_not_found"))
    return {"ok": True}


def views_open(call: Call) -> Json:
    """``views.open`` and ``views.push``."""
    user = call.site.hooks.pull(call.need("trigger_id", "invalid_trigger_id"))
    return {"ok": True, "view": call.site.views.open(user, call.args.get("view"))}


def views_update(call: Call) -> Json:
    """``views.update`` by id."""
    _, view = call.site.views.update(call.need("view_id", "not_found"), call.args.get("view"))
    return {"ok": True, "view": view}


def views_publish(call: Call) -> Json:
    """``views.publish``."""
    person = call.site.workspace.person(call.need("user_id", "user_not_found"))
    return {"ok": True, "view": call.site.views.publish(person.id, call.args.get("view"))}


METHODS = CHAT_METHODS | {
    "api.test": Method(api_test, tier=4, token=""),
    "auth.test": Method(auth_test, tier=0),
    "apps.connections.open": Method(connections_open, "connections:write", tier=0, token="app"),  # noqa: S106
    "team.info": Method(team_info, "team:read", tier=3),
    "users.info": Method(users_info, "users:read", tier=4),
    "users.list": Method(users_list, "users:read", tier=2),
    "usergroups.list": Method(usergroups_list, "usergroups:read", tier=2),
    "conversations.open": Method(conversations_open, "im:write", tier=3),
    "conversations.info": Method(conversations_info, "channels:read", tier=3),
    "conversations.list": Method(conversations_list, "channels:read", tier=2),
    "conversations.members": Method(conversations_members, "channels:read", tier=4),
    "files.getUploadURLExternal": Method(upload_address, "files:write", tier=4),
    "files.completeUploadExternal": Method(complete_upload, "files:write", tier=4),
    "files.info": Method(files_info, "files:read", tier=4),
    "files.delete": Method(files_delete, "files:write", tier=3),
    "views.open": Method(views_open, tier=4),
    "views.push": Method(views_open, tier=4),
    "views.update": Method(views_update, tier=4),
    "views.publish": Method(views_publish, tier=4),
}
