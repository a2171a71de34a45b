"""One suite for ``ports.Model``: both adapters, against the scripted server and against a server that misbehaves."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deputy.adapters.llm import make_model
from deputy.adapters.llm.failures import redact
from deputy.agent import TOOLS
from deputy.domain.errors import BadInput, DeputyError, Unavailable
from deputy.domain.tasks.dialogue import Call, Message, Reply
from deputy.ports import Model
from deputy_playground.model.scripts import Conversation, Move, Script, ToolUse
from deputy_playground.model.server import Fault, ModelServer

KEY = "key-that-must-not-be-shown-1234"
TALK = (Message("system", "rules"), Message("user", "do it"))
APIS = ("responses", "chat")


def ask(model: Model, transcript: tuple[Message, ...] = TALK, *, timeout: float = 10) -> Reply:
    return model.reply(transcript, TOOLS, max_tokens=500, timeout=timeout)


def failure(model: Model, **more: float) -> DeputyError:
    with pytest.raises(DeputyError) as caught:
        ask(model, **more)
    said = str(caught.value)
    assert KEY not in said
    assert said.endswith(".")
    assert "\n" not in said
    return caught.value


# ------------------------------------------------------------------------------------------- the scripted server


def _both(conversation: Conversation) -> Move:
    """Two calls at once, then words about both results."""
    if not conversation.steps:
        return Move("Two looks.", (ToolUse("read", {"path": "a"}), ToolUse("read", {"path": "b"})))
    return Move(" and ".join(step.result for step in conversation.steps))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(api_key=KEY, scripts=(Script("both", lambda _: True, _both),)) as running:
        yield running


@pytest.fixture(params=[(api, stream) for api in APIS for stream in (False, True)], ids=str)
def model(request: pytest.FixtureRequest, server: ModelServer) -> Model:
    api, stream = request.param
    return make_model(api, server.model, server.base_url, server.api_key, stream=stream, retries=0)


def test_calls_come_back_and_their_results_go_in(model, server):
    first = ask(model)
    assert first.text == "Two looks."
    assert [(call.name, json.loads(call.arguments)) for call in first.calls] == [
        ("read", {"path": "a"}),
        ("read", {"path": "b"}),
    ]
    said = Message("assistant", first.text, first.calls, memo=first.memo)
    results = [Message("tool", f"it is {call.id[-1]}", call_id=call.id) for call in first.calls]
    second = ask(model, (*TALK, said, *results))
    assert (second.text, second.calls) == ("it is 0 and it is 1", ())
    assert [received.status for received in server.calls] == [200, 200]


def test_usage_is_one_turn_with_tokens_and_time(model):
    usage = ask(model).usage
    assert usage.turns == 1
    assert usage.input_tokens > 100
    assert usage.output_tokens > 0
    assert usage.seconds > 0


def test_the_same_question_gets_the_same_answer(model):
    assert ask(model).calls == ask(model).calls


def test_its_name_is_the_models(model, server):
    assert model.name == server.model


def test_nothing_is_kept_at_the_vendor(server):
    ask(make_model("responses", server.model, server.base_url, KEY))
    body = server.calls[0].body
    assert isinstance(body, dict)
    assert body["store"] is False
    assert "previous_response_id" not in body


def test_sealed_reasoning_is_handed_back_with_its_calls(server):
    model = make_model("responses", server.model, server.base_url, KEY)
    first = ask(model)
    assert "encrypted_content" in first.memo
    said = Message("assistant", first.text, first.calls, memo=first.memo)
    ask(model, (*TALK, said, *(Message("tool", "x", call_id=call.id) for call in first.calls)))
    body = server.calls[1].body
    assert isinstance(body, dict)
    assert json.loads(first.memo)[0] in body["input"]


def test_malformed_and_invented_calls_come_back_as_they_are_and_can_be_answered(model, server):
    for fault, name in ((Fault.MALFORMED_CALL, "run"), (Fault.UNKNOWN_TOOL, "launch_rocket")):
        server.inject(fault)
        reply = ask(model)
        assert [call.name for call in reply.calls] == [name]
        said = Message("assistant", reply.text, reply.calls, memo=reply.memo)
        ask(model, (*TALK, said, Message("tool", "no", call_id=reply.calls[0].id)))


def test_an_answer_that_breaks_off_is_asked_for_again(model, server):
    server.inject(Fault.DISCONNECT)
    assert len(ask(model).calls) == 2
    server.inject(*[Fault.DISCONNECT] * 3)
    assert isinstance(failure(model), Unavailable)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.RATE_LIMIT, "limiting our requests"),
        (Fault.NO_QUOTA, "out of quota"),
        (Fault.SERVER_ERROR, "failed: status 500"),
    ],
)
def test_what_the_vendor_refuses_is_one_sentence(model, server, fault, says):
    server.inject(fault)
    error = failure(model)
    assert isinstance(error, Unavailable)
    assert says in str(error)


def test_a_passing_failure_is_tried_again(server):
    for api in APIS:
        patient = make_model(api, server.model, server.base_url, KEY, retries=1)
        server.inject(Fault.SERVER_ERROR)
        assert ask(patient).calls


def test_a_wrong_key_names_the_setting(server):
    for api in APIS:
        error = failure(make_model(api, server.model, server.base_url, "wrong-key-98765", retries=0))
        assert "OPENAI_API_KEY" in str(error)
        assert "wrong-key" not in str(error)
        assert isinstance(failure(make_model(api, server.model, server.base_url, "", retries=0)), Unavailable)


def test_an_unknown_model_and_a_wrong_address_name_the_settings(server):
    for api in APIS:
        assert "DEPUTY_MODEL" in str(failure(make_model(api, "gpt-nope", server.base_url, KEY, retries=0)))
        wrong = make_model(api, server.model, server.base_url.removesuffix("/v1"), KEY, retries=0)
        assert "OPENAI_BASE_URL" in str(failure(wrong))


def test_a_server_that_is_down_names_the_setting(server):
    for api in APIS:
        error = failure(make_model(api, "m", "http://127.0.0.1:9/v1", KEY, retries=0))
        assert isinstance(error, Unavailable)
        assert "OPENAI_BASE_URL" in str(error)


@pytest.mark.parametrize(
    ("api", "name", "key", "says"),
    [
        ("grpc", "m", KEY, "DEPUTY_MODEL_API"),
        ("chat", "", KEY, "DEPUTY_MODEL"),
        ("chat", "m", "kéy", "OPENAI_API_KEY"),
        ("chat", "m", "a\nb", "OPENAI_API_KEY"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(api, name, key, says):
    with pytest.raises(BadInput, match=says):
        make_model(api, name, "", key)


# ---------------------------------------------------------------------------------------- a server that misbehaves


@dataclass
class Wrong:
    """What to send: a status, a body (cut when ``length`` says more), its type; or nothing for ``hang`` seconds."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    length: int = 0
    drip: float = 0


@dataclass
class NastyServer:
    """Sends what it is told, whatever the question; the last one for ever."""

    answers: list[Wrong] = field(default_factory=list)
    asked: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        nasty = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                nasty.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                wrong = nasty.answers.pop(0) if len(nasty.answers) > 1 else nasty.answers[0]
                self.send_response(wrong.status)
                self.send_header("Content-Type", wrong.kind)
                self.send_header("Content-Length", str(wrong.length or len(wrong.body)))
                self.end_headers()
                for piece in (
                    [wrong.body] if not wrong.drip else [wrong.body[i : i + 1] for i in range(len(wrong.body))]
                ):
                    if nasty.stopping.wait(wrong.drip):
                        return
                    self.wfile.write(piece)

            def log_message(self, *args: object) -> None:
                pass

        self.stopping = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def stop(self) -> None:
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def nasty() -> Iterator[NastyServer]:
    server = NastyServer()
    yield server
    server.stop()


def _json(**body: object) -> Wrong:
    return Wrong(json.dumps(body).encode())


def _sse(*events: object, kind: str = "text/event-stream") -> Wrong:
    lines = "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\r\n\r\n" for event in events)
    return Wrong(lines.encode(), kind=kind)


def _chat(finish: str = "stop", **message: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}]}


def _chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "finish_reason": finish, "delta": delta}]}


def _function(name: str, arguments: object, call_id: str | None = "c1") -> dict[str, object]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _item(name: str, arguments: object, call_id: str = "c1") -> dict[str, object]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


GARBLED = "can't be understood"
CHAT_WRONGS = [
    (_json(choices=[]), GARBLED),
    (_json(choices=[{"message": None}]), GARBLED),
    (_json(choices="none"), GARBLED),
    (_json(), GARBLED),
    (_json(error={"message": f"overloaded, key {KEY}"}), "overloaded"),
    (_json(**_chat(refusal="I can't help with that")), "refused the request: I can't help with that"),
    (_sse(_chunk(content="half")), "broke off"),
    (_sse({"error": {"message": "exploded"}}), "exploded"),
]
RESPONSES_WRONGS = [
    (_json(output=None), GARBLED),
    (_json(), GARBLED),
    (_json(status="failed", error={"message": f"overloaded, key {KEY}"}, output=[]), "overloaded"),
    (
        _json(output=[{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]),
        "refused the request: No",
    ),
    (_sse({"type": "response.created", "response": {}}), "broke off"),
    (_sse({"type": "error", "message": "exploded"}), "exploded"),
    (_sse({"type": "response.failed", "response": {"error": {"message": "exploded"}}}), "exploded"),
]
BOTH_WRONGS = [
    (Wrong(b"<html>proxy login</html>", kind="text/html"), GARBLED),
    (Wrong(b""), GARBLED),
    (Wrong(b"[1, 2]"), GARBLED),
    (Wrong(b'{"choices": [', length=500), "be reached"),
    (_sse("not json"), GARBLED),
    (_sse(), "broke off"),
    (Wrong(b"<h1>Bad gateway</h1>", status=502, kind="text/html"), "failed: status 502"),
    (
        Wrong(b'{"error": {"message": "too long", "code": "context_length_exceeded"}}', status=400),
        "too long for the model",
    ),
    (Wrong(b'{"error": {"message": "no such field"}}', status=400), "refused the request: no such field"),
    (Wrong(b'{"error": "pay first"}', status=402), "out of quota"),
    (Wrong(b"{}", status=403), "refused our key"),
    (Wrong(b"{}", status=413), "too long for the model"),
    (Wrong(b'{"detail": "sk-abcdefgh is bad"}', status=422), "… is bad"),
]
WRONGS = [
    *(("chat", *wrong) for wrong in (*CHAT_WRONGS, *BOTH_WRONGS)),
    *(("responses", *wrong) for wrong in (*RESPONSES_WRONGS, *BOTH_WRONGS)),
]


@pytest.mark.parametrize(("api", "wrong", "says"), WRONGS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_wrong_answer_is_one_sentence(nasty, api, wrong, says, stream):
    nasty.answers = [wrong]
    assert says in str(failure(make_model(api, "m", nasty.url, KEY, stream=stream, retries=0)))


CHAT_ODDITIES = [
    (_json(**_chat(content="hi")), "hi", []),
    (
        _json(**_chat(content=[{"type": "text", "text": "h"}, {"type": "image"}, {"type": "text", "text": "i"}])),
        "hi",
        [],
    ),
    (_json(**_chat(content=None, tool_calls=None)), "", []),
    (_json(**_chat(tool_calls=[_function("run", {"command": "ls"})])), "", [("run", '{"command": "ls"}')]),
    (_json(**_chat(tool_calls=[_function("run", None)])), "", [("run", "{}")]),
    (_json(**_chat(tool_calls=[7, {"type": "function"}, _function("run", "{}")])), "", [("run", "{}")]),
    (
        _json(**_chat(tool_calls=[_function("a", "{}", ""), _function("b", "{}", None), _function("c", "{}", "x")])),
        "",
        [("a", "{}"), ("b", "{}"), ("c", "{}")],
    ),
    (_json(**_chat(tool_calls=[_function("a", "{}"), _function("b", "{}")])), "", [("a", "{}"), ("b", "{}")]),
    (_sse(_chunk(content="h"), _chunk("stop", content="i"), "[DONE]"), "hi", []),
    (_sse(_chunk(content="hi"), _chunk("stop"), kind="text/event-stream; charset=utf-8"), "hi", []),
    (Wrong(_sse(_chunk("stop", content="hi")).body.strip(), kind="text/event-stream"), "hi", []),
    (
        _sse(
            _chunk(tool_calls=[_function("run", '{"co') | {"index": 0}]),
            _chunk(tool_calls=[{"index": 1, "id": "c2", "function": {"name": "read", "arguments": ""}}]),
            _chunk(tool_calls=[{"index": 0, "function": {"arguments": 'm": 1}'}}]),
            _chunk("tool_calls", tool_calls=[{"index": 1, "function": {"arguments": "{}"}}]),
        ),
        "",
        [("run", '{"com": 1}'), ("read", "{}")],
    ),
    (
        _sse(
            _chunk(tool_calls=[_function("run", "{")]),
            _chunk(tool_calls=[{"function": {"arguments": "}"}}]),
            _chunk("tool_calls", tool_calls=[_function("read", "{}", "c2")]),
        ),
        "",
        [("run", "{}"), ("read", "{}")],
    ),
]
RESPONSES_ODDITIES = [
    (_json(output=[{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]), "hi", []),
    (_json(output=[{"type": "message", "content": "hi"}]), "hi", []),
    (_json(output=[]), "", []),
    (_json(output=[7, {"type": "reasoning"}, {"type": "web_search_call"}, _item("run", "{}")]), "", [("run", "{}")]),
    (_json(output=[_item("run", {"command": "ls"})]), "", [("run", '{"command": "ls"}')]),
    (
        _json(output=[_item("a", "{}", ""), _item("b", "{}"), _item("c", "{}")]),
        "",
        [("a", "{}"), ("b", "{}"), ("c", "{}")],
    ),
    (_json(status="incomplete", output=[_item("run", '{"comm')]), "", [("run", '{"comm')]),
    (
        _sse(
            {"type": "response.output_item.done", "item": _item("run", "{}")},
            {"type": "response.completed", "response": {"output": []}},
        ),
        "",
        [("run", "{}")],
    ),
    (_sse({"type": "response.incomplete", "response": {"output": [_item("run", "{}")]}}), "", [("run", "{}")]),
]
ODDITIES = [*(("chat", *odd) for odd in CHAT_ODDITIES), *(("responses", *odd) for odd in RESPONSES_ODDITIES)]


@pytest.mark.parametrize(("api", "odd", "text", "calls"), ODDITIES)
def test_odd_answers_are_understood(nasty, api, odd, text, calls):
    nasty.answers = [odd]
    model = make_model(api, "m", nasty.url, KEY, retries=0)
    reply = ask(model)
    assert (reply.text, [(call.name, call.arguments) for call in reply.calls]) == (text, calls)
    ids = [call.id for call in reply.calls]
    assert all(ids), "every call has an id to answer to"
    assert len(set(ids)) == len(ids), "no two calls have the same"
    assert reply.usage.turns == 1
    said = Message("assistant", reply.text, reply.calls, memo=reply.memo)
    again = ask(model, (*TALK, said, *(Message("tool", "x", call_id=name) for name in ids)))
    assert not set(ids) & {call.id for call in again.calls}, "nor one that was used before"


@pytest.mark.parametrize("api", APIS)
def test_a_server_that_does_not_count_is_estimated(nasty, api):
    nasty.answers = [_json(**_chat(content="x" * 400), output=[{"type": "message", "content": "x" * 400}])]
    for usage in ({}, {"usage": None}, {"usage": {"prompt_tokens": -1, "input_tokens": "many"}}):
        nasty.answers[0].body = json.dumps(json.loads(nasty.answers[0].body) | usage).encode()
        reply = ask(make_model(api, "m", nasty.url, KEY, retries=0), (Message("user", "y" * 4000),))
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (1000, 100)


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_drips_is_ended_by_the_clock(nasty, api):
    nasty.answers = [Wrong(b" " * 1000, drip=0.1)]
    assert "in time" in str(failure(make_model(api, "m", nasty.url, KEY, retries=0), timeout=0.5))


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_never_comes_is_ended_by_the_clock(nasty, api):
    nasty.answers = [Wrong(b"{}", drip=30)]
    assert "in time" in str(failure(make_model(api, "m", nasty.url, KEY, retries=0), timeout=0.5))


def test_older_chat_servers_are_asked_with_the_older_limit(nasty):
    refusal = b'{"error": {"message": "Unsupported parameter: max_completion_tokens"}}'
    nasty.answers = [Wrong(refusal, status=400), _json(**_chat(content="hi"))]
    model = make_model("chat", "m", nasty.url, KEY, retries=0)
    assert ask(model).text == "hi"
    assert ask(model).text == "hi"
    assert ["max_tokens" in body for body in nasty.asked] == [False, True, True]


def test_models_without_reasoning_are_asked_without(nasty):
    refusal = b'{"error": {"message": "Encrypted content is not supported with this model."}}'
    nasty.answers = [Wrong(refusal, status=400), _json(output=[])]
    model = make_model("responses", "m", nasty.url, KEY, retries=0)
    ask(model)
    ask(model)
    assert ["include" in body for body in nasty.asked] == [True, False, False]


@pytest.mark.parametrize("api", APIS)
def test_a_transcript_with_malformed_arguments_is_sent_as_json(nasty, api):
    """Some servers parse the arguments of earlier calls and fail on those that are not JSON."""
    nasty.answers = [_json(**_chat(content="hi"), output=[])]
    call = Call("c1", "no such tool!", '{"command": ')
    transcript = (*TALK, Message("assistant", "", (call,)), Message("tool", "no", call_id="c1"))
    ask(make_model(api, "m", nasty.url, KEY, retries=0), transcript)
    sent = json.dumps(nasty.asked[0])
    assert "no_such_tool_" in sent
    entries = nasty.asked[0].get("messages") or nasty.asked[0].get("input")
    assert isinstance(entries, list)
    entry = entries[2]
    arguments = entry["tool_calls"][0]["function"]["arguments"] if api == "chat" else entry["arguments"]
    assert json.loads(arguments) == {"malformed": '{"command": '}


def test_what_looks_like_a_key_is_taken_out_of_what_servers_say():
    said = redact("Bearer abc.def sk-proj-12345678, key_live_abcdef and mykey42", "mykey42")
    assert said == "… …, … and …"


# --------------------------------------------------------- the scripted server is as strict as the real one


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("chat/completions", {"messages": []}, "Invalid 'messages'"),
        ("chat/completions", {"messages": [{"role": "robot", "content": "x"}]}, "robot"),
        ("chat/completions", {"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, "role 'tool'"),
        (
            "chat/completions",
            {"messages": [{"role": "assistant", "tool_calls": [_function("run", "{}")]}]},
            "did not have response messages: c1",
        ),
        ("chat/completions", {"messages": [{"role": "user", "content": "x"}], "colour": 1}, "colour"),
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "name": "flat"}]},
            "Invalid tool",
        ),
        ("responses", {"input": []}, "Invalid 'input'"),
        ("responses", {"input": [_item("run", "{}")]}, "No tool output found for function call c1"),
        (
            "responses",
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            "No tool call found",
        ),
        (
            "responses",
            {"input": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "x"}]},
            "could not be verified",
        ),
        ("responses", {"input": "x", "max_output_tokens": 3}, "max_output_tokens"),
        (
            "responses",
            {"input": "x", "tools": [{"type": "function", "function": {"name": "nested"}}]},
            "Invalid tool name",
        ),
    ],
)
def test_the_scripted_server_refuses_what_the_real_one_refuses(server, path, body, says):
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{server.base_url}/{path}",
        data=json.dumps({"model": server.model, **body}).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert says in json.loads(caught.value.read())["error"]["message"]
