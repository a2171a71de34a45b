"""Responses, as the real service speaks it to those who keep nothing there."""

from collections.abc import Iterator

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
    sealed,
    tokens,
    tools,
)

_LEAST_TOKENS = 16
_RESPONSE_FIELDS = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "stream", "stream_options", "max_output_tokens", "store"}
    | {"include", "temperature", "top_p", "metadata", "parallel_tool_calls", "reasoning", "text", "truncation", "user"}
    | {"previous_response_id"}
)
_INCLUDABLE = frozenset({"reasoning.encrypted_content", "message.output_text.logprobs"})


def read_responses(body: Json) -> Asked:
    """A Responses request; raises ``Refusal`` for what the real service refuses."""
    check_fields(body, _RESPONSE_FIELDS)
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < _LEAST_TOKENS):
        raise Refusal(400, "Invalid 'max_output_tokens': integer below minimum value.", "integer_below_min_value")
    included = body.get("include") or []
    if not isinstance(included, list) or not set(map(str, included)) <= _INCLUDABLE:
        raise Refusal(400, "Invalid value in 'include'.", "invalid_value")
    if body.get("previous_response_id"):
        raise Refusal(400, "Previous response not found.", "previous_response_not_found")
    reader = Reader()
    if isinstance(body.get("input"), str):
        reader.say("user", body["input"])
    else:
        for item in objects(body, "input"):
            _read_item(reader, item)
    if reader.open:
        raise Refusal(400, f"No tool output found for function call {reader.open[0]}.")
    return Asked(body, reader.conversation(), tools(body, nested=False))


def _read_item(reader: Reader, item: Json) -> None:
    kind = item.get("type") or "message"
    if kind == "message":
        role = item.get("role")
        if role not in ROLES:
            raise Refusal(400, f"Invalid value: '{role}'.", "invalid_value")
        reader.say(str(role), item.get("content"))
    elif kind == "function_call":
        reader.call(item.get("call_id"), item.get("name"), item.get("arguments"))
    elif kind == "function_call_output":
        call_id = item.get("call_id")
        reader.result(
            call_id, item.get("output"), f"No tool call found for function call output with call_id {call_id}."
        )
    elif kind == "reasoning":
        if item.get("encrypted_content") != sealed(str(item.get("id"))):
            raise Refusal(400, "The encrypted content could not be verified.", "invalid_encrypted_content")
    else:
        raise Refusal(400, f"Invalid value: '{kind}'.", "invalid_value")


def responses_answer(asked: Asked, move: Move) -> Json:
    """A whole ``response`` object."""
    output: list[JsonValue] = []
    included = asked.body.get("include")
    if isinstance(included, list) and "reasoning.encrypted_content" in included:
        name = f"rs_{asked.seed[:24]}"
        output.append({"id": name, "type": "reasoning", "summary": [], "encrypted_content": sealed(name)})
    if move.text:
        part: Json = {"type": "output_text", "text": move.text, "annotations": []}
        said: Json = {"id": f"msg_{asked.seed[:24]}", "type": "message", "role": "assistant", "status": "completed"}
        output.append({**said, "content": [part]})
    output += [
        {
            "id": f"fc_{name.removeprefix('call_')}",
            "type": "function_call",
            "status": "completed",
            "call_id": name,
            "name": use.name,
            "arguments": arguments_of(use),
        }
        for name, use in named(asked, move)
    ]
    asked_for, told = tokens(asked, move)
    usage: Json = {"input_tokens": asked_for, "output_tokens": told, "total_tokens": asked_for + told}
    return {
        "id": f"resp_{asked.seed[:24]}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": asked.body["model"],
        "output": output,
        "parallel_tool_calls": True,
        "store": asked.body.get("store", True),
        "usage": usage,
    }


def responses_events(answer: Json) -> Iterator[Json]:
    """The answer as the events of a stream."""
    yield {"type": "response.created", "response": {**answer, "status": "in_progress", "output": []}}
    output = answer["output"]
    for index, item in enumerate(output if isinstance(output, list) else []):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        if isinstance(item, dict) and item.get("type") == "function_call":
            for piece in pieces(str(item["arguments"])):
                begun: Json = {"type": "response.function_call_arguments.delta", "item_id": item["id"]}
                yield {**begun, "output_index": index, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": answer}


RESPONSES = Api(read_responses, responses_answer, responses_events, ends_with_done=False)
