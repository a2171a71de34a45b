"""The agent's loop, a model adapter, the scripted server and real tools on a copy of the sample shop."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deputy.adapters.llm import make_model
from deputy.agent import (
    AgentTurn,
    Outcome,
    Problem,
    RepoFacts,
    ToolResult,
    apply_edit,
    check_budget,
    number_lines,
    opening,
    turn_from_json,
    turn_to_json,
    work,
)
from deputy.agent.tools import Edit, Read, Run, Search, ToolCall
from deputy.domain.policy.config import Limits, Price
from deputy.domain.tasks.dialogue import Message, Reply, Tool
from deputy.domain.tasks.request import TaskKind, TaskSpec
from deputy_playground.model.server import Fault, ModelServer

SHOP = Path(__file__).parents[3] / "examples" / "shop"
GOAL = "refunds of split payments are rounded wrong, with a regression test"
SPEC = TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal=GOAL)
RATES = Price(input=1, output=2)
NEW_TEST = "tests/test_refund_rounding.py"


class Workspace:
    """The tools on a plain folder: what the sandbox does, without its walls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.did: list[ToolCall] = []

    def __call__(self, call: ToolCall, /) -> ToolResult:
        self.did.append(call)
        match call:
            case Run():
                return self._command(call.argv)
            case Search():
                # The host need not have ripgrep; for these patterns grep says the same.
                return self._command(("grep", "-rnE", "--include=*.py", "--", call.pattern, call.path))
            case Read():
                shown = number_lines((self.root / call.path).read_text(), call.start, call.end)
                return ToolResult(shown.text, ok=False) if isinstance(shown, Problem) else ToolResult(shown)
            case Edit():
                return self._edit(call)
            case _:
                raise AssertionError(call)

    def tests_pass(self) -> bool:
        return self._command(("python", "-m", "pytest", "-q")).ok

    def _command(self, argv: tuple[str, ...]) -> ToolResult:
        bin_dir = Path(sys.executable).parent
        env = {"PATH": f"{bin_dir}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.root)}
        done = subprocess.run(argv, cwd=self.root, env=env, capture_output=True, text=True, timeout=60, check=False)
        return ToolResult(f"exit status {done.returncode}\n{done.stdout}{done.stderr}", ok=done.returncode == 0)

    def _edit(self, call: Edit) -> ToolResult:
        path = self.root / call.path
        changed = apply_edit(path.read_text(), call.old, call.new, call.count) if path.exists() else call.new
        if isinstance(changed, Problem):
            return ToolResult(changed.text, ok=False)
        path.write_text(changed)
        return ToolResult(f"Wrote {call.path}.", is_edit=True)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root)
    return Workspace(root)


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


def play(server: ModelServer, api: str, shop: Workspace, *, past: tuple[AgentTurn, ...] = (), stream: bool = False):
    model = make_model(api, server.model, server.base_url, server.api_key, stream=stream, retries=0)
    recorded: list[AgentTurn] = []

    def ask(transcript: list[Message], tools: list[Tool], /) -> Reply:
        return model.reply(transcript, tools, max_tokens=1000, timeout=20)

    outcome = work(
        opening(SPEC, RepoFacts(("billing/refunds.py",)), ()),
        model=ask,
        toolbox=shop,
        past=past,
        record=recorded.append,
        is_over=lambda usage: check_budget(usage, Limits(), RATES),
        rates=RATES,
    )
    return outcome, recorded


def assert_fixed(outcome: Outcome, shop: Workspace) -> None:
    assert outcome.done, outcome
    assert "sum to the refund" in outcome.summary
    assert shop.tests_pass()
    shutil.copy(SHOP / "billing" / "refunds.py", shop.root / "billing" / "refunds.py")
    assert not shop.tests_pass(), "the new test must fail on the old code"


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_refunds_are_fixed_with_a_test_that_fails_before(api, stream, server, shop):
    outcome, turns = play(server, api, shop, stream=stream)
    assert [call.name for turn in turns for call in turn.reply.calls] == [
        "search",
        "read",
        "edit",
        "edit",
        "run",
        "done",
    ]
    assert outcome.usage.turns == 6
    assert outcome.usage.cost > 0
    assert_fixed(outcome, shop)


def test_after_a_crash_the_work_goes_on_without_asking_again(server, shop):
    _, turns = play(server, "responses", shop)
    asked = len(server.calls)
    shutil.rmtree(shop.root)
    shutil.copytree(SHOP, shop.root)
    past = tuple(turn_from_json(turn.number, *turn_to_json(turn)) for turn in turns[:3])
    outcome, later = play(server, "responses", shop, past=past)
    assert len(server.calls) - asked == 3
    assert [turn.number for turn in later] == [4, 5, 6]
    assert_fixed(outcome, shop)


@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.parametrize("fault", [Fault.MALFORMED_CALL, Fault.UNKNOWN_TOOL, Fault.DISCONNECT])
def test_a_model_that_calls_tools_wrongly_or_hangs_up_is_worked_with(api, fault, server, shop):
    server.inject(fault)
    outcome, _ = play(server, api, shop)
    assert_fixed(outcome, shop)


def test_a_repository_without_refunds_ends_with_an_explanation(server, shop):
    shutil.rmtree(shop.root / "billing")
    shutil.rmtree(shop.root / "tests")
    outcome, _ = play(server, "chat", shop)
    assert not outcome.done
    assert "no function that splits refunds" in outcome.summary


def test_tests_that_fail_for_another_reason_end_the_work_honestly(server, shop):
    (shop.root / "tests" / "test_broken.py").write_text("def test_no():\n    assert False\n")
    outcome, turns = play(server, "responses", shop)
    assert not outcome.done
    assert sum(call.name == "read" for turn in turns for call in turn.reply.calls) > 1, "it looks again"
