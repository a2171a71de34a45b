"""The work of one run in a sealed sandbox: a recipe's commands or an agent's turns. What comes out is a tree."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from deputy.agent.budget import check_budget
from deputy.agent.loop import GAVE_UP
from deputy.agent.loop import work as agent_work
from deputy.agent.notes import MAX_NOTE_CHARACTERS, MAX_NOTES, Note, Notes, in_order, within_bounds
from deputy.agent.prompts import RepoFacts, opening
from deputy.agent.tools import ToolCall
from deputy.agent.turns import AgentTurn, ToolResult, describe, turn_from_json, turn_to_json
from deputy.domain.changes.git_modes import LINK
from deputy.domain.errors import BadInput, DeputyError, OutOfBudget
from deputy.domain.events import EventName
from deputy.domain.policy.config import Price, Recipe
from deputy.domain.tasks.dialogue import CommandResult, Message, Reply, Tool
from deputy.domain.tasks.run import RunStart
from deputy.domain.tasks.usage import Turn, Usage
from deputy.evidence import presentable
from deputy.flow.policy.effective_policy import ActiveRun
from deputy.flow.runs.toolbox import how, use_tool
from deputy.flow.runs.waiting import unless_cancelled
from deputy.flow.sandboxes.environments import prepare
from deputy.flow.sandboxes.network import open_network
from deputy.flow.sandboxes.sandboxes import building, cancel_watch, open_sandbox
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_task
from deputy.flow.state.tasks import event, result_of
from deputy.intake.recipes import commands_for
from deputy.ports import Sandbox

LOG_TAIL = 1500
PROGRESS_SECONDS = 2.5
MODEL_SECONDS = 180.0
MAX_ANSWER_TOKENS = 8_000
MAX_NOTE_BYTES = 64 * 1024
NO_PRICE = Price(input=0, output=0)


@dataclass(frozen=True)
class WorkResult:
    """The tree that the work left, what its worker says of it (a claim, not evidence), and what it consumed."""

    tree: str
    summary: str
    usage: Usage


class Work:
    """One run's work. ``result`` may be called again after a crash: it starts over in a fresh sandbox."""

    def __init__(self, services: Services, active: ActiveRun) -> None:
        self._services, self._task, self._spec, self._attempt = services, active.task, active.spec, active.run
        self._base, self._bundle = active.base, active.bundle
        self._repo, self._limits = self._bundle.repo(self._spec.repo), self._bundle.limits_for(self._spec.budget)
        self._is_cancelled = cancel_watch(services, self._task.id)
        self._began = time.monotonic()
        self._shown_at = 0.0

    def result(self) -> WorkResult:
        """Work, take the changed files out, and write them as a tree in the host's own repository."""
        start = result_of(self._task).tree if self._attempt.start is RunStart.PREVIOUS else self._base
        recipe = next((r for r in self._bundle.recipes if r.name == self._spec.recipe), None)
        on_step = building(self._is_cancelled, self._progress)
        prepared = prepare(self._services, self._repo, self._base, on_step)
        # Building an environment has a bound of its own, and is no part of what the run may take.
        self._began = time.monotonic()
        tree = self._services.repos.checkout(self._spec.repo, start, self._repo.hidden)
        with (
            open_network(self._services, self._task, self._spec, self._bundle) as way,
            open_sandbox(
                self._services,
                self._task,
                self._repo,
                self._limits,
                prepared,
                tree,
                purpose="work",
                needs_git=recipe is None,
                gateway=way.folder,
            ) as box,
        ):
            summary, usage = self._recipe(box, recipe) if recipe else self._agent(box, start, way.hosts)
            delta = box.delta()
        result = self._services.repos.import_delta(self._spec.repo, start, delta)
        return WorkResult(result, presentable(summary, LOG_TAIL), usage)

    # ------------------------------------------------------------------------------------------------ recipes

    def _recipe(self, box: Sandbox, recipe: Recipe) -> tuple[str, Usage]:
        for argv in commands_for(recipe, self._spec.arguments):
            self._progress(" ".join(argv))
            done = self._run(box, argv)
            if done.exit_code not in recipe.ok_codes:
                tail = presentable(done.output, LOG_TAIL).strip()
                raise BadInput(f"`{' '.join(argv)}` ended with {how(done)}", tail or "it printed nothing", "")
        return "", Usage(seconds=time.monotonic() - self._began)

    def _run(self, box: Sandbox, argv: Sequence[str]) -> CommandResult:
        """Run a command; its log is kept and its end is in the audit trail before anybody acts on it."""
        limits = self._limits
        left = limits.run_seconds - (time.monotonic() - self._began)
        if left <= 0:
            raise OutOfBudget(f"the run reached its limit of {limits.run_seconds} s", "", "ask for something smaller")
        done = box.run(argv, timeout=min(limits.command_seconds, left), is_cancelled=self._is_cancelled)
        log = self._services.store.put_blob(presentable(done.output, 10**6).encode())
        happened = event(
            self._services,
            EventName.RUN_COMMAND,
            task=self._task.id,
            data={
                "run": self._attempt.number,
                "argv": [presentable(word, 400) for word in argv],
                "exit_code": done.exit_code,
                "timed_out": done.timed_out,
                "seconds": round(done.seconds, 3),
                "log": log,
            },
        )
        with self._services.store.transaction() as ledger:
            ledger.append(happened)
        return done

    # ------------------------------------------------------------------------------------------------ agent

    def _agent(self, box: Sandbox, start: str, hosts: tuple[str, ...]) -> tuple[str, Usage]:
        model = self._services.model()
        rates = self._bundle.prices.get(model.name, NO_PRICE)
        before = self._task.usage
        with self._services.store.transaction() as ledger:
            turns = ledger.turns(self._task.id, self._attempt.number)

        def ask(transcript: Sequence[Message], tools: Sequence[Tool], /) -> Reply:
            return unless_cancelled(
                lambda: model.reply(transcript, tools, max_tokens=MAX_ANSWER_TOKENS, timeout=MODEL_SECONDS),
                self._is_cancelled,
            )

        def over(usage: Usage) -> str | None:
            so_far = before.plus(usage)
            timed = so_far.model_copy(update={"seconds": time.monotonic() - self._began})
            return check_budget(timed, self._limits, rates)

        outcome = agent_work(
            self._opening(start, hosts),
            model=ask,
            toolbox=lambda call: self._do(box, call),
            past=[turn_from_json(turn.number, turn.reply, turn.results) for turn in turns],
            record=self._record,
            is_over=over,
            rates=rates,
        )
        if not outcome.done:
            reason = "" if outcome.reason == GAVE_UP and outcome.summary else outcome.reason
            told = " ".join(part for part in (reason, outcome.summary) if part)
            raise OutOfBudget(f"the agent could not finish. {presentable(told, LOG_TAIL)}".rstrip(". "))
        return outcome.summary, outcome.usage

    def _opening(self, start: str, hosts: tuple[str, ...]) -> tuple[Message, ...]:
        repos, name = self._services.repos, self._spec.repo
        facts = RepoFacts(tuple(p for p in repos.paths(name, start) if not self._repo.hides(p)), hosts)
        checks = self._repo.checks
        return opening(self._spec, facts, checks, notes=self._notes(), feedback=self._attempt.feedback or "")

    def _notes(self) -> Notes:
        """The base's notes for agents, never those of a patched tree. A link may lead anywhere, and is no note."""
        tree = self._services.repos.checkout(self._spec.repo, self._base, self._repo.hidden)
        paths = in_order(path for path, file in tree.items() if file.mode != LINK)
        read = paths[:MAX_NOTES]
        texts = [presentable(tree[path].content[:MAX_NOTE_BYTES], MAX_NOTE_CHARACTERS) for path in read]
        return within_bounds([*map(Note, read, texts)], unread=len(paths) - len(read))

    def _record(self, turn: AgentTurn) -> None:
        reply, results = turn_to_json(turn)
        row = Turn(
            task=self._task.id,
            run=self._attempt.number,
            number=turn.number,
            reply=reply,
            results=results,
            usage=turn.reply.usage,
        )
        calls = [presentable(describe(call), 200) for call in turn.reply.calls]
        happened = event(
            self._services,
            EventName.RUN_TURN,
            task=self._task.id,
            data={"run": row.run, "turn": row.number, "calls": list(calls), "usage": row.usage.model_dump(mode="json")},
        )
        with self._services.store.transaction() as ledger:
            if ledger.add_turn(row):
                ledger.append(happened)
        self._progress(f"turn {turn.number}: {', '.join(calls) or 'thinking'}")

    def _do(self, box: Sandbox, call: ToolCall) -> ToolResult:
        return use_tool(box, call, lambda argv: self._run(box, argv))

    def _progress(self, text: str) -> None:
        """Show what happens now on the card, at most every few seconds; the work goes on when Slack does not answer."""
        if time.monotonic() - self._shown_at < PROGRESS_SECONDS:
            return
        self._shown_at = time.monotonic()
        try:
            show_task(self._services, self._task.id, presentable(text, 120))
        except DeputyError:
            # The next regular update of the card, a recorded step with retries, shows the state anyway.
            self._shown_at += 10 * PROGRESS_SECONDS
