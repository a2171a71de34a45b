"""What the browser page talks to: the state as JSON, gestures as POSTs, changes over a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from deputy_playground.api.app import Installation
from deputy_playground.page.gestures import Gestures
from deputy_playground.personas import TEAM_NAME, Channel, Persona
from deputy_playground.wire import Json, PlaygroundError, SlackError
from deputy_playground.workspace.workspace import Change

STATIC = Path(__file__).parent / "static"
_WORDS = {
    "not_in_channel": "You are not in this channel.",
    "account_inactive": "This account is deactivated.",
    "msg_too_long": "That is longer than the 40,000 characters that a message may have.",
    "no_text": "There is nothing to send.",
    "thread_not_found": "That thread is gone.",
    "message_not_found": "That message is gone.",
    "operation_timeout": "Deputy did not answer within three seconds.",
    "dispatch_failed": "Deputy is not connected. Start it with `deputy serve`.",
}


class Page:
    """Serves the page and keeps its open windows up to date."""

    def __init__(self, site: Installation, gestures: Gestures) -> None:
        self._site = site
        self._gestures = gestures
        self._windows: dict[WebSocket, asyncio.Queue[Json]] = {}

    def routes(self) -> list[BaseRoute]:
        """The page's own addresses, all under ``/`` and ``/page/``."""
        doings = {
            "say": self._say,
            "edit": self._edit,
            "click": self._click,
            "command": self._command,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
        }
        return [
            Route("/", self._index),
            Route("/page/state", self._state),
            Route("/page/files/{file}", self._file),
            *(Route(f"/page/{name}", self._guarded(doing), methods=["POST"]) for name, doing in doings.items()),
            WebSocketRoute("/page/live", self._live),
        ]

    async def _index(self, _request: Request) -> Response:
        return FileResponse(
            STATIC / "index.html", headers={"Content-Security-Policy": "default-src 'self'; img-src 'self' data:"}
        )

    async def _state(self, request: Request) -> Response:
        try:
            return JSONResponse(snapshot(self._site, request.query_params.get("as", "U0ALICE")))
        except SlackError as error:
            return _refusal(error)

    async def _file(self, request: Request) -> Response:
        try:
            content = self._site.uploads.content(request.path_params["file"])
        except SlackError as error:
            return _refusal(error)
        return PlainTextResponse(content, headers={"X-Content-Type-Options": "nosniff"})

    def _guarded(self, doing: Callable[[Json], Awaitable[Json | None]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            # Only our own page may act for a person; another site's form post carries its own Origin.
            if request.headers.get("origin", self._site.base) not in _own(self._site.base):
                return JSONResponse({"ok": False, "error": "This page is not the playground's."}, status_code=403)
            try:
                return JSONResponse({"ok": True} | (await doing(await request.json()) or {}))
            except SlackError as error:
                return _refusal(error)
            except (PlaygroundError, KeyError, ValueError) as error:
                return JSONResponse({"ok": False, "error": str(error)}, status_code=400)

        return endpoint

    async def _say(self, body: Json) -> Json:
        channel = self._site.workspace.channel(body["channel"])
        return {"ts": self._site.workspace.say(body["user"], channel, body["text"], body.get("thread", ""))["ts"]}

    async def _edit(self, body: Json) -> None:
        self._site.workspace.retype(
            body["user"], self._site.workspace.channel(body["channel"]), body["ts"], body["text"]
        )

    async def _click(self, body: Json) -> None:
        choice = body.get("choice", "")
        if view_id := body.get("view"):
            home = self._site.views.home(body["user"])
            view = home if home and home["id"] == view_id else self._site.views.get(body["user"], view_id)
            await self._gestures.click_view(body["user"], view, body["action"], choice)
        else:
            await self._gestures.click(body["user"], body["channel"], body["ts"], body["action"], choice)

    async def _command(self, body: Json) -> None:
        await self._gestures.command(body["user"], body["channel"], body["text"])

    async def _submit(self, body: Json) -> Json | None:
        return await self._gestures.submit(body["user"], body["view"], body["values"])

    async def _close(self, body: Json) -> None:
        self._site.views.close(self._site.views.get(body["user"], body["view"])["id"])

    async def _home(self, body: Json) -> Json:
        await self._gestures.home(body["user"])
        return {}

    def announce(self, change: Change) -> None:
        """Tell every window. On the server's loop."""
        news = {"kind": change.kind, "channel": change.channel.id, "message": change.message}
        for user_news in self._windows.values():
            user_news.put_nowait(news)

    def nudge(self) -> None:
        """Tell every window that a view or the app's connection changed."""
        for user_news in self._windows.values():
            user_news.put_nowait({"kind": "views"})

    async def _live(self, socket: WebSocket) -> None:
        if socket.headers.get("origin", self._site.base) not in _own(self._site.base):
            await socket.close(code=4403)
            return
        await socket.accept()
        news: asyncio.Queue[Json] = asyncio.Queue()
        self._windows[socket] = news
        sending = asyncio.create_task(_send_all(socket, news))
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            sending.cancel()
        finally:
            del self._windows[socket]


async def _send_all(socket: WebSocket, news: asyncio.Queue[Json]) -> None:
    while True:
        await socket.send_json(await news.get())


def _own(base: str) -> tuple[str, str]:
    return base, base.replace("127.0.0.1", "localhost")


def _refusal(error: SlackError) -> Response:
    return JSONResponse({"ok": False, "error": _WORDS.get(error.code, error.code)}, status_code=400)


def snapshot(site: Installation, user: str) -> Json:
    """Everything that this person sees."""
    workspace = site.workspace
    channels = workspace.channels_of(workspace.person(user).id)
    return {
        "team": TEAM_NAME,
        "you": user,
        "people": [_person(person) for person in workspace.people.values()],
        "channels": [_channel(channel) for channel in channels],
        "messages": {channel.id: visible(site, channel.id, user) for channel in channels},
        "views": site.views.opened_for(user),
        "home": site.views.home(user),
        "connected": site.by_http or site.sockets.connections > 0,
    }


def visible(site: Installation, channel: str, user: str = "") -> list[Json]:
    """A channel's messages and replies in order; without a user, everyone's ephemeral ones too."""
    roots = site.workspace.history(channel)
    found = [reply for root in roots for reply in site.workspace.replies(channel, root["ts"])]
    return [message for message in found if not user or message.get("only_for") in (None, user)]


def _person(person: Persona) -> Json:
    return {
        "id": person.id,
        "name": person.name,
        "handle": person.handle,
        "hint": person.hint,
        "hue": person.hue,
        "bot": person.bot,
        "deleted": person.deleted,
        "guest": person.guest,
        "stranger": person.is_stranger,
    }


def _channel(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "direct": channel.is_direct,
        "shared": channel.shared,
        "members": list(channel.members),
    }
