"""What a task's card shows: a pure function of the task and what belongs to it.

The card has one reader in a hurry, the approver, and one who wants to see it move, the requester: first what and where,
then who has to decide and why, then the evidence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deputy.domain.buttons import CANCEL, answer_button, cancel_button, vote_button
from deputy.domain.changes.change import TreeChange
from deputy.domain.policy.approval_requirements import requirements_text
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote, VoteChoice
from deputy.domain.review.evidence import CheckPhase, Evidence
from deputy.domain.review.finding import Finding, GateReport
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.gates.framework.grouping import grouped, shorten
from deputy.intake.markup import plain_text
from deputy.intake.words import without_filler
from deputy.ports import Button, Card, Fact, Step
from deputy.scheduling import QueuePosition, place_words, wait_words

_S = TaskStatus
STATUS_WORDS = {
    _S.RECEIVED: "Reading the request",
    _S.NEEDS_ANSWER: "One question first",
    _S.REFUSED: "Refused by policy",
    _S.HELD_FOR_CLEARANCE: "Waiting for clearance",
    _S.QUEUED: "In line",
    _S.RUNNING: "Working",
    _S.VERIFYING: "Checking the patch",
    _S.BLOCKED: "Blocked",
    _S.HELD_FOR_SIGNOFF: "Waiting for sign-off",
    _S.DELIVERING: "Delivering",
    _S.DELIVERED: "Delivered",
    _S.CANCELLED: "Cancelled",
    _S.REJECTED: "Rejected",
    _S.EXPIRED: "Expired",
    _S.FAILED: "Failed",
}
_TONES = {
    _S.NEEDS_ANSWER: "asking",
    _S.HELD_FOR_CLEARANCE: "waiting",
    _S.HELD_FOR_SIGNOFF: "waiting",
    _S.DELIVERED: "good",
    _S.REFUSED: "bad",
    _S.BLOCKED: "bad",
    _S.CANCELLED: "bad",
    _S.REJECTED: "bad",
    _S.EXPIRED: "bad",
    _S.FAILED: "bad",
}
# How far along the way each status is: policy, work, checks, sign-off, delivery.
_STAGES = ("Policy", "Work in the sandbox", "Checks and gates", "Sign-off", "Delivery")
_CHECKS, _SIGN_OFF = 2, 3
_STAGE_OF = {
    _S.RECEIVED: 0,
    _S.NEEDS_ANSWER: 0,
    _S.HELD_FOR_CLEARANCE: 0,
    _S.QUEUED: 1,
    _S.RUNNING: 1,
    _S.VERIFYING: 2,
    _S.HELD_FOR_SIGNOFF: 3,
    _S.DELIVERING: 4,
    _S.DELIVERED: 5,
}
NOT_TAKEN = "Not taken on"
STARTING = "Starting"
HEADLINE_LENGTH = 140
DIFF_LENGTH = 2400
FINDINGS_SHOWN = 8
FEEDBACK_PER_GATE = 10
BEFORE_TOO = " (without the patch too)"


@dataclass(frozen=True)
class View:
    """A task with everything its card needs. ``diff`` is the readable patch; ``progress`` what happens right now.

    ``spot`` is its place in line; ``hosts`` what its work may reach over the network.
    """

    task: Task
    change: TreeChange | None = None
    report: GateReport | None = None
    proof: Evidence | None = None
    hold: Hold | None = None
    votes: tuple[Vote, ...] = ()
    approvers: tuple[str, ...] = ()
    diff: str = ""
    progress: str = ""
    hosts: tuple[str, ...] = ()
    spot: QueuePosition | None = None
    bot_user: str = ""


def compose(view: View) -> Card:
    """The card of a task."""
    task = view.task
    return Card(
        headline=headline(task, view.bot_user),
        status=status_word(task, view.spot),
        tone=_TONES.get(task.status, "working"),
        facts=_facts(view),
        steps=_steps(view),
        notes=_notes(view),
        code=_excerpt(view.diff) if task.status is _S.HELD_FOR_SIGNOFF else "",
        buttons=_buttons(view),
        footer=_footer(task),
    )


def approval_card(view: View) -> Card:
    """The direct message to one who may decide: the same facts and buttons, without the progress."""
    card = compose(view)
    return Card(
        headline=card.headline,
        status=card.status,
        tone=card.tone,
        facts=card.facts,
        notes=card.notes,
        code=card.code,
        buttons=tuple(button for button in card.buttons if button.action != CANCEL),
        footer=card.footer,
    )


def status_word(task: Task, spot: QueuePosition | None = None) -> str:
    """The status for people, with the place in line. What was never understood was not refused by policy."""
    if task.status is _S.QUEUED and spot:
        return place_words(spot)
    if task.status is _S.QUEUED and task.run and task.run.dispatched_at:
        return STARTING
    return NOT_TAKEN if task.status is _S.REFUSED and task.spec is None else STATUS_WORDS[task.status]


def headline(task: Task, bot_user: str) -> str:
    """The goal in one line; before it is understood, the request without Slack's markup."""
    said = task.spec.goal if task.spec else without_filler(plain_text(task.text, bot_user))
    goal = sentence(" ".join(said.replace("`", "").split())).removesuffix(".") or "A request"
    return goal if len(goal) <= HEADLINE_LENGTH else goal[: HEADLINE_LENGTH - 1] + "…"


def sentence(clause: str) -> str:
    """A clause as a sentence."""
    text = clause.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def size_text(change: TreeChange) -> str:
    """The size of a patch in one line."""
    count = len(change.files)
    added, removed = (sum(getattr(f, side) for f in change.files) for side in ("added_lines", "removed_lines"))
    return f"{count} {'file' if count == 1 else 'files'}, +{added} −{removed}"


def _facts(view: View) -> tuple[Fact, ...]:
    task, facts = view.task, []
    if task.spec:
        facts.append(Fact("Repository", task.spec.repo))
    facts.append(Fact("Asked by", people=(task.requester.user,)))
    if task.worker:
        facts.append(Fact("Done by", task.worker))
    if view.hosts:
        facts.append(Fact("May reach", ", ".join(view.hosts)))
    if view.change and view.change.files:
        facts.append(Fact("Change", size_text(view.change)))
    if view.hold:
        facts.extend(_sign_off(view, view.hold))
    if denied := tuple(v.subject.rpartition("/")[2] for v in view.votes if v.choice is VoteChoice.DENY):
        facts.append(Fact("Denied by", people=denied))
    if view.proof and view.proof.fails_before is not None:
        facts.append(Fact("New tests", _before_after(view.proof)))
    if task.usage.turns:
        facts.append(Fact("Cost", f"{task.usage.turns} turns, ${task.usage.cost:.2f}"))
    return tuple(facts)


def _sign_off(view: View, hold: Hold) -> Iterator[Fact]:
    """Who is needed while it waits; afterwards who it was."""
    approved = tuple(v.subject.rpartition("/")[2] for v in view.votes if v.choice is VoteChoice.APPROVE)
    if hold.status is HoldStatus.GRANTED and approved:
        yield Fact("Approved by", people=approved)
        return
    yield Fact("Needs", requirements_text(hold.needs))
    if view.approvers and not is_final(view.task.status):
        yield Fact("Can decide", people=view.approvers[:5])


def _before_after(proof: Evidence) -> str:
    before = "fail on the old code" if proof.fails_before else "pass on the old code too"
    return f"{before}, {'pass' if proof.passes_after else 'fail'} on the new"


def _steps(view: View) -> tuple[Step, ...]:
    task = view.task
    if task.status in (_S.NEEDS_ANSWER, _S.REFUSED):
        return ()
    reached = _STAGE_OF.get(task.status, _reached_at_end(view))
    return tuple(
        Step(_mark(task.status, index, reached), text, _detail(view, index, reached))
        for index, text in enumerate(_STAGES)
        if not (index == _SIGN_OFF and reached > _SIGN_OFF and view.hold is None)
    )


def _reached_at_end(view: View) -> int:
    """How far a task came that ended early."""
    if view.hold and view.hold.kind is HoldKind.SIGN_OFF:
        return _SIGN_OFF
    if view.proof or view.report:
        return _CHECKS
    return 1 if view.task.worker else 0


def _mark(status: TaskStatus, index: int, reached: int) -> str:
    if index < reached:
        return "done"
    if index > reached:
        return "todo"
    if is_final(status):
        return "fail"
    return "wait" if _TONES.get(status) == "waiting" else "now"


def _detail(view: View, index: int, reached: int) -> str:
    if index == reached and view.progress:
        return view.progress
    if index == _CHECKS and view.proof:
        return checks_text(view.proof)
    if index == _SIGN_OFF and view.votes:
        approved = sum(vote.choice is VoteChoice.APPROVE for vote in view.votes)
        return f"{approved} approved" if approved else ""
    return ""


def checks_text(proof: Evidence) -> str:
    """The checks on the patch in one line."""
    broken = {check.name for check in proof.checks if check.phase is CheckPhase.BASE and not check.passed}
    patch = [check for check in proof.checks if check.phase is CheckPhase.PATCH]
    return ", ".join(
        f"{check.name}: {check.summary}" + (BEFORE_TOO if not check.passed and check.name in broken else "")
        for check in patch
    )


def _notes(view: View) -> tuple[str, ...]:
    task, notes = view.task, []
    if task.status is _S.NEEDS_ANSWER and task.clarification:
        notes.append(task.clarification.text)
    if view.spot:
        notes.append(wait_words(view.spot.wait))
    if view.hold and not is_final(task.status) and task.status is not _S.DELIVERING:
        notes.append(view.hold.why)  # first what somebody has to decide on, then what the worker says of it
    if said := task.outcome or (task.result.run.summary if task.result else None):
        notes.append(said)
    if view.report and task.status in (_S.HELD_FOR_SIGNOFF, _S.BLOCKED):
        notes.extend(findings_text(view.report.findings))
    return tuple(notes)


def findings_text(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What an approver must know, a line for each finding, by topic; every topic gets a line before one gets two."""
    groups = grouped(findings)
    # (turn within its group, group): all first ones come before the second of any.
    turns = sorted((turn, number) for number, group in enumerate(groups) for turn in range(len(group.findings)))
    shown = sorted((number, turn) for turn, number in turns[:FINDINGS_SHOWN])
    lines = tuple(_finding_line(groups[number].title, groups[number].findings[turn]) for number, turn in shown)
    more = len(findings) - len(lines)
    return (*lines, f"… and {more} more in the evidence.") if more > 0 else lines


def _finding_line(title: str, finding: Finding) -> str:
    where = _place(finding)
    return f"{title}: {finding.message}" + (f" ({where})" if where and where not in finding.message else "")


def _place(finding: Finding) -> str:
    """Path and line of a finding, as far as it has them."""
    return f"{finding.path}:{finding.line}" if finding.path and finding.line else finding.path


def feedback_text(findings: Sequence[Finding]) -> str:
    """What an agent is told of the findings: where, what, and what to do about it; at most some of each gate."""
    return "\n".join(_advice(finding) for finding in shorten(findings, per_gate=FEEDBACK_PER_GATE))


def _advice(finding: Finding) -> str:
    where = _place(finding)
    return f"- {finding.gate}{f' {where}' if where else ''}: {finding.message}. {sentence(finding.fix)}".strip()


def is_excerpt(diff: str) -> bool:
    """Whether the card can show only the head of this diff."""
    return len(_without_blobs(diff)) > DIFF_LENGTH


def _excerpt(diff: str) -> str:
    """The head of a diff."""
    whole = _without_blobs(diff)
    if not is_excerpt(diff):
        return whole
    return whole[:DIFF_LENGTH].rsplit("\n", 1)[0] + "\n… the full patch is in the thread"


def _without_blobs(diff: str) -> str:
    """A diff without git's lines of blob names."""
    return "\n".join(line for line in diff.splitlines() if not line.startswith("index "))


def _buttons(view: View) -> tuple[Button, ...]:
    task = view.task
    if is_final(task.status) or task.status is _S.DELIVERING:
        return ()
    stop = cancel_button(task.id)
    cancel = Button(stop.action, stop.value, "Cancel", confirm="Stop this task? Nothing will be delivered.")
    if task.status is _S.NEEDS_ANSWER and task.clarification:
        choices = task.clarification.choices
        ids = (answer_button(number, task.id, choice.value) for number, choice in enumerate(choices))
        answers = (Button(each.action, each.value, choice.label) for each, choice in zip(ids, choices, strict=True))
        return (*answers, cancel)
    if view.hold and task.status in (_S.HELD_FOR_CLEARANCE, _S.HELD_FOR_SIGNOFF):
        approve, deny = (
            vote_button(choice, view.hold.id, view.hold.nonce) for choice in (VoteChoice.APPROVE, VoteChoice.DENY)
        )
        return (
            Button(approve.action, approve.value, "Approve", "primary"),
            Button(deny.action, deny.value, "Deny", "danger", confirm="Deny this? The task ends."),
            cancel,
        )
    return (cancel,)


def _footer(task: Task) -> str:
    named = (("policy", task.policy), ("base", task.base), ("patch", task.result.patch if task.result else None))
    return " · ".join((task.id, *(f"{name} {value[:12]}" for name, value in named if value)))
