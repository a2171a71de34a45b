"""A Slack that is strict about what it is sent and careless about what it sends."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import queue
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.e2e.strangers import rules

TEAM, ENTERPRISE, OTHER_TEAM = "T9INITECH", "E9CORP", "T9OTHER"
BOT, APP = "U9BOTTY", "A9APP"
PETER, BILL, MILT, TOM, BOB, GONE, STRANGER = "U9PETER", "W9BILL", "U9MILT", "U9TOM", "U9BOB", "U9GONE", "U9STRANGE"
CHANNEL = "C9TPS"
SECRET = "shh-signing"
Fault = Callable[[], Response]


def limited(after: str = "1") -> Fault:
    headers = {"Retry-After": after} if after else {}
    return lambda: JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)


def refused(code: str) -> Fault:
    return lambda: JSONResponse({"ok": False, "error": code})


def broken(status: int = 502) -> Fault:
    return lambda: Response("<html><body>Bad gateway</body></html>", status, media_type="text/html")


def swallowed() -> Response:
    """Done, but the answer is lost: the caller must find out for itself."""
    return Response("upstream went away", 504, {"x-did-it": "yes"})


class Slack:
    """One workspace. ``complaints`` holds everything that real Slack would have refused or warned of."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.messages: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.whispers: list[tuple[str, str]] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.reply_answers: list[Fault] = []
        self.keeps_metadata = True
        self.users = {user: self._user(user, name) for user, name in PEOPLE.items()}
        self.users[TOM]["is_restricted"] = True
        self.users[BOB] = {"id": BOB}  # as bare as it gets
        self.users[GONE]["deleted"] = True
        self.users[STRANGER]["team_id"] = OTHER_TEAM
        self.users[BILL] |= {"team_id": ENTERPRISE, "enterprise_user": {"enterprise_id": ENTERPRISE, "teams": [TEAM]}}
        self.who = {"ok": True, "url": "https://initech.invalid/", "team": "Initech", "user": "botty"}
        self.who |= {"team_id": TEAM, "user_id": BOT, "bot_id": "B9BOT", "enterprise_id": ENTERPRISE}
        self.sockets: list[WebSocket] = []
        self.opened = 0
        self.socket_greetings: list[str] = []  # what awaits the next connections: "reset", "silent", "refresh"
        self.acks: dict[str, queue.Queue[dict[str, Any]]] = defaultdict(queue.Queue)
        self._numbers = itertools.count(1)
        self._tickets: set[str] = set()
        routes = [
            Route("/api/{method}", self._api, methods=["GET", "POST"]),
            Route("/upload/{file}", self._upload, methods=["POST"]),
            Route("/reply/{name}", self._reply, methods=["POST"]),
            WebSocketRoute("/link/{ticket}", self._link),
        ]
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(Starlette(routes=routes), log_level="error", ws="websockets-sansio", lifespan="off")
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._server.serve([self._listening])), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    # ------------------------------------------------------------------------------------------ what people do

    def timestamp(self) -> str:
        return f"{int(time.time())}.{next(self._numbers):06d}"

    def write(self, user: str, text: str, *, channel: str = CHANNEL, **more: Any) -> dict[str, Any]:
        """A message as it stands in the channel; ``more`` are its odder fields."""
        message = {"type": "message", "user": user, "text": text, "ts": self.timestamp(), **more}
        self.messages[channel][message["ts"]] = message
        return message

    def event(self, message: dict[str, Any], kind: str = "message", channel: str = CHANNEL, **more: Any) -> Any:
        """The ``event_callback`` that tells of a message."""
        kinds = {"channel_type": "im" if channel.startswith("D") else "channel"} if kind == "message" else {}
        return {
            "token": "unused",
            "team_id": TEAM,
            "api_app_id": APP,
            "type": "event_callback",
            "event_id": f"Ev{next(self._numbers):09d}",
            "event_time": int(time.time()),
            "event": {**message, "type": kind, "channel": channel, "event_ts": message["ts"], **kinds},
            **more,
        }

    def mention(self, user: str, text: str, **more: Any) -> str:
        """Mention the bot; Slack tells of it twice. Returns the timestamp."""
        message = self.write(user, f"<@{BOT}> {text}", **more)
        self.send("events_api", self.event(message, "app_mention"))
        self.send("events_api", self.event(message))
        return message["ts"]

    def action(self, user: str, message: dict[str, Any], button: dict[str, Any], channel: str = CHANNEL) -> Any:
        """The payload of a click."""
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "x", "name": "x", "team_id": self.users[user].get("team_id", TEAM)},
            "api_app_id": APP,
            "token": "unused",
            "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel, "is_ephemeral": False},
            "trigger_id": f"{next(self._numbers)}.expired",
            "team": {"id": TEAM, "domain": "initech", "enterprise_id": ENTERPRISE, "enterprise_name": "Corp"},
            "enterprise": {"id": ENTERPRISE, "name": "Corp"},
            "is_enterprise_install": False,
            "channel": {"id": channel, "name": "tps"},
            "message": message,
            "response_url": f"{self.address}/reply/{user}",
            "actions": [
                {
                    **{name: button[name] for name in ("action_id", "type", "text", "value") if name in button},
                    "block_id": "xYz1",
                    "action_ts": self.timestamp(),
                }
            ],
        }

    def click(self, user: str, label: str, thread: str, **more: Any) -> None:
        card = next(m for m in self.thread(thread) if self.buttons(m).get(label))
        self.send("interactive", {**self.action(user, card, self.buttons(card)[label]), **more})

    def command(self, user: str, text: str, **more: Any) -> Any:
        return {
            "token": "unused",
            "team_id": TEAM,
            "team_domain": "initech",
            "channel_id": CHANNEL,
            "channel_name": "tps",
            "user_id": user,
            "user_name": "x",
            "command": "/deputy",
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": f"{self.address}/reply/{user}",
            "trigger_id": f"{next(self._numbers)}.9.x",
            **more,
        }

    # ------------------------------------------------------------------------------------------ how they hear it

    def send(self, kind: str, payload: Any, *, wait: float = 10, envelope: str = "", **more: Any) -> dict[str, Any]:
        """Send an envelope by Socket Mode and wait for its acknowledgement."""
        name = envelope or f"env-{next(self._numbers)}"
        whole = {
            "envelope_id": name,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
        }
        retried = {"retry_attempt": 0, "retry_reason": ""} if kind == "events_api" else {}
        self.raw({**whole, **retried, **more})
        return self.acks[name].get(timeout=wait)

    def raw(self, data: Any) -> None:
        """Send anything by the newest connection."""
        deadline = time.monotonic() + 20
        while not self.sockets and time.monotonic() < deadline:
            time.sleep(0.02)
        text = data if isinstance(data, str) else json.dumps(data)
        asyncio.run_coroutine_threadsafe(self.sockets[-1].send_text(text), self._loop).result(5)

    def cut(self) -> None:
        """Close every connection without a word."""
        for link in list(self.sockets):
            asyncio.run_coroutine_threadsafe(link.close(1011), self._loop).result(5)

    def post(self, port: int, body: str, *, secret: str = SECRET, at: float | None = None, **headers: str) -> Any:
        """A signed request as HTTP mode sends it: status and body."""
        stamp = str(int(time.time() if at is None else at))
        signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        given = {
            "Content-Type": "application/json" if body.startswith("{") else "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = urllib.request.Request(f"http://127.0.0.1:{port}/slack/events", body.encode(), given)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    # ------------------------------------------------------------------------------------------ what is to be seen

    def thread(self, ts: str, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return [m for m in list(self.messages[channel].values()) if ts in (m["ts"], m.get("thread_ts"))]

    def said(self, ts: str, channel: str = CHANNEL) -> str:
        return "\n---\n".join(m["text"] for m in self.thread(ts, channel) if m.get("bot_id"))

    def until(self, ts: str, what: str, seconds: float = 60, channel: str = CHANNEL) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if what in self.said(ts, channel):
                return self.said(ts, channel)
            time.sleep(0.05)
        raise AssertionError(f"no {what!r} in:\n{self.said(ts, channel)}\ncomplaints: {self.complaints}")

    def whispered(self, user: str, what: str, seconds: float = 20) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := next((text for who, text in self.whispers if who == user and what in text), ""):
                return found
            time.sleep(0.05)
        raise AssertionError(f"no {what!r} for {user} in: {self.whispers}")

    @staticmethod
    def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
        rows = [block for block in message.get("blocks") or [] if block["type"] == "actions"]
        return {element["text"]["text"]: element for row in rows for element in row["elements"]}

    # ------------------------------------------------------------------------------------------ the server's side

    @staticmethod
    def _user(user: str, name: str) -> dict[str, Any]:
        return {"id": user, "team_id": TEAM, "name": name, "deleted": False, "profile": {}, "is_bot": user == BOT}

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        given = await self._arguments(request, method)
        self.calls.append((method, given))
        want = "Bearer xapp-9-test" if method == "apps.connections.open" else "Bearer xoxb-9-test"
        if request.headers.get("authorization") != want:
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        fault = self.faults[method].pop(0)() if self.faults[method] else None
        if fault is not None and "x-did-it" not in fault.headers:
            return fault
        complaints = rules.arguments(method, given)
        if method in {"chat.postMessage", "chat.update", "chat.postEphemeral"}:
            complaints += rules.message(given)
        if complaints:
            self.complaints += complaints
            return JSONResponse(
                {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": complaints}}
            )
        answer = getattr(self, "_" + method.replace(".", "_"))(given)
        return fault or JSONResponse({"ok": "error" not in answer, **answer})

    async def _arguments(self, request: Request, method: str) -> dict[str, Any]:
        if request.method == "GET":
            return dict(request.query_params)
        kind = request.headers.get("content-type", "")
        body = (await request.body()).decode()
        if kind.startswith("application/json"):
            if "charset=utf-8" not in kind.lower():
                self.complaints.append(f"{method}: missing_charset")
            if method not in rules.JSON_IS_FINE:
                self.complaints.append(f"{method}: takes no JSON")
            return dict(json.loads(body or "{}"))
        given: dict[str, Any] = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        for name in ("blocks", "metadata", "files", "attachments"):
            if name in given:
                given[name] = json.loads(given[name])
        return given

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return self.who

    def _apps_connections_open(self, _: dict[str, Any]) -> dict[str, Any]:
        ticket = f"t{next(self._numbers)}"
        self._tickets.add(ticket)
        return {"url": f"{self.address.replace('http', 'ws')}/link/{ticket}?ticket={ticket}&app_id=x"}

    def _users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        user = self.users.get(given["user"])
        return {"user": user} if user else {"error": "user_not_found"}

    def _conversations_open(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"channel": {"id": f"D9{given['users'][2:]}"}}

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.messages[given["channel"]]
        if given["ts"] not in channel:
            return {"error": "thread_not_found"}
        return {"messages": [self._shown(m) for m in self.thread(given["ts"], given["channel"])], "has_more": False}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        top = [m for m in self.messages[given["channel"]].values() if m.get("thread_ts", m["ts"]) == m["ts"]]
        return {"messages": [self._shown(m) for m in reversed(top)], "has_more": False}

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        return message if self.keeps_metadata else {n: v for n, v in message.items() if n != "metadata"}

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        channel, thread = self.messages[given["channel"]], given.get("thread_ts")
        if thread and thread not in channel:
            self.complaints.append(f"thread_ts {thread} is unknown")
            return {"error": "thread_not_found"}
        if thread and channel[thread].get("thread_ts", thread) != thread:
            self.complaints.append(f"thread_ts {thread} is a reply")
        blocks = [{"block_id": f"b{n}", **block} for n, block in enumerate(given.get("blocks") or [])]
        message = self.write(BOT, given.get("text", ""), channel=given["channel"], blocks=blocks, bot_id="B9BOT")
        message |= {"app_id": APP, "metadata": given.get("metadata")}
        if thread:
            message["thread_ts"] = thread
        return {"channel": given["channel"], "ts": message["ts"], "message": self._shown(message)}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self.messages[given["channel"]].get(given["ts"])
        if message is None or message.get("bot_id") is None:
            self.complaints.append(f"update of {given['ts']}")
            return {"error": "message_not_found" if message is None else "cant_update_message"}
        message |= {"text": given.get("text", ""), "blocks": given.get("blocks") or []}
        return {"channel": given["channel"], "ts": given["ts"], "text": message["text"]}

    def _chat_postEphemeral(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        self.whispers.append((given["user"], given.get("text", "")))
        return {"message_ts": self.timestamp()}

    def _chat_getPermalink(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        return {"channel": given["channel"], "permalink": f"https://initech.invalid/{given['message_ts']}"}

    def _files_getUploadURLExternal(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        name = f"F9{next(self._numbers):05d}"
        self.files[name] = {"id": name, "name": given["filename"], "length": int(given["length"]), "content": None}
        return {"file_id": name, "upload_url": f"{self.address}/upload/{name}"}

    def _files_completeUploadExternal(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        named = [entry["id"] for entry in given["files"]]
        if any(set(entry) - {"id", "title"} for entry in given["files"]):
            self.complaints.append("files: unknown field")
        for name in named:
            if self.files.get(name, {}).get("content") is None or self.files[name].get("shared"):
                self.complaints.append(f"file {name} is not uploaded, or shared twice")
                return {"error": "file_not_found"}
            self.files[name]["shared"] = True
        if given.get("thread_ts") and given["thread_ts"] not in self.messages[given["channel_id"]]:
            self.complaints.append("files: thread_ts is unknown")
        listed = [{"id": name, "name": self.files[name]["name"]} for name in named]
        message = self.write(BOT, given.get("initial_comment", ""), channel=given["channel_id"], files=listed)
        message |= {"bot_id": "B9BOT", "thread_ts": given.get("thread_ts") or message["ts"]}
        return {"files": [{"id": name} for name in named]}

    async def _upload(self, request: Request) -> Response:
        if self.faults["upload"]:
            return self.faults["upload"].pop(0)()
        file, body = self.files[request.path_params["file"]], await request.body()
        if request.headers.get("authorization"):
            self.complaints.append("the token was sent to the upload address")
        if len(body) != file["length"] or not body:
            self.complaints.append(f"{len(body)} bytes instead of {file['length']}")
            return PlainTextResponse("length mismatch", 400)
        file["content"] = body
        return PlainTextResponse(f"OK - {len(body)}")

    async def _reply(self, request: Request) -> Response:
        if self.reply_answers:
            return self.reply_answers.pop(0)()
        said = json.loads(await request.body())
        self.complaints += rules.message(said)
        self.whispers.append((request.path_params["name"], said.get("text", "")))
        return PlainTextResponse("ok")

    async def _link(self, link: WebSocket) -> None:
        ticket = link.path_params["ticket"]
        if ticket not in self._tickets:
            self.complaints.append("a Socket Mode address was used twice")
            await link.close()
            return
        self._tickets.discard(ticket)
        greeting = self.socket_greetings.pop(0) if self.socket_greetings else ""
        await link.accept()
        self.opened += 1
        if greeting == "reset":
            await link.close(1011)
            return
        if greeting != "silent":
            await link.send_text(json.dumps({"type": "hello", "num_connections": len(self.sockets) + 1}))
        if greeting == "refresh":
            await link.send_text(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        self.sockets.append(link)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                self._acknowledged(await link.receive_text())
        with contextlib.suppress(ValueError):
            self.sockets.remove(link)

    def _acknowledged(self, text: str) -> None:
        answer = json.loads(text)
        if set(answer) - {"envelope_id", "payload"}:
            self.complaints.append(f"acknowledgement {text[:100]}")
        self.acks[answer["envelope_id"]].put(answer)


PEOPLE = {
    PETER: "peter",
    BILL: "bill",
    MILT: "milt",
    TOM: "tom",
    GONE: "gone",
    STRANGER: "stranger",
    BOT: "botty",
}
