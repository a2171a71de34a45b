"""What becomes of a task that was asked for: understood, decided on by policy, and moved on."""

from pydantic import JsonValue

from deputy.domain.config import RepoConfig
from deputy.domain.errors import BadPolicy, Unavailable
from deputy.domain.events import EventName
from deputy.domain.facts import Facts
from deputy.domain.refusals import Refusal
from deputy.domain.status import TaskStatus
from deputy.domain.values import Action, Clarification, Decision, Effect, HoldKind, Task, TaskSpec
from deputy.flow.cards import needs_text, sentence
from deputy.flow.dispatching import claim_of
from deputy.flow.facts import facts_of
from deputy.flow.holds import open_hold
from deputy.flow.network import hosts_of, network_decisions, reviewed
from deputy.flow.queueing import queue_run
from deputy.flow.tasks import ACTIVE, advance, end, event
from deputy.flow.world import World
from deputy.gates import merge_needs
from deputy.intake.refusals import refusal_of_model, screen
from deputy.intake.understand import Unusable, parse
from deputy.policy import Bundle
from deputy.ports import Ledger
from deputy.scheduling import hopeless_words

_S = TaskStatus


def consider(world: World, ledger: Ledger, task: Task, *, chosen_repo: str = "", objection: str = "") -> None:
    """Understand the task, ask policy, and move it on: refused, one question, held for clearance, or queued.

    ``objection`` is what a second opinion holds against the request, empty when nothing.
    """
    try:
        bundle = world.policies.current()
    except BadPolicy as error:
        _refuse(world, ledger, task, str(error))
        return
    keep_policy(world, ledger, bundle)
    task = task.model_copy(update={"policy": bundle.digest})
    if harm := screen(task.text, bundle.refusals, world.bot_user) or objected(objection):
        _refuse_harm(world, ledger, task, harm)
        return
    permitted, denied = _permitted(world, bundle, task)
    understood = parse(
        task.text,
        (*permitted, *denied),
        bundle.recipes,
        bot_user=world.bot_user,
        limits=bundle.limits,
        channel_repo=permitted[0].name if len(permitted) == 1 else "",
        chosen_repo=chosen_repo,
        budgets=bundle.budgets,
    )
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


def _permitted(world: World, bundle: Bundle, task: Task) -> tuple[tuple[RepoConfig, ...], tuple[RepoConfig, ...]]:
    """The repositories for which this person may ask, as far as that is known before the request is, and the others."""
    facts = Facts(at=world.clock.now(), channel=task.place.channel, is_early=True)
    decisions = {r.name: bundle.decide(task.actor.subject, r.name, Action.REQUEST, (), facts) for r in bundle.repos}
    may = {name: decision.effect is not Effect.DENY for name, decision in decisions.items()}
    return tuple(r for r in bundle.repos if may[r.name]), tuple(r for r in bundle.repos if not may[r.name])


def _refuse(world: World, ledger: Ledger, task: Task, reason: str, decision: Decision | None = None) -> None:
    data: dict[str, JsonValue] = {"decision": decision.model_dump(mode="json")} if decision else {}
    end(world, ledger, task, _S.REFUSED, reason, data=data)


def _refuse_harm(world: World, ledger: Ledger, task: Task, harm: Refusal) -> None:
    """Refuse for what is asked. The words themselves stay in the request's own event, where they can be erased."""
    data: dict[str, JsonValue] = {"rule": harm.rule, "category": harm.category}
    actor, told = task.actor.subject, {"text": harm.reason}
    ledger.append(event(world, EventName.REQUEST_HARMFUL, task=task.id, actor=actor, data=data, personal=told))
    reason = " ".join(part for part in (harm.reason, harm.instead) if part)
    # A model's reason may quote the request.
    end(world, ledger, task, _S.REFUSED, reason, data={"outcome": f"It asks for harm (rule {harm.rule})."})


def objected(objection: str) -> Refusal | None:
    """The refusal that a second opinion comes to."""
    return refusal_of_model(objection) if objection else None


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
    subject, facts = task.actor.subject, facts_of(world, ledger, task, spec, bundle)
    asked = bundle.decide(subject, spec.repo, Action.REQUEST, (), facts)
    run = bundle.decide(subject, spec.repo, Action.RUN, (), facts)
    for decision in (asked, run, *_named_paths(bundle, subject, spec, facts)):
        if decision.effect is Effect.DENY:
            _refuse(world, ledger, task, _refusal_text(decision), decision)
            return
    if why := _no_room(world, ledger, task, spec, bundle):
        _refuse(world, ledger, task, why)
        return
    network = network_decisions(bundle, subject, spec.repo, facts)
    before = (asked, run, *network)
    needs = merge_needs(*(decision.needs for decision in before))
    decisions: dict[str, JsonValue] = {
        # The request's own words are in its first event, where they can be erased.
        "spec": spec.model_dump(mode="json", exclude={"goal", "done"}),
        "decisions": [decision.model_dump(mode="json") for decision in before],
        "policy": bundle.digest,
    }
    if needs:
        held = event(world, EventName.TASK_UNDERSTOOD, task=task.id, data=decisions)
        task = advance(world, ledger, task, _S.HELD_FOR_CLEARANCE, held, clarification=None)
        asking = next(decision for decision in before if decision.needs)
        hosts = hosts_of(reviewed(network))
        reaching = f" It could then reach {', '.join(hosts)}." if hosts else ""
        why = f"{sentence(asking.reason)} Needs {needs_text(needs)} before it may run.{reaching}"
        open_hold(world, ledger, task, HoldKind.CLEARANCE, needs, why, hosts)
        return
    queue_run(world, ledger, task, event(world, EventName.TASK_QUEUED, task=task.id, data=decisions))


def _named_paths(bundle: Bundle, subject: str, spec: TaskSpec, facts: Facts) -> tuple[Decision, ...]:
    """The decision on paths that the request itself names, when a rule speaks against them.

    A token that merely looks like a path and matches no rule is left to the gates, which judge the real tree.
    """
    if not spec.paths:
        return ()
    early = facts.model_copy(update={"is_early": True})
    decision = bundle.decide(subject, spec.repo, Action.EDIT, spec.paths, early)
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
    if why := hopeless_words(spec.repo, claim_of(bundle, spec.repo), bundle.limits):
        return why
    if spec.recipe is None:
        try:
            world.model()
        except Unavailable as error:
            known = ", ".join(recipe.name for recipe in bundle.recipes)
            return f"This needs an agent. {error} Recipes work without one: {known}."
    return ""
