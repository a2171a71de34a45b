"""What becomes of a patch that was checked: blocked (perhaps with one more try), held for sign-off, or delivered."""

from deputy.domain.errors import Cancelled
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.policy.approval_requirements import requirements_text
from deputy.domain.policy.decision import Decision, Effect, RuleRef, Severity
from deputy.domain.review.approval import HoldKind
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.run import PartStatus
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.evidence import presentable
from deputy.flow.approvals.holds import open_hold
from deputy.flow.delivery.delivery import queue_delivery
from deputy.flow.delivery.gate_evaluation import audit_data, judge_patch
from deputy.flow.policy.effective_policy import MAX_PATH, ActiveRun, load_active_run
from deputy.flow.state.cards import feedback_text, findings_text, sentence
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import advance, end, event
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus
RULES_IN_SENTENCES = 2  # more than that are named in a list


def judge(services: Services, task_id: TaskId, run: int) -> None:
    """Gates and policy on the patch: blocked (perhaps with one more try), held for sign-off, or on to delivery."""
    active = load_active_run(services, task_id, run)
    result = active.run.result
    if active.task.status is not _S.VERIFYING or result is None:
        return
    if not result.patch:
        _nothing_changed(services, active)
        return
    change = services.repos.diff(active.spec.repo, result.base, result.tree)
    judged = judge_patch(services, active.task, active.spec, change, active.bundle)
    digest = services.store.put_blob(judged.model_dump_json().encode())
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.cancel_by:
            raise Cancelled("the task was cancelled")
        happened = event(
            services,
            EventName.GATES_JUDGED,
            task=task_id,
            data={"run": run, "patch": result.patch, "report": digest, **audit_data(judged)},
        )
        runs = task.runs_with(report=digest, gates=PartStatus.DONE, ended_at=services.clock.now())
        task = advance(services, ledger, task, task.status, happened, runs=runs)
        if judged.effect is Effect.DENY:
            _blocked(services, ledger, task, judged, active.bundle)
        elif judged.effect is Effect.REVIEW:
            why = _why(judged)
            held = event(services, EventName.SIGN_OFF_NEEDED, task=task_id, data={"why": why})
            task = advance(services, ledger, task, _S.HELD_FOR_SIGNOFF, held)
            open_hold(services, ledger, task, HoldKind.SIGN_OFF, judged.needs, why)
        else:
            queue_delivery(services, ledger, task, "")


def _why(judged: GateReport) -> str:
    """One sentence for the approver: which paths, by which rules; or that it is the gates who ask."""
    decision = judged.decision
    if decision.effect is not Effect.REVIEW:
        return f"The gates ask for review by {requirements_text(judged.needs)}."
    if len(decision.rules) <= RULES_IN_SENTENCES:
        return sentence(decision.reason)
    named = ", ".join(_with_path(rule, decision) for rule in decision.rules)
    return f"{len(decision.rules)} rules ask for review by {requirements_text(decision.needs)}: {named}."


def _with_path(rule: RuleRef, decision: Decision) -> str:
    """A rule's name and the first path that it speaks of, if it is about paths."""
    touched = [path.path for path in decision.paths if any(match.id == rule.id for match in path.rules)]
    more = f" and {len(touched) - 1} more" if len(touched) > 1 else ""
    return f"{rule.id} ({presentable(touched[0], MAX_PATH)}{more})" if touched else rule.id


def _blocked(services: Services, ledger: Ledger, task: Task, judged: GateReport, bundle: Bundle) -> None:
    """End the task, or give the agent the reasons and one more try."""
    stopped = [finding for finding in judged.findings if finding.severity is Severity.DENY]
    denied = sentence(judged.decision.reason) if judged.decision.effect is Effect.DENY else ""
    why = " ".join(part for part in (denied, *findings_text(stopped)) if part)
    is_agent = task.spec is not None and task.spec.recipe is None
    if is_agent and task.run_number <= bundle.limits.agent_retries_after_block:
        again = event(services, EventName.RUN_RETRIED, task=task.id, data={"run": task.run_number, "why": why})
        enqueue_run(services, ledger, task, again, feedback="\n".join(filter(None, (denied, feedback_text(stopped)))))
        return
    outcome = f"The patch was blocked; nothing was delivered. {denied or 'The gates found:'}"
    end(services, ledger, task, _S.BLOCKED, outcome, data={"why": why})


def _nothing_changed(services: Services, active: ActiveRun) -> None:
    with services.store.transaction() as ledger:
        task = ledger.task(active.task.id)
        if task.cancel_by:
            raise Cancelled("the task was cancelled")
        if active.spec.recipe:
            queue_delivery(services, ledger, task, "")
        else:
            why = f"The agent changed nothing. {active.run.summary or ''}".strip()
            end(services, ledger, task, _S.BLOCKED, why)
