"""A model server that speaks both of OpenAI's APIs strictly, and a model behind it that does not behave."""

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESPONSES = {"model", "input", "tools", "store", "include", "max_output_tokens", "stream", "instructions"}
RESPONSES |= {"tool_choice", "parallel_tool_calls", "reasoning", "temperature", "text", "metadata", "truncation"}
CHAT = {"model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_completion_tokens", "stream"}
CHAT |= {"stream_options", "temperature", "store", "metadata", "reasoning_effort"}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Says:
    """A model's answer: text, and calls as (id, name, arguments), where arguments may be of any type."""

    text: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()
    refusal: str = ""
    usage: bool = True
    stream: bool = False  # streams although nobody asked
    stops: int = 0  # breaks off after so many bytes of a stream
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fails:
    """An answer that is none."""

    status: int = 500
    code: str = "server_error"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    drop: bool = False  # the connection is closed without an answer


Play = Callable[[int], Says | Fails]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Callers that hang up are none of our business."""


class ModelServer:
    """``plays`` maps words of a task to the model's part; ``faults`` are answered first."""

    def __init__(self) -> None:
        self.plays: dict[str, Play] = {}
        self.faults: list[Says | Fails] = []
        self.complaints: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.knows_new_limit = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer._answer(self, json.loads(body))

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, to: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        is_chat = to.path == "/v1/chat/completions"
        self.requests.append(asked)
        complaints = (_chat if is_chat else _responses)(asked)
        if to.path not in {"/v1/chat/completions", "/v1/responses"}:
            complaints.append(f"no such path: {to.path}")
        if to.headers.get("authorization") != "Bearer key-of-ours":
            complaints.append("wrong key")
        self.complaints += complaints
        if complaints:
            _send(to, 400, {"error": {"message": "; ".join(complaints), "type": "invalid_request_error"}})
        elif is_chat and not self.knows_new_limit and "max_completion_tokens" in asked:
            message = "Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."
            _send(to, 400, {"error": {"message": message, "type": "invalid_request_error", "param": "x", "code": None}})
        else:
            self._speak(to, asked, is_chat)

    def _speak(self, to: BaseHTTPRequestHandler, asked: dict[str, Any], is_chat: bool) -> None:
        says = self.faults.pop(0) if self.faults else self._play(asked, is_chat)
        if isinstance(says, Fails):
            if says.drop:
                to.connection.shutdown(socket.SHUT_RDWR)
                return
            error = {"error": {"message": f"{says.code} for key-of-ours", "type": says.code, "code": says.code}}
            _send(to, says.status, says.body or error, says.headers)
            return
        whole = _chat_whole(says) if is_chat else _responses_whole(says)
        if not (says.stream or asked.get("stream")):
            _send(to, 200, whole)
            return
        events = _chat_events(whole) if is_chat else _responses_events(whole)
        data = "".join(events).encode()
        to.send_response(200)
        to.send_header("Content-Type", "text/event-stream; charset=utf-8")
        to.send_header("Connection", "close")
        to.end_headers()
        to.wfile.write(data[: says.stops or len(data)])
        to.close_connection = True

    def _play(self, asked: dict[str, Any], is_chat: bool) -> Says | Fails:
        entries = asked["messages" if is_chat else "input"]
        task = next(str(e["content"]) for e in entries if e.get("role") == "user")
        for words, play in self.plays.items():
            if words in task:
                return play(_turns(entries, is_chat))
        return Says("I have no part in this play.")


def _turns(entries: list[dict[str, Any]], is_chat: bool) -> int:
    """How often the model has spoken: runs of its own entries."""
    mine = [e.get("role") == "assistant" or e.get("type") == "function_call" for e in entries]
    return sum(now and not before for before, now in zip([False, *mine], mine, strict=False))


def _send(to: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    to.send_response(status)
    to.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
    to.send_header("Content-Length", str(len(data)))
    for name, value in (headers or {}).items():
        to.send_header(name, value)
    to.end_headers()
    to.wfile.write(data)


# ---------------------------------------------------------------------------------------------- what requests must be


def _schema(tool: dict[str, Any], allowed: set[str]) -> list[str]:
    found = [f"tool has no field {name}" for name in set(tool) - allowed]
    if not NAME.fullmatch(str(tool.get("name", ""))):
        found.append(f"tool name {tool.get('name')!r}")
    parameters = tool.get("parameters", {})
    if parameters.get("type") != "object" or set(parameters.get("required", [])) - set(parameters["properties"]):
        found.append("tool parameters")
    return found


def _responses(asked: dict[str, Any]) -> list[str]:
    found = [f"unknown parameter {name}" for name in set(asked) - RESPONSES]
    if asked.get("store") is not False:
        found.append("store is not false")
    if asked.get("model") != "initech-9" or not asked.get("input"):
        found.append("model or input")
    if not (isinstance(asked.get("max_output_tokens"), int) and asked["max_output_tokens"] >= 16):
        found.append(f"max_output_tokens {asked.get('max_output_tokens')}")
    for tool in asked.get("tools", []):
        found += _schema(tool, {"type", "name", "description", "parameters", "strict"})
    calls, answered = [], []
    for item in asked.get("input", []):
        kind = item.get("type", "message")
        if kind == "message":
            found += [f"message has no field {n}" for n in set(item) - {"type", "role", "content", "id", "status"}]
            found += [] if item.get("role") in {"user", "assistant", "system", "developer"} else ["role"]
            found += [] if isinstance(item.get("content"), str | list) else ["content"]
        elif kind == "function_call":
            found += [
                f"call has no field {n}" for n in set(item) - {"type", "id", "call_id", "name", "arguments", "status"}
            ]
            found += [] if isinstance(item["arguments"], str) and NAME.fullmatch(item["name"]) else ["call"]
            calls.append(item["call_id"])
        elif kind == "function_call_output":
            found += [] if item["call_id"] in calls else [f"No tool call found for {item['call_id']}"]
            found += [] if isinstance(item["output"], str) else ["output"]
            answered.append(item["call_id"])
        else:
            found.append(f"item {kind}")
    return found + _paired(calls, answered)


def _paired(calls: list[str], answered: list[str]) -> list[str]:
    same = sorted(calls) == sorted(answered) and len(set(calls)) == len(calls)
    return [] if same else [f"No tool output found: {calls} {answered}"]


def _chat(asked: dict[str, Any]) -> list[str]:
    allowed = CHAT | {"max_tokens"}
    found = [f"unknown parameter {name}" for name in set(asked) - allowed]
    if asked.get("model") != "initech-9" or ("stream_options" in asked and not asked.get("stream")):
        found.append("model or stream_options")
    for tool in asked.get("tools", []):
        found += [] if set(tool) == {"type", "function"} else ["tool shape"]
        found += _schema(tool.get("function", {}), {"name", "description", "parameters", "strict"})
    calls, answered, waiting = [], [], set()
    for message in asked.get("messages", []):
        role = message.get("role")
        if role == "tool":
            found += [] if message["tool_call_id"] in waiting else ["tool message without a call"]
            found += [] if set(message) == {"role", "tool_call_id", "content"} else ["tool message"]
            waiting.discard(message["tool_call_id"])
            answered.append(message["tool_call_id"])
            continue
        found += ["calls are not answered"] if waiting else []
        waiting = set()
        made = message.get("tool_calls") or []
        found += [f"role {role}"] if role not in {"system", "developer", "user", "assistant"} else []
        found += ["content"] if not (message.get("content") or (role == "assistant" and made)) else []
        found += ["empty tool_calls"] if "tool_calls" in message and not made else []
        for call in made:
            found += [] if set(call) == {"id", "type", "function"} else ["tool call shape"]
            found += [] if isinstance(call["function"]["arguments"], str) else ["arguments"]
            found += [] if NAME.fullmatch(call["function"]["name"]) else ["function name"]
            calls.append(call["id"])
            waiting.add(call["id"])
    return found + _paired(calls, answered)


# ---------------------------------------------------------------------------------------------- what answers look like


def _responses_whole(says: Says) -> dict[str, Any]:
    part = {"type": "output_text", "text": says.text, "annotations": []}
    if says.refusal:
        part = {"type": "refusal", "refusal": says.refusal}
    said = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}]
    calls = [
        {"type": "function_call", "id": f"fc_{n}", "status": "completed", "call_id": i, "name": name, "arguments": a}
        for n, (i, name, a) in enumerate(says.calls)
    ]
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "initech-9-2026",
        "output": [*(said if says.text or says.refusal else []), *calls],
        "usage": {"input_tokens": 90, "output_tokens": 9, "total_tokens": 99} if says.usage else None,
    }
    return {**whole, **says.extra}


def _responses_events(whole: dict[str, Any]) -> list[str]:
    numbers = iter(range(10_000))
    started = {**whole, "status": "in_progress", "output": [], "usage": None}

    def event(kind: str, **more: Any) -> str:
        data = json.dumps({"type": kind, "sequence_number": next(numbers), **more})
        return f"event: {kind}\ndata: {data}\n\n"

    events = [event("response.created", response=started), ": keep-alive\n\n"]
    for index, item in enumerate(whole["output"]):
        bare = {**item, "status": "in_progress"} | (
            {"arguments": ""} if item["type"] == "function_call" else {"content": []}
        )
        events.append(event("response.output_item.added", output_index=index, item=bare))
        if item["type"] == "function_call":
            for piece in _pieces(item["arguments"]):
                delta = {"item_id": item["id"], "output_index": index, "delta": piece}
                events.append(event("response.function_call_arguments.delta", **delta))
        events.append(event("response.output_item.done", output_index=index, item=item))
    return [*events, event("response.completed", response=whole)]


def _pieces(arguments: Any) -> list[str]:
    return re.findall(r"(?s).{1,40}", arguments if isinstance(arguments, str) else json.dumps(arguments))


def _chat_whole(says: Says) -> dict[str, Any]:
    calls = [{"id": i, "type": "function", "function": {"name": name, "arguments": a}} for i, name, a in says.calls]
    message: dict[str, Any] = {"role": "assistant", "content": says.text or None, "refusal": says.refusal or None}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "initech-9", "choices": [choice]}
    if says.usage:
        whole["usage"] = {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}
    return {**whole, **says.extra}


def _chat_events(whole: dict[str, Any]) -> list[str]:
    message = whole["choices"][0]["message"]

    def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "initech-9"}
        return f"data: {json.dumps({**base, 'choices': choices, **more})}\n\n"

    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": piece}) for piece in re.findall(r"(?s).{1,20}", message["content"] or "")]
    for index, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        first = {"index": index, **call, "function": {"name": function["name"], "arguments": ""}}
        events.append(chunk({"tool_calls": [first]}))
        for piece in _pieces(function["arguments"]):
            events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    events.append(chunk({}, whole["choices"][0]["finish_reason"]))
    if "usage" in whole:
        events.append(chunk(None, usage=whole["usage"]))
    return [*events, "data: [DONE]\n\n"]
