"""One attempt at a task: pin, work in a sealed sandbox, compute the patch on the host, re-check it, judge it."""

from pydantic import JsonValue

from deputy.domain.errors import BadInput, Cancelled, OutOfBudget
from deputy.domain.events import EventName
from deputy.domain.status import TaskStatus
from deputy.domain.values import (
    Action,
    Decision,
    Effect,
    Proof,
    Task,
    TaskSpec,
    TreeChange,
)
from deputy.evidence import presentable
from deputy.flow.cards import needs_text, sentence
from deputy.flow.considering import keep_policy
from deputy.flow.facts import facts_of
from deputy.flow.governing import governing, running
from deputy.flow.holds import is_cleared
from deputy.flow.network import network_decisions, reviewed
from deputy.flow.review_files import keep_review_files
from deputy.flow.sandboxes import Remains, end_sandboxes, source_of
from deputy.flow.show import keep_shown
from deputy.flow.steps import StepFailed, Steps
from deputy.flow.tasks import OF_A_RUN, advance, cancel_now, end, event
from deputy.flow.verdicts import judge
from deputy.flow.verification import verify
from deputy.flow.work import Work, WorkResult
from deputy.flow.world import World
from deputy.gates import merge_needs
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus


def run_task(world: World, steps: Steps, task_id: str, run: int) -> None:
    """A run from the queue. Each step is recorded; a step that a crash cut short is done again."""
    try:
        if not steps("start", lambda: start(world, task_id, run)):
            keep_shown(world, steps, "show-end", task_id)  # it may have been refused just now
            return
        keep_shown(world, steps, "show-start", task_id)
        # Not tried again in the same breath: the model's adapter does that itself, where nothing is lost by it.
        steps("work", lambda: work(world, task_id, run), tries=1)
        keep_shown(world, steps, "show-work", task_id)
        steps("verify", lambda: check(world, task_id, run))
        steps("judge", lambda: judge(world, task_id, run))
    except StepFailed as failed:
        _end_badly(world, steps, task_id, run, failed)
    keep_shown(world, steps, "show-end", task_id)
    keep_review_files(world, steps, task_id)


def _end_badly(world: World, steps: Steps, task_id: str, run: int, failed: StepFailed) -> None:
    """End the task for a step that failed, unless it has gone on without this run.

    A crash between a step's effect and its record has the step done again: it then finds the next run in line, which
    is not this one's to end. A cancelled task ends with the engine's word that nothing of it is alive.
    """

    def stop() -> JsonValue:
        task = _task(world, task_id)
        if task.run != run or task.status not in OF_A_RUN:
            return None
        remains = end_sandboxes(world, task)
        with world.store.transaction() as ledger:
            task = ledger.task(task_id)
            if task.run != run or task.status not in OF_A_RUN:
                return None
            if failed.was_cancelled or task.cancel_by:
                cancel_now(world, ledger, task, _proof(remains), _remains_data(remains))
            else:
                end(world, ledger, task, _S.FAILED, failed.sentence)
        return None

    steps("stop" if failed.was_cancelled else "fail", stop)


def _proof(remains: Remains) -> str:
    if remains.left is None:
        return "Whether its sandbox is gone could not be seen: the engine does not answer. It is removed once it does."
    if remains.left:
        return f"Its sandbox {remains.left[0]} could not be removed yet; that is tried again every half minute."
    return "Its sandbox is gone."


def _remains_data(remains: Remains) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "sandboxes_stopped": list(remains.stopped),
        "sandboxes_left": None if remains.left is None else list(remains.left),
    }
    return {**told, "why": presentable(remains.why, 300)} if remains.why else told


def start(world: World, task_id: str, run: int) -> JsonValue:
    """Pin the base commit and the policy; False when there is nothing (more) to do for this run."""
    task = _task(world, task_id)
    if task.status is _S.RUNNING and task.run == run:
        return True
    if task.status is not _S.QUEUED or task.run != run or not task.spec:
        return False
    bundle = world.policies.current()
    repo = bundle.repo(task.spec.repo)
    # A second try on the gates' reasons goes on from the first one's tree, so it keeps that base.
    base = task.base if task.feedback else world.repos.refresh(source_of(world, repo))
    governed = governing(world, task, bundle, base)
    with world.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.QUEUED or task.run != run or not task.spec:
            return False
        asked = _may_run(world, ledger, task, task.spec, governed)
        if why := _not_cleared(world, ledger, task, asked):
            worst = max(asked, key=lambda decision: list(Effect).index(decision.effect))
            data: dict[str, JsonValue] = {"decision": worst.model_dump(mode="json")}
            end(world, ledger, task, _S.REFUSED, why, data=data)
            return False
        keep_policy(world, ledger, bundle)
        recipe = task.spec.recipe if task.spec else None
        worker = f"recipe {recipe}" if recipe else f"agent {world.model().name}"
        data = {"run": run, "base": base, "policy": bundle.digest, "worker": worker}
        started = event(world, EventName.RUN_STARTED, task=task_id, data=data)
        advance(world, ledger, task, _S.RUNNING, started, base=base, policy=bundle.digest, worker=worker)
    return True


def _may_run(world: World, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> list[Decision]:
    facts = facts_of(world, ledger, task, spec, bundle)
    subject = task.actor.subject
    return [
        *(bundle.decide(subject, spec.repo, action, (), facts) for action in (Action.REQUEST, Action.RUN)),
        *reviewed(network_decisions(bundle, subject, spec.repo, facts)),
    ]


def _not_cleared(world: World, ledger: Ledger, task: Task, asked: list[Decision]) -> str:
    """Why today's policy, which may be newer than the request, does not let it run; an empty string when it does."""
    if denied := next((decision for decision in asked if decision.effect is Effect.DENY), None):
        return sentence(denied.reason)
    needs = merge_needs(*(decision.needs for decision in asked))
    if not needs or is_cleared(world, ledger, task, needs):
        return ""
    return f"Policy or roles have changed while this waited: it now needs {needs_text(needs)} to run. Ask again."


def work(world: World, task_id: str, run: int) -> JsonValue:
    """Do the work in a sealed sandbox and compute the patch on the host."""
    task, bundle = running(world, task_id, run)
    if task.status is not _S.RUNNING:
        return None
    _count_attempt(world, task, bundle)
    if task.spec is None:
        raise BadInput("the task has no specification")
    done = Work(world, task, task.spec, bundle).result()
    change = world.repos.diff(task.spec.repo, task.base, done.tree)
    _save_patch(world, task, done, change)
    return None


def _count_attempt(world: World, task: Task, bundle: Bundle) -> None:
    """Each begin of the same run's work is an event, so that a run which kills its worker can't do so for ever."""
    with world.store.transaction() as ledger:
        begun = ledger.events(task=task.id, name=EventName.RUN_BEGUN)
        attempt = sum(stored.event.data.get("run") == task.run for stored in begun) + 1
        happened = event(world, EventName.RUN_BEGUN, task=task.id, data={"run": task.run, "attempt": attempt})
        ledger.append(happened)
    if attempt > bundle.limits.run_attempts:
        raise OutOfBudget(
            f"the run was started {attempt - 1} times and its worker died each time",
            "something in it brings the worker down",
            "ask your Deputy's operator to look at the log before you ask again",
        )


def _save_patch(world: World, task: Task, done: WorkResult, change: TreeChange) -> None:
    data: dict[str, JsonValue] = {
        "run": task.run,
        "tree": done.tree,
        "patch": change.digest,
        "files": [f"{f.kind.value} {f.path} {f.old_mode}>{f.new_mode} {f.new_blob}" for f in change.files],
        "usage": done.usage.model_dump(mode="json"),
        "summary": done.summary,
    }
    kept = world.store.put_blob(change.model_dump_json().encode())
    data["change"] = kept
    with world.store.transaction() as ledger:
        current = ledger.task(task.id)
        if current.cancel_by:
            raise Cancelled("the task was cancelled")
        computed = event(world, EventName.PATCH_COMPUTED, task=task.id, data=data)
        usage = current.usage.plus(done.usage)
        advance(
            world,
            ledger,
            current,
            _S.VERIFYING,
            computed,
            tree=done.tree,
            patch=change.digest if change.files else "",
            change_file=kept,
            outcome=done.summary,
            usage=usage,
            # What an earlier run left speaks of another patch.
            proof_file="",
            report_file="",
            patch_file="",
        )


def check(world: World, task_id: str, run: int) -> JsonValue:
    """Re-check base and patch in fresh sandboxes; the evidence is kept as a blob."""
    task, bundle = running(world, task_id, run)
    if task.status is not _S.VERIFYING or not task.spec or not task.patch:
        return None
    change = world.repos.diff(task.spec.repo, task.base, task.tree)
    proof = verify(world, task, change, bundle)
    digest = world.store.put_blob(proof.model_dump_json().encode())
    data: dict[str, JsonValue] = {"run": run, "patch": task.patch, "proof": digest, "checks": _check_lines(proof)}
    with world.store.transaction() as ledger:
        current = ledger.task(task_id)
        if current.cancel_by:
            raise Cancelled("the task was cancelled")
        finished = event(world, EventName.CHECKS_FINISHED, task=task_id, data=data)
        advance(world, ledger, current, _S.VERIFYING, finished, proof_file=digest)
    return None


def _check_lines(proof: Proof) -> list[JsonValue]:
    return [f"{c.phase.value} {c.name}: {c.summary}" for c in proof.checks]


def _task(world: World, task_id: str) -> Task:
    with world.store.transaction() as ledger:
        return ledger.task(task_id)
