"""What becomes of a task that was asked for: understood, decided on by policy, and moved on."""

from pydantic import JsonValue

from deputy.domain.errors import BadPolicy, Unavailable
from deputy.domain.events import EventName
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.config import RepoConfig
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.policy.facts import Facts
from deputy.domain.policy.refusals import Refusal
from deputy.domain.review.approval import HoldKind
from deputy.domain.tasks.request import Clarification, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.approvals.holds import open_hold
from deputy.flow.policy.effective_policy import keep_policy
from deputy.flow.policy.facts import facts_of
from deputy.flow.sandboxes.network import hosts_of, network_decisions, reviewed
from deputy.flow.state.cards import sentence
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.scheduler import claim_of
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import ACTIVE, advance, end, event
from deputy.intake.refusals.screening import refusal_of_model, screen
from deputy.intake.understand import Unusable, parse
from deputy.policy import Bundle
from deputy.ports import Ledger
from deputy.scheduling import unschedulable_words

_S = TaskStatus


def triage(services: Services, ledger: Ledger, task: Task, *, chosen_repo: str = "", objection: str = "") -> None:
    """Understand the task, ask policy, and move it on: refused, one question, held for clearance, or queued.

    ``objection`` is what a second opinion holds against the request, empty when nothing.
    """
    try:
        bundle = services.policies.current()
    except BadPolicy as error:
        _refuse(services, ledger, task, str(error))
        return
    keep_policy(services, ledger, bundle)
    task = task.updated(admitted_under=bundle.digest)
    if harm := screen(task.text, bundle.refusals, services.bot_user) or objected(objection):
        _refuse_harm(services, ledger, task, harm)
        return
    permitted, denied = _permitted(services, bundle, task)
    understood = parse(
        task.text,
        (*permitted, *denied),
        bundle.recipes,
        bot_user=services.bot_user,
        limits=bundle.limits,
        channel_repo=permitted[0].name if len(permitted) == 1 else "",
        chosen_repo=chosen_repo,
        budgets=bundle.budgets,
    )
    match understood:
        case Unusable(reason=reason):
            _refuse(services, ledger, task, reason)
        case Clarification():
            ask_question(services, ledger, task, _offering(understood, permitted), bundle)
        case TaskSpec():
            _decide(services, ledger, task.updated(spec=understood), understood, bundle)


def _offering(question: Clarification, permitted: tuple[RepoConfig, ...]) -> Clarification:
    """The question without the choices that policy would refuse anyway."""
    names = {repo.name for repo in permitted}
    choices = tuple(choice for choice in question.choices if choice.value in names)
    return question.model_copy(update={"choices": choices or question.choices})


def _permitted(services: Services, bundle: Bundle, task: Task) -> tuple[tuple[RepoConfig, ...], tuple[RepoConfig, ...]]:
    """The repositories for which this person may ask, as far as that is known before the request is, and the others."""
    facts = Facts(at=services.clock.now(), channel=task.place.channel, is_early=True)
    decisions = {r.name: bundle.decide(task.requester.subject, r.name, Action.REQUEST, (), facts) for r in bundle.repos}
    may = {name: decision.effect is not Effect.DENY for name, decision in decisions.items()}
    return tuple(r for r in bundle.repos if may[r.name]), tuple(r for r in bundle.repos if not may[r.name])


def _refuse(services: Services, ledger: Ledger, task: Task, reason: str, decision: Decision | None = None) -> None:
    data: dict[str, JsonValue] = {"decision": decision.model_dump(mode="json")} if decision else {}
    end(services, ledger, task, _S.REFUSED, reason, data=data)


def _refuse_harm(services: Services, ledger: Ledger, task: Task, harm: Refusal) -> None:
    """Refuse for what is asked. The words themselves stay in the request's own event, where they can be erased."""
    data: dict[str, JsonValue] = {"rule": harm.rule, "category": harm.category}
    actor, told = task.requester.subject, {"text": harm.reason}
    ledger.append(event(services, EventName.REQUEST_HARMFUL, task=task.id, actor=actor, data=data, personal=told))
    reason = " ".join(part for part in (harm.reason, harm.instead) if part)
    # A model's reason may quote the request.
    end(services, ledger, task, _S.REFUSED, reason, data={"outcome": f"It asks for harm (rule {harm.rule})."})


def objected(objection: str) -> Refusal | None:
    """The refusal that a second opinion comes to."""
    return refusal_of_model(objection) if objection else None


def ask_question(services: Services, ledger: Ledger, task: Task, question: Clarification, bundle: Bundle) -> None:
    """Ask the one question, with a deadline for its answer."""
    asked = event(
        services,
        EventName.QUESTION_ASKED,
        task=task.id,
        data={"field": question.field, "choices": [choice.value for choice in question.choices]},
    )
    if task.status is _S.NEEDS_ANSWER:
        asked = asked.model_copy(update={"data": {**asked.data, "again": True}})
    saved = advance(services, ledger, task, _S.NEEDS_ANSWER, asked, clarification=question)
    services.queue.enqueue(
        ledger,
        "expire_question",
        f"expire-question:{task.id}:{saved.version}",
        task.id,
        saved.version,
        delay_seconds=bundle.limits.question_seconds,
    )


def _decide(services: Services, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> None:
    """Policy before anything runs: may they ask, may it run, may the paths that they name be edited."""
    subject, facts = task.requester.subject, facts_of(services, ledger, task, spec, bundle)
    asked = bundle.decide(subject, spec.repo, Action.REQUEST, (), facts)
    run = bundle.decide(subject, spec.repo, Action.RUN, (), facts)
    for decision in (asked, run, *_named_paths(bundle, subject, spec, facts)):
        if decision.effect is Effect.DENY:
            _refuse(services, ledger, task, _refusal_text(decision), decision)
            return
    if why := _no_room(services, ledger, task, spec, bundle):
        _refuse(services, ledger, task, why)
        return
    network = network_decisions(bundle, subject, spec.repo, facts)
    before = (asked, run, *network)
    needs = merge_requirements(*(decision.needs for decision in before))
    decisions: dict[str, JsonValue] = {
        # The request's own words are in its first event, where they can be erased.
        "spec": spec.model_dump(mode="json", exclude={"goal"}),
        "decisions": [decision.model_dump(mode="json") for decision in before],
        "policy": bundle.digest,
    }
    if needs:
        held = event(services, EventName.TASK_UNDERSTOOD, task=task.id, data=decisions)
        task = advance(services, ledger, task, _S.HELD_FOR_CLEARANCE, held, clarification=None)
        asking = next(decision for decision in before if decision.needs)
        hosts = hosts_of(reviewed(network))
        reaching = f" It could then reach {', '.join(hosts)}." if hosts else ""
        why = f"{sentence(asking.reason)} Needs {requirements_text(needs)} before it may run.{reaching}"
        open_hold(services, ledger, task, HoldKind.CLEARANCE, needs, why, hosts)
        return
    enqueue_run(services, ledger, task, event(services, EventName.TASK_QUEUED, task=task.id, data=decisions))


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


def _no_room(services: Services, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle) -> str:
    """Why the task can't be taken on now, or an empty string."""
    active = [t for t in ledger.tasks(statuses=ACTIVE, subject=task.requester.subject, limit=200) if t.id != task.id]
    most = bundle.limits.active_per_person
    if len(active) >= most:
        return (
            f"You have {len(active)} open tasks, and {most} at once is the limit. Wait for one to end, or cancel one."
        )
    if why := unschedulable_words(spec.repo, claim_of(bundle, spec.repo), bundle.limits):
        return why
    if spec.recipe is None:
        try:
            services.model()
        except Unavailable as error:
            known = ", ".join(recipe.name for recipe in bundle.recipes)
            return f"This needs an agent. {error} Recipes work without one: {known}."
    return ""
