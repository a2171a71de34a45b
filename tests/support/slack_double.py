# ruff: noqa: N802, C901 - methods are named after Slack's and after http.server's
"""A small, strict Slack for tests: Web API, uploads, response URLs and Socket Mode on real loopback sockets.

It refuses what Slack refuses (tokens, limits, unknown ids), pages with tiny pages, and fails on demand.
"""

import json
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

BOT_TOKEN = "xoxb-double-bot"
APP_TOKEN = "xapp-double-app"
TEAM, BOT_USER, BOT_ID, CHANNEL = "T0ACME", "U0DEPUTY", "B0DEPUTY", "C0SHOP"
PAGE = 2

USERS: dict[str, dict[str, Any]] = {
    "U0ALICE": {"real_name": "Alice Marsh"},
    "U0SAM": {"real_name": "Sam Okafor"},
    "U0GUS": {"real_name": "Gus Hill", "is_restricted": True},
    "U0STRANGE": {"real_name": "Xavier Stone", "team_id": "T0OTHER", "is_stranger": True},
    "U0GONE": {"real_name": "Gone", "deleted": True},
    "U0DEPUTY": {"real_name": "Deputy", "is_bot": True},
}


class Refused(Exception):
    """The double's answer ``{"ok": false, "error": code}``."""


@dataclass
class Fault:
    """What happens instead of (or, with ``after_effect``, after) a call; ``delay`` seconds only slow it down."""

    status: int = 200
    error: str = ""
    retry_after: str = ""
    after_effect: bool = False
    cut: bool = False
    html: bool = False
    delay: float = 0


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check_text(obj: dict[str, Any], limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    assert obj["type"] in kinds
    assert set(obj) <= {"type", "text", "emoji", "verbatim"}
    assert 1 <= units(obj["text"]) <= limit, (units(obj["text"]), limit)
    obj["text"].encode()


def check_button(element: dict[str, Any]) -> None:
    assert element["type"] == "button"
    check_text(element["text"], 75, ("plain_text",))
    assert 1 <= units(element["action_id"]) <= 255
    assert "value" not in element or 1 <= units(element["value"]) <= 2000
    assert element.get("style", "primary") in {"primary", "danger"}
    if "confirm" in element:
        for name, limit in {"title": 100, "text": 300, "confirm": 30, "deny": 30}.items():
            check_text(element["confirm"][name], limit)


def check_block(block: dict[str, Any]) -> None:
    match block["type"]:
        case "header":
            check_text(block["text"], 150, ("plain_text",))
        case "section":
            assert ("text" in block) or block.get("fields")
            if "text" in block:
                check_text(block["text"], 3000)
            assert len(block.get("fields", [])) <= 10
            for item in block.get("fields", []):
                check_text(item, 2000)
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            for item in block["elements"]:
                check_text(item, 3000)
        case "actions":
            assert 1 <= len(block["elements"]) <= 25
            ids = [element["action_id"] for element in block["elements"]]
            assert len(set(ids)) == len(ids)
            for element in block["elements"]:
                check_button(element)
        case other:
            raise AssertionError(other)


def check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Slack's documented limits on a message's blocks."""
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        check_block(block)


@dataclass
class SlackDouble:
    """The workspace. ``calls`` is what was asked, in order; ``messages`` what stands in the channels."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    ephemerals: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    acks: list[dict[str, Any]] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    refuse_sockets: int = 0
    auth: dict[str, Any] = field(default_factory=dict)
    socket_url: str = ""

    def __post_init__(self) -> None:
        self._clock = count(1700000000)
        self._changed = threading.Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._ws = serve(self._socket, "127.0.0.1", 0)
        self.root = self.say(CHANNEL, "U0ALICE", "the thread's first message")
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        threading.Thread(target=self._ws.serve_forever, daemon=True).start()

    # -------------------------------------------------------------------------------------------- for tests

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/"

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self._ws.shutdown()
        self._http.shutdown()
        self._http.server_close()

    def fail(self, method: str, fault: Fault, times: int = 1) -> None:
        self.faults[method].extend([fault] * times)

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)

    def say(self, channel: str, user: str, text: str, thread: str = "") -> str:
        ts = f"{next(self._clock)}.000100"
        self.messages[channel].append(
            {"type": "message", "user": user, "text": text, "ts": ts, "thread_ts": thread or ts}
        )
        return ts

    def thread(self, ts: str, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return [m for m in self.messages[channel] if m["thread_ts"] == ts]

    def delete(self, channel: str, ts: str) -> None:
        self.messages[channel] = [m for m in self.messages[channel] if m["ts"] != ts]

    def send(self, payload: dict[str, Any], kind: str = "events_api", envelope_id: str = "", retry: int = 0) -> str:
        """Send an envelope down the newest open connection."""
        envelope = {
            "type": kind,
            "envelope_id": envelope_id or str(uuid.uuid4()),
            "payload": payload,
            "accepts_response_payload": kind == "slash_commands",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        self.connections[-1].send(json.dumps(envelope))
        return str(envelope["envelope_id"])

    def wait(self, condition: Any, seconds: float = 8.0) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(condition, timeout=seconds))

    def acked(self, envelope_id: str, seconds: float = 8.0) -> bool:
        return self.wait(lambda: any(a.get("envelope_id") == envelope_id for a in self.acks), seconds)

    # -------------------------------------------------------------------------------------------- Socket Mode

    def _socket(self, connection: ServerConnection) -> None:
        if self.refuse_sockets:
            self.refuse_sockets -= 1
            connection.socket.close()
            return
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self.connections.append(connection)
        self._notify()
        try:
            for message in connection:
                self.acks.append(json.loads(message))
                self._notify()
        except ConnectionClosed:
            pass

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # -------------------------------------------------------------------------------------------- Web API

    def answer(self, method: str, args: dict[str, Any], token: str) -> dict[str, Any]:
        self.calls.append((method, args))
        try:
            if method == "apps.connections.open":
                self._check(token == APP_TOKEN, "invalid_auth" if token else "not_authed")
                own = f"ws://127.0.0.1:{self._ws.socket.getsockname()[1]}/link/?ticket={len(self.calls)}"
                return {"ok": True, "url": self.socket_url or own}
            self._check(token == BOT_TOKEN, "invalid_auth" if token else "not_authed")
            handler = getattr(self, "_" + method.replace(".", "_"), None)
            self._check(handler is not None, "unknown_method")
            assert handler is not None
            return {"ok": True, **handler(args)}
        except Refused as refusal:
            return {"ok": False, "error": str(refusal)}
        finally:
            self._notify()

    @staticmethod
    def _check(holds: bool, code: str) -> None:
        if not holds:
            raise Refused(code)

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "team_id": TEAM,
            "team": "Acme",
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "url": "https://acme.example/",
        } | self.auth

    def _content(self, args: dict[str, Any]) -> dict[str, Any]:
        blocks = args.get("blocks") or []
        self._check(bool(args.get("text") or blocks), "no_text")
        self._check(units(args.get("text") or "") <= 4000, "msg_too_long")
        try:
            if blocks:
                check_blocks(blocks)
        except (AssertionError, KeyError):
            raise Refused("invalid_blocks") from None
        content = {"text": args.get("text", ""), "blocks": blocks}
        return content | ({"metadata": args["metadata"]} if args.get("metadata") else {})

    def _find(self, channel: str, ts: str) -> dict[str, Any] | None:
        return next((m for m in self.messages[channel] if m["ts"] == ts), None)

    def _chat_postMessage(self, args: dict[str, Any]) -> dict[str, Any]:
        channel, thread = args["channel"], args.get("thread_ts") or ""
        self._check(channel in self.messages, "channel_not_found")
        self._check(args.get("unfurl_links") is False and args.get("unfurl_media") is False, "unfurls_not_off")
        self._check(not args.get("link_names"), "link_names_on")
        content = self._content(args)
        ts = self.say(channel, BOT_USER, "", thread)
        message = self._find(channel, ts)
        assert message is not None
        message.update(content, bot_id=BOT_ID)
        return {"channel": channel, "ts": ts, "message": message}

    def _chat_update(self, args: dict[str, Any]) -> dict[str, Any]:
        message = self._find(args["channel"], args["ts"])
        if message is None:
            raise Refused("message_not_found")
        self._check(message.get("bot_id") == BOT_ID, "cant_update_message")
        message.update(self._content(args))
        return {"channel": args["channel"], "ts": args["ts"]}

    def _chat_postEphemeral(self, args: dict[str, Any]) -> dict[str, Any]:
        self._content(args)
        self.ephemerals.append(args)
        return {"message_ts": "1.1"}

    def _chat_getPermalink(self, args: dict[str, Any]) -> dict[str, Any]:
        self._check(self._find(args["channel"], args["message_ts"]) is not None, "message_not_found")
        return {"permalink": f"https://acme.example/archives/{args['channel']}/p{args['message_ts']}"}

    def _page(self, found: list[dict[str, Any]], args: dict[str, Any]) -> dict[str, Any]:
        start = int(args.get("cursor") or 0)
        with_metadata = str(args.get("include_all_metadata")) in {"1", "True", "true"}
        page = [m if with_metadata else {k: v for k, v in m.items() if k != "metadata"} for m in found]
        following = str(start + PAGE) if start + PAGE < len(found) else ""
        return {"messages": page[start : start + PAGE], "response_metadata": {"next_cursor": following}}

    def _conversations_replies(self, args: dict[str, Any]) -> dict[str, Any]:
        self._check(self._find(args["channel"], args["ts"]) is not None, "thread_not_found")
        return self._page(self.thread(args["ts"], args["channel"]), args)

    def _conversations_history(self, args: dict[str, Any]) -> dict[str, Any]:
        return self._page(self.messages[args["channel"]][::-1], args)

    def _conversations_open(self, args: dict[str, Any]) -> dict[str, Any]:
        self._check(args["users"] in USERS, "user_not_found")
        channel = "D" + args["users"][1:]
        self.messages[channel]  # the look-up makes it
        return {"channel": {"id": channel}}

    def _users_info(self, args: dict[str, Any]) -> dict[str, Any]:
        self._check(args["user"] in USERS, "user_not_found")
        known = {"id": args["user"], "team_id": TEAM, "name": args["user"].lower()} | USERS[args["user"]]
        return {"user": known | {"profile": {"display_name": "", "real_name": known["real_name"]}}}

    def _files_getUploadURLExternal(self, args: dict[str, Any]) -> dict[str, Any]:
        self._check(int(args.get("length") or 0) > 0, "invalid_arguments")
        file_id = f"F{len(self.files):04}"
        self.files[file_id] = {"id": file_id, "name": args["filename"], "length": int(args["length"]), "content": None}
        return {"file_id": file_id, "upload_url": f"{self.origin}/upload/{file_id}"}

    def _files_completeUploadExternal(self, args: dict[str, Any]) -> dict[str, Any]:
        wanted = args["files"] if isinstance(args["files"], list) else json.loads(args["files"])
        known = [self.files.get(item["id"]) for item in wanted]
        self._check(all(f is not None and f["content"] is not None for f in known), "file_not_found")
        ts = self.say(args["channel_id"], BOT_USER, args.get("initial_comment") or "", args.get("thread_ts") or "")
        message = self._find(args["channel_id"], ts)
        assert message is not None
        message.update(bot_id=BOT_ID, files=[{"id": f["id"], "name": f["name"]} for f in known if f])
        return {"files": [{"id": f["id"]} for f in known if f]}

    def upload(self, file_id: str, content: bytes) -> int:
        known = self.files.get(file_id)
        if known is None or known["length"] != len(content):
            return 400
        known["content"] = content
        return 200


def _handler(double: SlackDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            name = path.rsplit("/", 1)[-1]
            fault = double.faults[name if path.startswith("/api/") else path.split("/")[1]]
            plan = fault.popleft() if fault else None
            if plan is not None and plan.delay:
                time.sleep(plan.delay)
                plan = None
            if plan is not None and not plan.after_effect:
                self._fault(plan)
                return
            status, answer = self._route(path, name, body)
            if plan is not None:
                self._fault(plan)
            else:
                self._send(status, json.dumps(answer))

        def _route(self, path: str, name: str, body: bytes) -> tuple[int, dict[str, Any]]:
            if path.startswith("/upload/"):
                return double.upload(name, body), {}
            if path.startswith("/reply/"):
                double.replies.append(json.loads(body))
                double._notify()
                return (404 if name == "expired" else 200), {}
            if "json" in self.headers.get("Content-Type", ""):
                args = json.loads(body or b"{}")
            else:
                args = {key: values[0] for key, values in parse_qs(body.decode()).items()}
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return 200, double.answer(name, args, token)

        def _fault(self, plan: Fault) -> None:
            if plan.cut:
                self.close_connection = True
                self.connection.close()
            elif plan.html:
                self._send(plan.status, "<html>gateway</html>", "text/html")
            else:
                headers = {"Retry-After": plan.retry_after} if plan.retry_after else {}
                body = json.dumps({"ok": False, "error": plan.error or "internal_error"})
                self._send(plan.status, body, headers=headers)

        def _send(
            self, status: int, body: str, kind: str = "application/json", headers: dict[str, str] | None = None
        ) -> None:
            data = body.encode()
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


class MemoryStore:
    """The part of ``ports.Store`` that the chat uses."""

    def __init__(self) -> None:
        self.posts: dict[str, Any] = {}

    def transaction(self) -> Any:
        from contextlib import nullcontext

        return nullcontext(self)

    def post(self, key: str) -> Any:
        return self.posts.get(key)

    def save_post(self, post: Any) -> None:
        self.posts[post.key] = post
