"""OpenAI's Responses API, stateless: nothing is stored at the vendor, the whole transcript is sent each time."""

import json
import time
from collections.abc import Sequence
from typing import cast

import openai
from openai.types.responses import ResponseInputItemParam, ToolParam
from pydantic import JsonValue

from deputy.adapters.llm.answers import arguments_of, text_of, tool_name, usage_of, with_own_ids
from deputy.adapters.llm.failures import redact
from deputy.adapters.llm.wire import Broken, Json, Request, Wire, as_json_text
from deputy.domain.errors import BadInput
from deputy.domain.tasks.dialogue import Call, Message, Reply, Tool

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesModel:
    """``ports.Model`` over ``POST /responses`` with ``store=False``. Safe to share between threads.

    Encrypted reasoning that the model returns is handed back with the entry it belongs to (the reply's ``memo``).
    """

    def __init__(
        self, name: str, *, base_url: str = "", api_key: str = "", stream: bool = False, retries: int = 2
    ) -> None:
        self._wire = Wire(name, base_url, api_key, retries=retries)
        self._stream = stream
        # Models without reasoning refuse to include it; found out by their refusal.
        self._has_reasoning = True

    @property
    def name(self) -> str:
        """The model's name, for prices and the audit trail."""
        return self._wire.name

    def reply(self, transcript: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, timeout: float) -> Reply:
        """The model's answer. Raises ``Unavailable`` or ``BadInput``, each with a sentence for people."""
        started = time.monotonic()
        response = self._ask(transcript, tools, max_tokens, timeout)
        listed = response.get("output")
        if not isinstance(listed, list):
            raise self._wire.garbled()
        items = [item for item in listed if isinstance(item, dict)]
        text = "".join(text_of(item.get("content")) for item in items if item.get("type") == "message")
        calls = with_own_ids([_call(item) for item in items if item.get("type") == "function_call"], transcript)
        self._check_refusal(items, calls)
        answer = text + "".join(call.arguments for call in calls)
        names = ("input_tokens", "output_tokens")
        usage = usage_of(response.get("usage"), names, transcript, answer, time.monotonic() - started)
        return Reply(text, calls, usage, _memo(items, calls))

    def _ask(self, transcript: Sequence[Message], tools: Sequence[Tool], max_tokens: int, timeout: float) -> Json:
        try:
            return self._wire.ask(self._request(transcript, tools, max_tokens), self._decode, timeout)
        except openai.BadRequestError as error:
            if not (self._has_reasoning and ("include" in str(error) or "ncrypted" in str(error))):
                raise self._wire.explain(error) from None
        self._has_reasoning = False
        try:
            return self._wire.ask(self._request(transcript, tools, max_tokens), self._decode, timeout)
        except openai.BadRequestError as error:
            raise self._wire.explain(error) from None

    def _request(self, transcript: Sequence[Message], tools: Sequence[Tool], max_tokens: int) -> Request:
        keeps = self._has_reasoning
        items = cast("list[ResponseInputItemParam]", [item for entry in transcript for item in _items(entry, keeps)])
        functions = cast("list[ToolParam]", [_tool(tool) for tool in tools])
        return lambda client: client.responses.with_streaming_response.create(
            model=self.name,
            input=items,
            tools=functions or openai.omit,
            max_output_tokens=max_tokens,
            store=False,
            include=["reasoning.encrypted_content"] if keeps else openai.omit,
            stream=self._stream,
        )

    def _decode(self, objects: list[Json], is_stream: bool) -> Json:
        """The complete response object."""
        response = _final(objects) if is_stream else objects[0]
        error = response.get("error")
        if error or response.get("status") == "failed":
            raise self._wire.fault(error)
        return response

    def _check_refusal(self, items: Sequence[Json], calls: Sequence[Call]) -> None:
        parts = [part for item in items for part in _parts(item) if isinstance(part, dict)]
        refusals = [str(part.get("refusal") or "") for part in parts if part.get("type") == "refusal"]
        if refusals and not calls:
            why = redact(refusals[0], "")
            raise BadInput(f"the model {self.name} refused the request", why, "say it in other words or do it by hand")


def _parts(item: Json) -> list[JsonValue]:
    content = item.get("content")
    return content if isinstance(content, list) else []


def _call(item: Json) -> Call:
    return Call(str(item.get("call_id") or ""), str(item.get("name") or ""), arguments_of(item.get("arguments")))


def _tool(tool: Tool) -> Json:
    parameters: Json = dict(tool.parameters)
    # Not strict: strict schemas must require every property, and ours have optional ones.
    described = {"type": "function", "name": tool.name, "description": tool.description}
    return {**described, "parameters": parameters, "strict": False}


def _items(entry: Message, keeps_reasoning: bool) -> list[Json]:
    if entry.role == "tool":
        return [{"type": "function_call_output", "call_id": entry.call_id, "output": entry.text}]
    reasoning: list[Json] = json.loads(entry.memo) if entry.memo and keeps_reasoning else []
    message: list[Json] = [{"role": entry.role, "content": entry.text}] if entry.text or not entry.calls else []
    return [*reasoning, *message, *map(_call_item, entry.calls)]


def _call_item(call: Call) -> Json:
    name, arguments = tool_name(call.name), as_json_text(call.arguments)
    return {"type": "function_call", "call_id": call.id, "name": name, "arguments": arguments}


def _memo(items: Sequence[Json], calls: Sequence[Call]) -> str:
    """The reasoning to hand back: only when it is sealed, and only in front of calls that it led to."""
    kept = [item for item in items if item.get("type") == "reasoning" and item.get("encrypted_content")]
    return json.dumps(kept) if kept and calls else ""


def _final(events: list[Json]) -> Json:
    """The response that a stream ends with. Raises ``Broken`` when it ended before."""
    done_items: list[JsonValue] = []
    for event in events:
        kind = event.get("type")
        if kind == "error" or (kind is None and event.get("error")):
            return {"error": event.get("error") or event.get("message") or "unknown", "output": []}
        if kind == "response.output_item.done":
            done_items.append(event.get("item"))
        response = event.get("response")
        if kind in _ENDS and isinstance(response, dict):
            # Some servers leave the final object's output empty, having sent each item before.
            return response if response.get("output") else {**response, "output": done_items}
    raise Broken
