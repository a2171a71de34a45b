"""Chat Completions, as the real service speaks it."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from deputy_playground.model.scripts.conversation import Move
from deputy_playground.model.wire import (
    CREATED,
    ROLES,
    Api,
    Asked,
    Json,
    Reader,
    Refusal,
    arguments_of,
    check_fields,
    named,
    objects,
    pieces,
    tokens,
    tools,
)

_CHAT_FIELDS = frozenset(
    {"model", "messages", "tools", "tool_choice", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
    | {
        "temperature",
        "top_p",
        "n",
        "store",
        "metadata",
        "seed",
        "stop",
        "parallel_tool_calls",
        "reasoning_effort",
        "user",
    }
)


def read_chat(body: Json) -> Asked:
    """A Chat Completions request; raises ``Refusal`` for what the real service refuses."""
    check_fields(body, _CHAT_FIELDS)
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Refusal(400, "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    reader = Reader()
    for entry in objects(body, "messages"):
        role = entry.get("role")
        if role == "tool":
            reader.result(
                entry.get("tool_call_id"),
                entry.get("content"),
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message with "
                "'tool_calls'.",
            )
            continue
        _check_answered(reader.open)
        if role not in ROLES:
            raise Refusal(400, f"Invalid value: '{role}'.", "invalid_value")
        calls = entry.get("tool_calls")
        if entry.get("content") is None and not calls:
            raise Refusal(400, "Invalid value for 'content': expected a string, got null.", "invalid_type")
        reader.say(str(role), entry.get("content"))
        for call in calls if isinstance(calls, list) else []:
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(call, dict) or call.get("type") != "function" or not isinstance(function, dict):
                raise Refusal(400, "Invalid tool call: expected an object of type 'function'.", "invalid_type")
            reader.call(call.get("id"), function.get("name"), function.get("arguments"))
    _check_answered(reader.open)
    return Asked(body, reader.conversation(), tools(body, nested=True))


def chat_answer(asked: Asked, move: Move) -> Json:
    """A whole ``chat.completion`` object."""
    calls: list[JsonValue] = [
        {"id": name, "type": "function", "function": {"name": use.name, "arguments": arguments_of(use)}}
        for name, use in named(asked, move)
    ]
    message: Json = {"role": "assistant", "content": move.text or None, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    reason = "tool_calls" if calls else "stop"
    asked_for, said = tokens(asked, move)
    return {
        "id": f"chatcmpl-{asked.seed[:24]}",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": {"prompt_tokens": asked_for, "completion_tokens": said, "total_tokens": asked_for + said},
    }


def chat_events(answer: Json) -> Iterator[Json]:
    """The answer as the chunks of a stream: text in pieces, arguments in pieces, the reason, the counts."""
    head = {**{key: answer[key] for key in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    choices = answer["choices"]
    assert isinstance(choices, list)  # noqa: S101 (made above, in this module)
    choice = choices[0]
    assert isinstance(choice, dict)  # noqa: S101
    message = choice["message"]
    assert isinstance(message, dict)  # noqa: S101

    def chunk(delta: Mapping[str, JsonValue], reason: JsonValue = None) -> Json:
        return {**head, "choices": [{"index": 0, "delta": dict(delta), "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(str(message.get("content") or "")):
        yield chunk({"content": piece})
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else []):
        function = call["function"] if isinstance(call, dict) else {}
        assert isinstance(call, dict)  # noqa: S101
        assert isinstance(function, dict)  # noqa: S101
        begun: Json = {"index": index, "id": call["id"], "type": "function"}
        yield chunk({"tool_calls": [{**begun, "function": {"name": function["name"], "arguments": ""}}]})
        for piece in pieces(str(function["arguments"])):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, choice["finish_reason"])
    yield {**head, "choices": [], "usage": answer["usage"]}


def _check_answered(unanswered: Sequence[str]) -> None:
    if unanswered:
        raise Refusal(
            400,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. "
            f"The following tool_call_ids did not have response messages: {', '.join(unanswered)}",
        )


CHAT = Api(read_chat, chat_answer, chat_events, ends_with_done=True)
