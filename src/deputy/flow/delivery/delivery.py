"""Hand the patch over: look again at base, policy, votes and roles, then post patch and evidence once."""

import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue

from deputy.domain.changes.change import TreeChange
from deputy.domain.events import EventName
from deputy.domain.policy.decision import Effect, Severity
from deputy.domain.review.approval import Hold, HoldKind, VoteChoice
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.approvals.binding import binding
from deputy.flow.approvals.holds import open_hold, standing_now
from deputy.flow.delivery.artifacts import evidence_of, logs_of, proof_of
from deputy.flow.delivery.gate_evaluation import judge_patch
from deputy.flow.policy.effective_policy import effective_policy
from deputy.flow.sandboxes.sandboxes import source_of
from deputy.flow.state.cards import checks_text, findings_text, headline, sentence, size_text
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import advance, cancel_now, end, event, fail
from deputy.gates import merge_requirements
from deputy.ports import Attachment, CommitText, Ledger

_S = TaskStatus
CHECKED_FOR = timedelta(minutes=1)
BODY_WIDTH = 72  # what git's own tools expect of a commit message


def queue_delivery(services: Services, ledger: Ledger, task: Task, hold_id: str) -> None:
    """Hand the task over to delivery, in the transaction that decided so."""
    data: dict[str, JsonValue] = {"patch": task.patch, "hold": hold_id}
    started = event(services, EventName.DELIVERY_STARTED, task=task.id, data=data)
    advance(services, ledger, task, _S.DELIVERING, started)
    # The hold is part of the name: a patch that lost its sign-off and got another is delivered anew.
    name = f"deliver:{task.id}:{task.run}:{hold_id or 'free'}:{task.patch or 'nothing'}"
    services.queue.enqueue(ledger, "deliver", name, task.id, task.patch, hold_id)


def deliver(services: Services, steps: Steps, task_id: str, patch: str, hold_id: str) -> None:
    """Deliver exactly the patch that was decided on, or say why it can't be."""
    try:
        checked = steps("recheck", lambda: recheck(services, task_id, patch, hold_id))
        if checked and _is_out(services, steps, task_id, patch, hold_id, str(checked)):
            steps("finish", lambda: finish(services, task_id))
    except StepFailed as failed:
        sentence = failed.sentence
        steps("fail", lambda: fail(services, task_id, sentence))
    show_card_step(services, steps, "show-end", task_id)


def _is_out(services: Services, steps: Steps, task_id: str, patch: str, hold_id: str, checked: str) -> bool:
    """Make the files and post them; False when they may not go out any more."""
    show_card_step(services, steps, "show-delivering", task_id)
    if not patch:
        return True
    steps("package", lambda: package(services, task_id, hold_id))
    return steps("attach", lambda: attach(services, task_id, patch, hold_id, checked)) is not False


def recheck(services: Services, task_id: str, patch: str, hold_id: str) -> JsonValue:
    """Look again at everything that may have changed since the decision.

    Returns the time at which the patch was found fit to go out, or an empty string when it may not.
    """
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    if task.status is not _S.DELIVERING or task.patch != patch or not task.spec:
        return ""
    now = services.clock.now().isoformat()
    if not patch:
        return now
    bundle = services.policies.current()
    tip = services.repos.refresh(source_of(services, bundle.repo(task.spec.repo)))
    change = services.repos.diff(task.spec.repo, task.base, task.tree)
    drift = services.repos.diff(task.spec.repo, task.base, tip).paths if tip != task.base else ()
    judged = judge_patch(services, task, task.spec, change, effective_policy(services, task, bundle, task.base, tip))
    report = services.store.put_blob(judged.model_dump_json().encode())
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        is_fit = (
            _is_still_wanted(services, ledger, task)
            and _is_decided_patch(services, ledger, task, change)
            and _policy_still_allows(services, ledger, task, judged)
            and _base_still_fits(services, ledger, task, change, tip, drift)
            and _still_granted(services, ledger, task, judged, report, hold_id)
        )
    return now if is_fit else ""


def _is_still_wanted(services: Services, ledger: Ledger, task: Task) -> bool:
    """Whether nobody asked to stop it just before the last vote came in."""
    if task.cancel_by:
        cancel_now(services, ledger, task)
    return not task.cancel_by


def _is_decided_patch(services: Services, ledger: Ledger, task: Task, change: TreeChange) -> bool:
    if change.digest == task.patch:
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


def _base_still_fits(
    services: Services, ledger: Ledger, task: Task, change: TreeChange, tip: str, drift: Sequence[str]
) -> bool:
    """Whether the branch's tip leaves every path of the patch as it was; ``drift`` is what has changed up to there.

    Then the patch says exactly what was signed, and it goes out on the base that it was made, checked and signed on.
    Otherwise the work is done again on the tip.
    """
    moved = [path for path in change.paths if any(_touches(path, other) for other in drift)]
    if not moved:
        return True
    why = f"it now differs in {', '.join(moved[:3])}"
    enqueue_run(
        services, ledger, task, event(services, EventName.BASE_MOVED, task=task.id, data={"tip": tip, "why": why})
    )
    return False


def _touches(path: str, other: str) -> bool:
    """Whether two changed paths are the same, or one is a folder where the other has a file."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")


def _still_granted(
    services: Services, ledger: Ledger, task: Task, judged: GateReport, report: str, hold_id: str
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
        unseen = _to_review(judged) - _to_review(signed_report(services, task))
        stands = standing_now(services, ledger, hold.model_copy(update={"needs": needs}))
        if is_same and stands.is_granted and not unseen:
            return True
        changed = "roles have changed since" if needs == merge_requirements(hold.needs) else "policy asks for more now"
        changed = "the gates find more now" if unseen else changed
        changed = changed if is_same else "it was given to something else"
        why = f"A signature no longer counts: {changed}. {sentence(stands.sentence)}"
    name = EventName.HOLD_VOIDED if hold else EventName.SIGN_OFF_NEEDED
    again = event(services, name, task=task.id, data={"hold": hold_id, "why": why})
    task = advance(services, ledger, task, _S.HELD_FOR_SIGNOFF, again, report_file=report)
    open_hold(services, ledger, task, HoldKind.SIGN_OFF, needs, why)
    return False


def signed_report(services: Services, task: Task) -> GateReport:
    """The report that those who signed were shown."""
    return GateReport.model_validate_json(services.store.blob(task.report_file))


def _to_review(judged: GateReport) -> set[tuple[str, str, int]]:
    """What of a report people are asked to look at: by rule and place."""
    return {(f.rule, f.path, f.line) for f in judged.findings if f.severity is Severity.REVIEW}


def package(services: Services, task_id: str, hold_id: str) -> JsonValue:
    """Make the files: the patch with its trailers, and the evidence that speaks of exactly this patch."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        hold = ledger.hold(hold_id) if hold_id else None
        votes = ledger.votes(hold_id) if hold_id else ()
    if not task.spec:
        return None
    approved = [vote.subject for vote in votes if vote.choice is VoteChoice.APPROVE]
    text = CommitText(
        subject=headline(task, services.bot_user),
        body="\n".join(textwrap.wrap(task.outcome, BODY_WIDTH)),
        trailers=(
            ("Requested-by", task.actor.subject),
            *(("Approved-by", subject) for subject in approved),
            ("Deputy-Task", task.id),
            ("Policy-Digest", task.policy),
        ),
        at=_made_at(task, hold),
    )
    patch = services.repos.patch(task.spec.repo, task.base, task.tree, text)
    digest = services.store.put_blob(patch)
    if digest == task.patch_file:
        return None
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.DELIVERING:
            return None
        packed = event(services, EventName.DELIVERY_PACKED, task=task.id, data={"patch": task.patch, "file": digest})
        advance(services, ledger, task, task.status, packed, patch_file=digest)
    return None


def _made_at(task: Task, hold: Hold | None) -> datetime:
    """A time that is the same on every try, so that the patch's bytes are too."""
    return hold.opened_at if hold else task.created_at


def attach(services: Services, task_id: str, patch: str, hold_id: str, checked: str) -> JsonValue:
    """Upload the files into the thread, once; False when they may not go out any more.

    ``checked`` is when ``recheck`` found them fit.
    """
    if not _is_fresh(services, task_id, patch, checked) and not recheck(services, task_id, patch, hold_id):
        return False
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    name = f"{task.id}-{task.patch[:8]}"
    files = [
        Attachment(f"{name}.patch", f"{task.id}: patch, apply with git am", services.store.blob(task.patch_file)),
        Attachment(f"{name}.evidence.json", f"{task.id}: evidence", evidence_of(services, task)),
        Attachment(f"{name}.checks.log", f"{task.id}: logs of the checks", logs_of(services, task)),
    ]
    proof = proof_of(services, task)
    change = services.repos.diff(task.spec.repo, task.base, task.tree) if task.spec else None
    said = f"{task.id} is delivered: {size_text(change) if change else ''}. {checks_text(proof)}."
    services.chat.attach(task.place, _files_key(task.id, task.patch), files, said)
    return True


def _is_fresh(services: Services, task_id: str, patch: str, checked: str) -> bool:
    """Whether the check was a moment ago (not before a crash and a weekend), or the files are on their way already."""
    with services.store.transaction() as ledger:
        if ledger.post(_files_key(task_id, patch)):
            return True
    try:
        return services.clock.now() - datetime.fromisoformat(checked) < CHECKED_FOR
    except ValueError:
        return False


def _files_key(task_id: str, patch: str) -> str:
    return f"files:{task_id}:{patch}"


def finish(services: Services, task_id: str) -> JsonValue:
    """The task is done."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if task.status is not _S.DELIVERING:
            return None
        nothing = "Nothing needed changing: the recipe ran and left every file as it was."
        outcome = task.outcome if task.patch else nothing
        data: dict[str, JsonValue] = {"patch": task.patch, "file": task.patch_file, "proof": task.proof_file}
        done = event(services, EventName.DELIVERY_FINISHED, task=task.id, data=data)
        advance(services, ledger, task, _S.DELIVERED, done, outcome=outcome)
    return None
