"""What becomes of a task that was asked for: understood, decided on by policy, and moved on."""

from pydantic import JsonValue

from deputy.domain.config import RepoConfig
from deputy.domain.errors import BadPolicy, Unavailable
from deputy.domain.events import EventName
from deputy.domain.status import TaskStatus
from deputy.domain.values import Action, Clarification, Decision, Effect, HoldKind, Task, TaskSpec
from deputy.flow.cards import needs_text, sentence
from deputy.flow.holds import open_hold
from deputy.flow.queueing import queue_run
from deputy.flow.tasks import ACTIVE, advance, end, event
from deputy.flow.world import World
from deputy.gates import merge_needs
from deputy.intake.understand import Unusable, parse
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus


def consider(world: World, ledger: Ledger, task: Task, *, chosen_repo: str = "") -> None:
    """Understand the task, ask policy, and move it on: refused, one question, held for clearance, or queued."""
    try:
        bundle = world.policies.current()
    except BadPolicy as error:
        _refuse(world, ledger, task, str(error))
        return
    keep_policy(world, ledger, bundle)
    permitted, denied = _permitted(bundle, task.actor.subject)
    understood = parse(
        task.text,
        (*permitted, *denied),
        bundle.recipes,
        bot_user=world.bot_user,
        limits=bundle.limits,
        channel_repo=permitted[0].name if len(permitted) == 1 else "",
        chosen_repo=chosen_repo,
    )
    task = task.model_copy(update={"policy": bundle.digest})
    match understood:
        case Unusable(reason=reason):
            _refuse(world, ledger, task, reason)
        case Clarification():
            ask_question(world, ledger, task, _offering(understood, permitted), bundle)
        case TaskSpec():
            _decide(world, ledger, task.model_copy(update={"spec": understood}), understood, bundle)


def _offering(question: Clarification, permitted: tuple[RepoConfig, ...]) -> Clarification:
    """The question without the choices that policy would refuse anyway."""
    names = {repo.name for repo in permitted}
    choices = tuple(choice for choice in question.choices if choice.value in names)
    return question.model_copy(update={"choices": choices or question.choices})


def keep_policy(world: World, ledger: Ledger, bundle: Bundle) -> None:
    """Keep the bundle that decides, by its digest; the first time is an event."""
    if ledger.add_bundle(bundle.digest, bundle.files):
        ledger.append(event(world, EventName.POLICY_LOADED, data={"policy": bundle.digest}))


def _permitted(bundle: Bundle, subject: str) -> tuple[tuple[RepoConfig, ...], tuple[RepoConfig, ...]]:
    """The repositories for which this person may ask, and the others."""
    may = {r.name: bundle.decide(subject, r.name, Action.REQUEST).effect is not Effect.DENY for r in bundle.repos}
    return tuple(r for r in bundle.repos if may[r.name]), tuple(r for r in bundle.repos if not may[r.name])


def _refuse(world: World, ledger: Ledger, task: Task, reason: str, decision: Decision | None = None) -> None:
    data: dict[str, JsonValue] = {"decision": decision.model_dump(mode="json")} if decision else {}
    end(world, ledger, task, _S.REFUSED, reason, data=data)


def ask_question(world: World, ledger: Ledger, task: Task, question: Clarification, bundle: Bundle) -> None:
    """Ask the one question, with a deadline for its answer."""
    asked = event(
        world,
        EventName.QUESTION_ASKED,
        task=task.id,
        data={"field": question.field, "choices": [choice.value for choice in question.choices]},
    )
    if task.status is _S.NEEDS_ANSWER:
        asked = asked.model_copy(update={"data": {**asked.data, "again": True}})
    saved = advance(world, ledger, task, _S.NEEDS_ANSWER, asked, clarification=question)
    world.queue.enqueue(
        ledger,
        "expire_question",
        f"expire-question:{task.id}:{saved.version}",
        task.id,
        saved.version,
        delay_seconds=bundle.limits.question_seconds,
    )


def _decide(world: World, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> None:
    """Policy before anything runs: may they ask, may it run, may the paths that they name be edited."""
    subject = task.actor.subject
    asked = bundle.decide(subject, spec.repo, Action.REQUEST)
    run = bundle.decide(subject, spec.repo, Action.RUN)
    for decision in (asked, run, *_named_paths(bundle, subject, spec)):
        if decision.effect is Effect.DENY:
            _refuse(world, ledger, task, _refusal_text(decision), decision)
            return
    if why := _no_room(world, ledger, task, spec, bundle):
        _refuse(world, ledger, task, why)
        return
    needs = merge_needs(asked.needs, run.needs)
    decisions: dict[str, JsonValue] = {
        # The request's own words are in its first event, where they can be erased.
        "spec": spec.model_dump(mode="json", exclude={"goal", "done"}),
        "decisions": [asked.model_dump(mode="json"), run.model_dump(mode="json")],
        "policy": bundle.digest,
    }
    if needs:
        held = event(world, EventName.TASK_UNDERSTOOD, task=task.id, data=decisions)
        task = advance(world, ledger, task, _S.HELD_FOR_CLEARANCE, held, clarification=None)
        why = f"{sentence(asked.reason or run.reason)} Needs {needs_text(needs)} before it may run."
        open_hold(world, ledger, task, HoldKind.CLEARANCE, needs, why)
        return
    queue_run(world, ledger, task, event(world, EventName.TASK_QUEUED, task=task.id, data=decisions))


def _named_paths(bundle: Bundle, subject: str, spec: TaskSpec) -> tuple[Decision, ...]:
    """The decision on paths that the request itself names, when a rule speaks against them.

    A token that merely looks like a path and matches no rule is left to the gates, which judge the real tree.
    """
    if not spec.paths:
        return ()
    decision = bundle.decide(subject, spec.repo, Action.EDIT, spec.paths)
    by_rule = any(path.effect is Effect.DENY and path.rules for path in decision.paths)
    return (decision,) if by_rule else ()


def _refusal_text(decision: Decision) -> str:
    return " ".join(sentence(part) for part in (decision.reason, decision.counter_offer) if part)


def _no_room(world: World, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> str:
    """Why the task can't be taken on now, or an empty string."""
    active = [t for t in ledger.tasks(statuses=ACTIVE, subject=task.actor.subject, limit=200) if t.id != task.id]
    most = bundle.limits.active_per_person
    if len(active) >= most:
        return (
            f"You have {len(active)} open tasks, and {most} at once is the limit. Wait for one to end, or cancel one."
        )
    if spec.recipe is None:
        try:
            world.model()
        except Unavailable as error:
            known = ", ".join(recipe.name for recipe in bundle.recipes)
            return f"This needs an agent. {error} Recipes work without one: {known}."
    return ""
