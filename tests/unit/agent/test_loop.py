"""The loop: done, over, stuck, replayed. The model is a list of replies."""

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.agent import (
    AgentTurn,
    Edit,
    Outcome,
    Run,
    ToolCall,
    ToolResult,
    describe,
    turn_from_json,
    turn_to_json,
    work,
)
from deputy.agent.turns import MAX_IDLE_TURNS, stuck
from deputy.domain.policy.config import Price
from deputy.domain.tasks.dialogue import Call, Message, Reply, Tool
from deputy.domain.tasks.usage import Usage

OPENING = (Message("system", "rules"), Message("user", "task"))
FREE = Price(input=0, output=0)


def use(name: str, **arguments: object) -> Call:
    return Call(f"call-{name}", name, json.dumps(arguments))


def says(*calls: Call, text: str = "") -> Reply:
    return Reply(text, calls, Usage(turns=1, input_tokens=10, output_tokens=5))


DONE = says(use("done", summary="All done."))


class Model:
    """Says its replies one after the other, the last one for ever, and remembers what it was shown."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.shown: list[tuple[Message, ...]] = []

    def __call__(self, transcript: Sequence[Message], tools: Sequence[Tool], /) -> Reply:
        self.shown.append(tuple(transcript))
        return self.replies[min(len(self.shown), len(self.replies)) - 1]


class Tools:
    def __init__(self) -> None:
        self.did: list[ToolCall] = []

    def __call__(self, call: ToolCall, /) -> ToolResult:
        self.did.append(call)
        return ToolResult(f"result {len(self.did)}", is_edit=isinstance(call, Edit))


def play(
    model: Callable[..., Reply],
    tools: Callable[[ToolCall], ToolResult] | None = None,
    past: Sequence[AgentTurn] = (),
    is_over: Callable[[Usage], str | None] = lambda _: None,
    rates: Price = FREE,
) -> tuple[Outcome, list[AgentTurn]]:
    recorded: list[AgentTurn] = []
    outcome = work(
        OPENING,
        model=model,
        toolbox=tools or Tools(),
        past=past,
        record=recorded.append,
        is_over=is_over,
        rates=rates,
    )
    return outcome, recorded


def test_calls_are_done_in_order_and_their_results_shown_next():
    model, tools = Model(says(use("run", command="ls"), use("read", path="a"), text="Looking."), DONE), Tools()
    outcome, recorded = play(model, tools)
    assert outcome == Outcome(True, "All done.", Usage(turns=2, input_tokens=20, output_tokens=10))
    assert tools.did == [Run("ls"), tools.did[1]]
    assert [message.text for message in model.shown[1]] == ["rules", "task", "Looking.", "result 1", "result 2"]
    assert [turn.number for turn in recorded] == [1, 2]


def test_giving_up_is_not_done():
    outcome, _ = play(Model(says(use("done", summary="It needs the network.", solved=False))))
    assert (outcome.done, outcome.summary, outcome.reason) == (False, "It needs the network.", "The agent gave up.")


def test_calls_beside_done_are_still_carried_out():
    tools = Tools()
    outcome, _ = play(Model(says(use("edit", path="a", old="x", new="y"), use("done", summary="ok"))), tools)
    assert outcome.done
    assert len(tools.did) == 1


def test_a_malformed_call_is_answered_and_the_work_goes_on():
    model, tools = Model(says(Call("c", "run", "{")), says(Call("d", "launch", "{}")), DONE), Tools()
    outcome, recorded = play(model, tools)
    assert outcome.done
    assert tools.did == []
    assert [turn.results[0].ok for turn in recorded] == [False, False, True]
    assert "not JSON" in model.shown[1][-1].text


def test_a_reply_without_a_call_is_nudged_and_then_stopped():
    model = Model(says(text="I would look at the file."))
    outcome, recorded = play(model)
    assert not outcome.done
    assert "called no tool" in outcome.reason
    assert outcome.summary == "I would look at the file."
    assert len(recorded) == 3
    assert "calling a tool" in model.shown[1][-1].text


def test_a_used_up_budget_stops_before_the_model_is_asked():
    model = Model(says(use("run", command="ls")))
    outcome, recorded = play(model, is_over=lambda usage: "Too many turns." if usage.turns >= 4 else None)
    assert (outcome.done, outcome.reason) == (False, "Too many turns.")
    assert len(model.shown) == len(recorded) == 4


def test_turns_are_priced():
    outcome, recorded = play(Model(DONE), rates=Price(input=1_000_000, output=2_000_000))
    assert recorded[0].reply.usage.cost == pytest.approx(20)
    assert outcome.usage.cost == pytest.approx(20)


def test_long_results_are_clipped_before_they_are_recorded():
    _, recorded = play(Model(says(use("run", command="yes")), DONE), lambda _: ToolResult("y" * 10**6))
    assert len(recorded[0].results[0].text) < 20_000


def test_past_turns_are_done_again_without_asking_and_keep_their_recorded_results():
    first = Model(says(use("edit", path="a", old="x", new="y")), says(use("run", command="ls")), DONE)
    _, turns = play(first)
    again = [turn_from_json(turn.number, *json.loads(json.dumps(turn_to_json(turn)))) for turn in turns[:2]]
    assert again == turns[:2]
    second, tools = Model(DONE), Tools()
    outcome, recorded = play(second, lambda call: (tools(call), ToolResult("other now"))[1], past=again)
    assert outcome.done
    assert outcome.usage.turns == 3
    assert len(tools.did) == 2
    assert [turn.number for turn in recorded] == [3]
    assert second.shown[0] == first.shown[2], "the transcript is the one of before"


def test_work_that_was_done_before_the_crash_asks_nobody():
    _, turns = play(Model(DONE))
    model = Model(DONE)
    outcome, recorded = play(model, past=turns)
    assert outcome.done
    assert model.shown == recorded == []


@given(st.text(), st.lists(st.tuples(st.text(max_size=9), st.text(max_size=30)), max_size=3), st.text())
def test_turns_survive_json(text, calls, memo):
    made = tuple(Call(str(index), name, arguments) for index, (name, arguments) in enumerate(calls))
    turn = AgentTurn(3, Reply(text, made, Usage(cost=0.1), memo), tuple(ToolResult(call.name) for call in made))
    assert turn_from_json(3, *json.loads(json.dumps(turn_to_json(turn)))) == turn


# --------------------------------------------------------------------------------------------------------- stuck


def turn(*pairs: tuple[Call, ToolResult]) -> AgentTurn:
    return AgentTurn(1, says(*(call for call, _ in pairs)), tuple(result for _, result in pairs))


TESTS = use("run", command="pytest")
EDIT = (use("edit", path="a", old="x", new="y"), ToolResult("Wrote a.", is_edit=True))


def test_the_same_call_with_the_same_result_three_times_is_stuck():
    failing = turn((TESTS, ToolResult("1 failed")))
    assert stuck([failing, failing]) is None
    assert "run pytest" in (stuck([failing] * 3) or "")


def test_an_edit_between_or_another_result_is_progress():
    failing = turn((TESTS, ToolResult("1 failed")))
    assert stuck([failing, failing, turn(EDIT), failing, failing]) is None
    assert stuck([failing, failing, turn((TESTS, ToolResult("2 failed")))]) is None


def test_many_turns_without_an_edit_are_stuck():
    looks = [turn((use("read", path=f"f{number}"), ToolResult("text"))) for number in range(MAX_IDLE_TURNS)]
    assert stuck(looks[:-1]) is None
    assert "made no edit" in (stuck(looks) or "")
    assert stuck([*looks[:-1], turn(EDIT)]) is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (use("run", command="python -m pytest -q\necho x"), "run python -m pytest -q"),
        (use("read", path="billing/refunds.py"), "read billing/refunds.py"),
        (use("search", pattern="def refund"), "search def refund"),
        (use("edit", path="a.py", old="x", new="y"), "edit a.py"),
        (use("done", summary="ok"), "done"),
        (Call("c", "run", "{"), "run (malformed)"),
    ],
)
def test_calls_in_words(call, words):
    assert describe(call) == words
