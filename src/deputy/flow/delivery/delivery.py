"""Hand the patch over: look again at base, policy, votes and roles, then post patch and evidence once."""

import textwrap
from datetime import datetime, timedelta

from pydantic import JsonValue

from deputy.domain.changes.change import TreeChange
from deputy.domain.errors import Stale
from deputy.domain.events import EventName
from deputy.domain.identifiers import Digest, TaskId
from deputy.domain.policy.approval_requirements import merge_requirements
from deputy.domain.policy.decision import Effect, Severity
from deputy.domain.review.approval import Hold, HoldKind, VoteChoice
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.approvals.binding import binding, report_of
from deputy.flow.approvals.holds import open_hold, standing_now
from deputy.flow.delivery.artifacts import evidence_of, evidence_pack, logs_of
from deputy.flow.delivery.gate_evaluation import judge_patch
from deputy.flow.policy.effective_policy import effective_policy
from deputy.flow.sandboxes.sandboxes import source_of
from deputy.flow.state.cards import checks_text, findings_text, headline, sentence, size_text
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import advance, cancel_now, end, event, fail, result_of
from deputy.ports import Artifact, CommitText, Fitness, Handover, Ledger

_S = TaskStatus
CHECKED_FOR = timedelta(minutes=1)
BODY_WIDTH = 72  # what git's own tools expect of a commit message


def queue_delivery(services: Services, ledger: Ledger, task: Task, hold_id: str) -> None:
    """Hand the task over to delivery, in the transaction that decided so."""
    patch = _patch(task)
    data: dict[str, JsonValue] = {"patch": patch, "hold": hold_id}
    started = event(services, EventName.DELIVERY_STARTED, task=task.id, data=data)
    advance(services, ledger, task, _S.DELIVERING, started)
    # The hold is part of the name: a patch that lost its sign-off and got another is delivered anew.
    name = f"deliver:{task.id}:{task.run_number}:{hold_id or 'free'}:{patch or 'nothing'}"
    services.queue.enqueue(ledger, "deliver", name, task.id, patch, hold_id)


def deliver(services: Services, steps: Steps, task_id: TaskId, patch: str, hold_id: str) -> None:
    """Deliver exactly the patch that was decided on, or say why it can't be."""
    try:
        checked = steps("recheck", lambda: recheck(services, task_id, patch, hold_id), returns=str)
        if checked and _is_out(services, steps, task_id, patch, hold_id, checked):
            steps("finish", lambda: finish(services, task_id))
    except StepFailed as failed:
        why = failed.sentence
        steps("fail", lambda: fail(services, task_id, why))
    show_card_step(services, steps, "show-end", task_id)


def _is_out(services: Services, steps: Steps, task_id: TaskId, patch: str, hold_id: str, checked: str) -> bool:
    """Make the files and hand them over; False when they may not go out any more."""
    show_card_step(services, steps, "show-delivering", task_id)
    if not patch:
        return True
    steps("package", lambda: package(services, task_id, hold_id))
    return steps("attach", lambda: attach(services, task_id, patch, hold_id, checked), returns=bool)


def recheck(services: Services, task_id: TaskId, patch: str, hold_id: str) -> str:
    """Look again at everything that may have changed since the decision.

    Returns the time at which the patch was found fit to go out, or an empty string when it may not.
    """
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    if task.status is not _S.DELIVERING or _patch(task) != patch or not task.spec:
        return ""
    now = services.clock.now().isoformat()
    if not patch:
        return now
    bundle, result = services.policies.current(), result_of(task)
    change = services.repos.diff(task.spec.repo, result.base, result.tree)
    fitness = services.delivery.fitness(source_of(services, bundle.repo(task.spec.repo)), change)
    governed = effective_policy(services, task, bundle, result.base, fitness.tip)
    judged = judge_patch(services, task, task.spec, change, governed)
    report = services.store.put_blob(judged.model_dump_json().encode())
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        is_fit = (
            _is_still_wanted(services, ledger, task)
            and _is_decided_patch(services, ledger, task, change)
            and _policy_still_allows(services, ledger, task, judged)
            and _base_still_fits(services, ledger, task, fitness)
            and _still_granted(services, ledger, task, judged, report, hold_id)
        )
    return now if is_fit else ""


def _patch(task: Task) -> str:
    """The digest of the patch of the task's newest run; empty where it has none."""
    return (task.run.patch if task.run else None) or ""


def _is_still_wanted(services: Services, ledger: Ledger, task: Task) -> bool:
    """Whether nobody asked to stop it just before the last vote came in."""
    if task.cancel_by:
        cancel_now(services, ledger, task)
    return not task.cancel_by


def _is_decided_patch(services: Services, ledger: Ledger, task: Task, change: TreeChange) -> bool:
    if change.digest == _patch(task):
        return True
    end(services, ledger, task, _S.BLOCKED, "The patch is not the one that was decided on; it was not delivered.")
    return False


def _policy_still_allows(services: Services, ledger: Ledger, task: Task, judged: GateReport) -> bool:
    """Whether today's policy and its gates, which may be newer than the run's, let the patch out."""
    if judged.effect is not Effect.DENY:
        return True
    stopped = [finding for finding in judged.findings if finding.severity is Severity.DENY]
    denied = sentence(judged.decision.reason) if judged.decision.effect is Effect.DENY else ""
    data: dict[str, JsonValue] = {"decision": judged.decision.model_dump(mode="json")} if denied else {}
    why = " ".join(part for part in (denied, *findings_text(stopped)) if part)
    end(services, ledger, task, _S.BLOCKED, f"Policy does not let this be delivered any more. {why}", data=data)
    return False


def _base_still_fits(services: Services, ledger: Ledger, task: Task, fitness: Fitness) -> bool:
    """Whether the destination leaves every path of the patch as it was on the base.

    Then the patch says exactly what was signed, and it goes out on the base that it was made, checked and signed on.
    Otherwise the work is done again on the tip.
    """
    if not fitness.moved:
        return True
    why = f"it now differs in {', '.join(fitness.moved[:3])}"
    data: dict[str, JsonValue] = {"tip": fitness.tip, "why": why}
    enqueue_run(services, ledger, task, event(services, EventName.BASE_MOVED, task=task.id, data=data))
    return False


def _still_granted(
    services: Services, ledger: Ledger, task: Task, judged: GateReport, report: Digest, hold_id: str
) -> bool:
    """Whether what was signed, by those who still have the roles for it, is all that today's policy asks for.

    Otherwise sign-off starts again, on today's ``report``.
    """
    hold = ledger.hold(hold_id) if hold_id else None
    needs = merge_requirements(hold.needs if hold else (), judged.needs if judged.effect is Effect.REVIEW else ())
    if not needs:
        return True
    why = "Policy has changed since the patch was judged."
    if hold:
        is_same = hold.digest == binding(services, task, HoldKind.SIGN_OFF)
        unseen = _to_review(judged) - _to_review(report_of(services, result_of(task).run))
        stands = standing_now(services, ledger, hold.model_copy(update={"needs": needs}))
        if is_same and stands.is_granted and not unseen:
            return True
        changed = "roles have changed since" if needs == merge_requirements(hold.needs) else "policy asks for more now"
        changed = "the gates find more now" if unseen else changed
        changed = changed if is_same else "it was given to something else"
        why = f"A signature no longer counts: {changed}. {sentence(stands.sentence)}"
    name = EventName.HOLD_VOIDED if hold else EventName.SIGN_OFF_NEEDED
    again = event(services, name, task=task.id, data={"hold": hold_id, "why": why})
    task = advance(services, ledger, task, _S.HELD_FOR_SIGNOFF, again, runs=task.runs_with(report=report))
    open_hold(services, ledger, task, HoldKind.SIGN_OFF, needs, why)
    return False


def _to_review(judged: GateReport) -> set[tuple[str, str, int]]:
    """What of a report people are asked to look at: by rule and place."""
    return {(f.rule, f.path, f.line) for f in judged.findings if f.severity is Severity.REVIEW}


def package(services: Services, task_id: TaskId, hold_id: str) -> None:
    """Make the patch file with its trailers, and keep it by digest."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    patch, *_ = services.delivery.artifacts(_handover(services, task, hold_id))
    digest = services.store.put_blob(patch.content)
    if digest == result_of(task).run.delivered_file:
        return
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.DELIVERING:
            return
        data: dict[str, JsonValue] = {"patch": _patch(task), "file": digest}
        packed = event(services, EventName.DELIVERY_PACKED, task=task.id, data=data)
        advance(services, ledger, task, task.status, packed, runs=task.runs_with(delivered_file=digest))


def _handover(services: Services, task: Task, hold_id: str) -> Handover:
    """What goes out: the patch with its commit message, and the evidence that speaks of exactly this patch."""
    with services.store.transaction() as ledger:
        hold = ledger.hold(hold_id) if hold_id else None
        votes = ledger.votes(hold_id) if hold_id else ()
    result = result_of(task)
    change = services.repos.diff(task.spec.repo if task.spec else "", result.base, result.tree)
    approved = [vote.subject for vote in votes if vote.choice is VoteChoice.APPROVE]
    text = CommitText(
        subject=headline(task, services.bot_user),
        body="\n".join(textwrap.wrap(result.run.summary or "", BODY_WIDTH)),
        trailers=(
            ("Requested-by", task.requester.subject),
            *(("Approved-by", subject) for subject in approved),
            ("Deputy-Task", task.id),
            ("Policy-Digest", result.policy),
        ),
        at=_made_at(task, hold),
    )
    checks = checks_text(evidence_of(services, task))
    return Handover(
        key=_files_key(task.id, _patch(task)),
        task=task,
        result=result,
        change=change,
        text=text,
        evidence=evidence_pack(services, task),
        logs=logs_of(services, task),
        announcement=f"{task.id} is delivered: {size_text(change)}. {checks}.",
    )


def _made_at(task: Task, hold: Hold | None) -> datetime:
    """A time that is the same on every try, so that the patch's bytes are too."""
    return hold.opened_at if hold else task.created_at


def attach(services: Services, task_id: TaskId, patch: str, hold_id: str, checked: str) -> bool:
    """Hand the files over, once; False when they may not go out any more.

    ``checked`` is when ``recheck`` found them fit.
    """
    if not _is_fresh(services, task_id, patch, checked) and not recheck(services, task_id, patch, hold_id):
        return False
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    handover = _handover(services, task, hold_id)
    made, *others = services.delivery.artifacts(handover)
    kept = services.store.blob(result_of(task).run.delivered_file or "")
    if made.content != kept:
        raise Stale("the patch file is not the one that was recorded", "something has changed meanwhile", "ask again")
    services.delivery.hand_over(handover, [Artifact(made.name, made.title, kept), *others])
    return True


def _is_fresh(services: Services, task_id: TaskId, patch: str, checked: str) -> bool:
    """Whether the check was a moment ago (not before a crash and a weekend), or the files are on their way already."""
    if services.delivery.has_begun(_files_key(task_id, patch)):
        return True
    try:
        return services.clock.now() - datetime.fromisoformat(checked) < CHECKED_FOR
    except ValueError:
        return False


def _files_key(task_id: TaskId, patch: str) -> str:
    return f"files:{task_id}:{patch}"


def finish(services: Services, task_id: TaskId) -> None:
    """The task is done."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.DELIVERING:
            return
        run, patch = task.run, _patch(task)
        nothing = "Nothing needed changing: the recipe ran and left every file as it was."
        outcome = run.summary if run and patch else nothing
        data: dict[str, JsonValue] = {
            "patch": patch,
            "file": (run.delivered_file if run else None) or "",
            "proof": (run.evidence if run else None) or "",
        }
        done = event(services, EventName.DELIVERY_FINISHED, task=task.id, data=data)
        advance(services, ledger, task, _S.DELIVERED, done, outcome=outcome)
