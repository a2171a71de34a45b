"""One attempt at a task: pin, work in a sealed sandbox, compute the patch on the host, re-check it, judge it."""

from pydantic import JsonValue

from deputy.domain.changes.change import TreeChange
from deputy.domain.errors import Cancelled, OutOfBudget
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.policy.effects import strictest_effect
from deputy.domain.review.evidence import Evidence
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.run import PartStatus, RunStart
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.evidence import presentable
from deputy.flow.approvals.holds import is_cleared
from deputy.flow.delivery.review_files import keep_review_files
from deputy.flow.policy.effective_policy import ActiveRun, effective_policy, keep_policy, load_active_run
from deputy.flow.policy.facts import facts_of
from deputy.flow.runs.outcome import judge
from deputy.flow.runs.work import Work, WorkResult
from deputy.flow.sandboxes.network import network_decisions, reviewed
from deputy.flow.sandboxes.sandboxes import CleanupResult, end_sandboxes, source_of
from deputy.flow.state.cards import sentence
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import OF_A_RUN, advance, cancel_now, end, event, result_of
from deputy.flow.verification.verification import verify
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus


def run_task(services: Services, steps: Steps, task_id: TaskId, run: int) -> None:
    """A run from the queue. Each step is recorded; a step that a crash cut short is done again."""
    try:
        if not steps("start", lambda: start(services, task_id, run), returns=bool):
            show_card_step(services, steps, "show-end", task_id)  # it may have been refused just now
            return
        show_card_step(services, steps, "show-start", task_id)
        # Not tried again in the same breath: the model's adapter does that itself, where nothing is lost by it.
        steps("work", lambda: work(services, task_id, run), tries=1)
        show_card_step(services, steps, "show-work", task_id)
        steps("verify", lambda: check(services, task_id, run))
        steps("judge", lambda: judge(services, task_id, run))
    except StepFailed as failed:
        _end_badly(services, steps, task_id, run, failed)
    show_card_step(services, steps, "show-end", task_id)
    keep_review_files(services, steps, task_id)


def _end_badly(services: Services, steps: Steps, task_id: TaskId, run: int, failed: StepFailed) -> None:
    """End the task for a step that failed, unless it has gone on without this run.

    A crash between a step's effect and its record has the step done again: it then finds the next run in line, which
    is not this one's to end. A cancelled task ends with the engine's word that nothing of it is alive.
    """

    def stop() -> None:
        task = _task(services, task_id)
        if task.run_number != run or task.status not in OF_A_RUN:
            return
        remains = end_sandboxes(services, task)
        with services.store.transaction() as ledger:
            task = ledger.task(task_id)
            if task.run_number != run or task.status not in OF_A_RUN:
                return
            if failed.was_cancelled or task.cancel_by:
                cancel_now(services, ledger, task, _proof(remains), _remains_data(remains))
            else:
                end(services, ledger, task, _S.FAILED, failed.sentence)

    steps("stop" if failed.was_cancelled else "fail", stop)


def _proof(remains: CleanupResult) -> str:
    if remains.left is None:
        return "Whether its sandbox is gone could not be seen: the engine does not answer. It is removed once it does."
    if remains.left:
        return f"Its sandbox {remains.left[0]} could not be removed yet; that is tried again every half minute."
    return "Its sandbox is gone."


def _remains_data(remains: CleanupResult) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "sandboxes_stopped": list(remains.stopped),
        "sandboxes_left": None if remains.left is None else list(remains.left),
    }
    return {**told, "why": presentable(remains.why, 300)} if remains.why else told


def start(services: Services, task_id: TaskId, number: int) -> bool:
    """Pin the base commit and the policy; False when there is nothing (more) to do for this run."""
    task = _task(services, task_id)
    if task.status is _S.RUNNING and task.run_number == number:
        return True
    run, spec = task.run, task.spec
    if task.status is not _S.QUEUED or run is None or run.number != number or spec is None:
        return False
    bundle = services.policies.current()
    repo = bundle.repo(spec.repo)
    # A second try on the gates' reasons goes on from the first one's tree, so it keeps that base.
    earlier = result_of(task).base if run.start is RunStart.PREVIOUS else None
    base = earlier or services.repos.refresh(source_of(services, repo))
    governed = effective_policy(services, task, bundle, base)
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.QUEUED or task.run_number != number:
            return False
        asked = _may_run(services, ledger, task, spec, governed)
        if why := _not_cleared(services, ledger, task, asked):
            effect = strictest_effect(decision.effect for decision in asked)
            worst = next(decision for decision in asked if decision.effect is effect)
            data: dict[str, JsonValue] = {"decision": worst.model_dump(mode="json")}
            end(services, ledger, task, _S.REFUSED, why, data=data)
            return False
        keep_policy(services, ledger, bundle)
        worker = f"recipe {spec.recipe}" if spec.recipe else f"agent {services.model().name}"
        data = {"run": number, "base": base, "policy": bundle.digest, "worker": worker}
        started = event(services, EventName.RUN_STARTED, task=task_id, data=data)
        runs = task.runs_with(
            started_at=services.clock.now(), base=base, policy=bundle.digest, worker=worker, work=PartStatus.ACTIVE
        )
        advance(services, ledger, task, _S.RUNNING, started, runs=runs)
    return True


def _may_run(services: Services, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> list[Decision]:
    facts = facts_of(services, ledger, task, spec, bundle)
    subject = task.requester.subject
    return [
        *(bundle.decide(subject, spec.repo, action, (), facts) for action in (Action.REQUEST, Action.RUN)),
        *reviewed(network_decisions(bundle, subject, spec.repo, facts)),
    ]


def _not_cleared(services: Services, ledger: Ledger, task: Task, asked: list[Decision]) -> str:
    """Why today's policy, which may be newer than the request, does not let it run; an empty string when it does."""
    if denied := next((decision for decision in asked if decision.effect is Effect.DENY), None):
        return sentence(denied.reason)
    needs = merge_requirements(*(decision.needs for decision in asked))
    if not needs or is_cleared(services, ledger, task, needs):
        return ""
    return f"Policy or roles have changed while this waited: it now needs {requirements_text(needs)} to run. Ask again."


def work(services: Services, task_id: TaskId, run: int) -> None:
    """Do the work in a sealed sandbox and compute the patch on the host."""
    active = load_active_run(services, task_id, run)
    if active.task.status is not _S.RUNNING:
        return
    _count_attempt(services, active)
    done = Work(services, active).result()
    change = services.repos.diff(active.spec.repo, active.base, done.tree)
    _save_patch(services, active, done, change)


def _count_attempt(services: Services, active: ActiveRun) -> None:
    """Each begin of the same run's work is an event, so that a run which kills its worker can't do so for ever."""
    with services.store.transaction() as ledger:
        begun = ledger.events(task=active.task.id, name=EventName.RUN_BEGUN)
        attempt = sum(stored.event.data.get("run") == active.run.number for stored in begun) + 1
        data: dict[str, JsonValue] = {"run": active.run.number, "attempt": attempt}
        ledger.append(event(services, EventName.RUN_BEGUN, task=active.task.id, data=data))
    if attempt > active.bundle.limits.run_attempts:
        raise OutOfBudget(
            f"the run was started {attempt - 1} times and its worker died each time",
            "something in it brings the worker down",
            "ask your Deputy's operator to look at the log before you ask again",
        )


def _save_patch(services: Services, active: ActiveRun, done: WorkResult, change: TreeChange) -> None:
    data: dict[str, JsonValue] = {
        "run": active.run.number,
        "tree": done.tree,
        "patch": change.digest,
        "files": [f"{f.kind.value} {f.path} {f.old_mode}>{f.new_mode} {f.new_blob}" for f in change.files],
        "usage": done.usage.model_dump(mode="json"),
        "summary": done.summary,
    }
    kept = services.store.put_blob(change.model_dump_json().encode())
    data["change"] = kept
    with services.store.transaction() as ledger:
        current = ledger.task(active.task.id)
        if current.cancel_by:
            raise Cancelled("the task was cancelled")
        computed = event(services, EventName.PATCH_COMPUTED, task=current.id, data=data)
        runs = current.runs_with(
            work=PartStatus.DONE,
            checks=PartStatus.ACTIVE if change.files else PartStatus.WAITING,
            tree=done.tree,
            patch=change.digest if change.files else None,
            change=kept,
            summary=done.summary or None,
            usage=done.usage,
        )
        advance(services, ledger, current, _S.VERIFYING, computed, runs=runs)


def check(services: Services, task_id: TaskId, run: int) -> None:
    """Re-check base and patch in fresh sandboxes; the evidence is kept as a blob."""
    active = load_active_run(services, task_id, run)
    result = active.run.result
    if active.task.status is not _S.VERIFYING or result is None or not result.patch:
        return
    change = services.repos.diff(active.spec.repo, result.base, result.tree)
    evidence = verify(services, active.task, change, active.bundle)
    digest = services.store.put_blob(evidence.model_dump_json().encode())
    data: dict[str, JsonValue] = {
        "run": run,
        "patch": result.patch,
        "proof": digest,
        "checks": _check_lines(evidence),
    }
    with services.store.transaction() as ledger:
        current = ledger.task(task_id)
        if current.cancel_by:
            raise Cancelled("the task was cancelled")
        finished = event(services, EventName.CHECKS_FINISHED, task=task_id, data=data)
        runs = current.runs_with(evidence=digest, checks=PartStatus.DONE, gates=PartStatus.ACTIVE)
        advance(services, ledger, current, _S.VERIFYING, finished, runs=runs)


def _check_lines(evidence: Evidence) -> list[JsonValue]:
    return [f"{c.phase.value} {c.name}: {c.summary}" for c in evidence.checks]


def _task(services: Services, task_id: TaskId) -> Task:
    with services.store.transaction() as ledger:
        return ledger.task(task_id)
