"""OpenAI's Chat Completions API, and the many servers that speak it."""

import time
from collections.abc import Sequence
from typing import cast

import openai
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from pydantic import JsonValue

from deputy.adapters.llm.answers import arguments_of, text_of, tool_name, usage_of, with_own_ids
from deputy.adapters.llm.failures import redact
from deputy.adapters.llm.wire import Broken, Json, Request, Wire, as_json_text
from deputy.domain.errors import BadInput
from deputy.domain.tasks.dialogue import Call, Message, Reply, Tool


class ChatModel:
    """``ports.Model`` over ``POST /chat/completions``. Safe to share between threads."""

    def __init__(
        self, name: str, *, base_url: str = "", api_key: str = "", stream: bool = False, retries: int = 2
    ) -> None:
        self._wire = Wire(name, base_url, api_key, retries=retries)
        self._stream = stream
        # Older servers know only ``max_tokens``; found out by their refusal of the newer name.
        self._knows_new_limit = True

    @property
    def name(self) -> str:
        """The model's name, for prices and the audit trail."""
        return self._wire.name

    def reply(self, transcript: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, timeout: float) -> Reply:
        """The model's answer. Raises ``Unavailable`` or ``BadInput``, each with a sentence for people."""
        started = time.monotonic()
        message, counts = self._ask(transcript, tools, max_tokens, timeout)
        text, calls = text_of(message.get("content")), with_own_ids(_calls(message), transcript)
        refusal = message.get("refusal")
        if refusal and not calls:
            why = redact(str(refusal), "")
            raise BadInput(f"the model {self.name} refused the request", why, "say it in other words or do it by hand")
        answer = text + "".join(call.arguments for call in calls)
        names = ("prompt_tokens", "completion_tokens")
        usage = usage_of(counts, names, transcript, answer, time.monotonic() - started)
        return Reply(text, calls, usage)

    def _ask(
        self, transcript: Sequence[Message], tools: Sequence[Tool], max_tokens: int, timeout: float
    ) -> tuple[Json, JsonValue]:
        try:
            return self._wire.ask(self._request(transcript, tools, max_tokens), self._decode, timeout)
        except openai.BadRequestError as error:
            if not (self._knows_new_limit and "max_completion_tokens" in str(error)):
                raise self._wire.explain(error) from None
        self._knows_new_limit = False
        try:
            return self._wire.ask(self._request(transcript, tools, max_tokens), self._decode, timeout)
        except openai.BadRequestError as error:
            raise self._wire.explain(error) from None

    def _request(self, transcript: Sequence[Message], tools: Sequence[Tool], max_tokens: int) -> Request:
        messages = cast("list[ChatCompletionMessageParam]", [_message(entry) for entry in transcript])
        functions = cast("list[ChatCompletionToolUnionParam]", [_tool(tool) for tool in tools])
        return lambda client: client.chat.completions.with_streaming_response.create(
            model=self.name,
            messages=messages,
            tools=functions or openai.omit,
            max_completion_tokens=max_tokens if self._knows_new_limit else openai.omit,
            max_tokens=openai.omit if self._knows_new_limit else max_tokens,
            stream=self._stream,
            stream_options={"include_usage": True} if self._stream else openai.omit,
        )

    def _decode(self, objects: list[Json], is_stream: bool) -> tuple[Json, JsonValue]:
        """The assistant's message and the token counts."""
        for entry in objects:
            if entry.get("error"):
                raise self._wire.fault(entry["error"])
        if is_stream:
            return _joined(objects)
        choice = _first_choice(objects[0])
        message = choice.get("message") if choice else None
        if not isinstance(message, dict):
            raise self._wire.garbled()
        return message, objects[0].get("usage")


def _message(entry: Message) -> Json:
    if entry.role == "tool":
        return {"role": "tool", "tool_call_id": entry.call_id, "content": entry.text}
    if not entry.calls:
        return {"role": entry.role, "content": entry.text}
    calls: list[JsonValue] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": tool_name(call.name), "arguments": as_json_text(call.arguments)},
        }
        for call in entry.calls
    ]
    return {"role": entry.role, "content": entry.text or None, "tool_calls": calls}


def _tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _first_choice(entry: Json) -> Json | None:
    choices = entry.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _calls(message: Json) -> list[Call]:
    listed = message.get("tool_calls")
    calls = []
    for entry in listed if isinstance(listed, list) else []:
        function = entry.get("function") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(function, dict):
            arguments = arguments_of(function.get("arguments"))
            calls.append(Call(str(entry.get("id") or ""), str(function.get("name") or ""), arguments))
    return calls


def _joined(chunks: list[Json]) -> tuple[Json, JsonValue]:
    """A stream's deltas as the message they make. Raises ``Broken`` when the stream ended before its last one."""
    text, refusal, counts, is_finished = "", "", None, False
    calls: dict[int, Json] = {}
    for chunk in chunks:
        counts = chunk.get("usage") or counts
        choice = _first_choice(chunk)
        if choice is None:
            continue
        is_finished = is_finished or bool(choice.get("finish_reason"))
        delta = choice.get("delta")
        if isinstance(delta, dict):
            text += text_of(delta.get("content"))
            refusal += str(delta.get("refusal") or "")
            _add_calls(calls, delta.get("tool_calls"))
    if not is_finished:
        raise Broken
    whole: list[JsonValue] = [calls[index] for index in sorted(calls)]
    return {"content": text, "refusal": refusal, "tool_calls": whole}, counts


def _add_calls(calls: dict[int, Json], deltas: JsonValue) -> None:
    for delta in deltas if isinstance(deltas, list) else []:
        function = delta.get("function") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(function, dict):
            continue
        index = delta.get("index")
        # Without an index, an id begins the next call and anything else goes on with the last.
        position = index if isinstance(index, int) else len(calls) - (0 if delta.get("id") or not calls else 1)
        known = calls.setdefault(position, {"id": "", "function": {"name": "", "arguments": ""}})
        known["id"] = known["id"] or delta.get("id") or ""
        before = cast("dict[str, str]", known["function"])
        before["name"] = before["name"] or str(function.get("name") or "")
        arguments = function.get("arguments")
        before["arguments"] += arguments if isinstance(arguments, str) else arguments_of(arguments) if arguments else ""
