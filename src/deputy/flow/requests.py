"""A message becomes a task, an answer to a question, or a sentence that says why not."""

from pydantic import JsonValue

from deputy.domain.config import RepoConfig
from deputy.domain.errors import BadPolicy, NotFound, Unavailable
from deputy.domain.events import EventName
from deputy.domain.status import TaskStatus, is_final
from deputy.domain.values import (
    Action,
    Clarification,
    Decision,
    Effect,
    HoldKind,
    Incoming,
    Person,
    Source,
    Task,
    TaskSpec,
)
from deputy.flow.cards import needs_text, sentence
from deputy.flow.control import ask_to_cancel, status_text
from deputy.flow.holds import open_hold
from deputy.flow.queueing import queue_run
from deputy.flow.show import keep_shown
from deputy.flow.steps import StepFailed, Steps
from deputy.flow.tasks import advance, end, event, task_id_of
from deputy.flow.world import World
from deputy.gates import merge_needs
from deputy.intake.understand import Unusable, answer, control, parse
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus
ACTIVE = tuple(status for status in TaskStatus if not is_final(status))


def handle_request(world: World, steps: Steps, key: str) -> None:
    """A mention, a direct message or a reply in a thread of ours. ``key`` names the snapshot."""
    try:
        person = steps("look-up", lambda: look_up(world, key))
        task_id = steps("admit", lambda: admit(world, key, person))
        if task_id:
            keep_shown(world, steps, "show", str(task_id))
    except StepFailed as failed:
        why = failed.sentence
        steps("apologise", lambda: apologise(world, key, why))


def look_up(world: World, key: str) -> JsonValue:
    """Who wrote it, as Slack knows them now."""
    with world.store.transaction() as ledger:
        incoming = ledger.incoming(key)
    return person_of(world, incoming).model_dump(mode="json")


def person_of(world: World, incoming: Incoming) -> Person:
    """The actor looked up now. Somebody from another workspace is a stranger, whatever the look-up says."""
    if incoming.actor.team != world.team:
        return Person(actor=incoming.actor, name="", is_stranger=True)
    try:
        return world.chat.person(incoming.actor)
    except NotFound:
        return Person(actor=incoming.actor, name="", is_stranger=True)


def admit(world: World, key: str, person: JsonValue) -> JsonValue:
    """Decide what a message is; returns the task whose card has to be shown, or an empty string."""
    who = Person.model_validate(person)
    with world.store.transaction() as ledger:
        incoming = ledger.incoming(key)
        if sentence := _turned_away(world, ledger, incoming, who):
            reply = sentence
        elif command := control(incoming.text, world.bot_user):
            reply = _control(world, ledger, incoming, command)
        elif open_question := _question_for(ledger, incoming):
            return _answer_by_text(world, ledger, open_question, incoming)
        elif incoming.source is Source.THREAD:
            return ""  # people talk in threads; only what is said to us is a request
        else:
            return _new_task(world, ledger, incoming)
    world.chat.say(incoming.place, f"say:{key}", reply)
    return ""


def apologise(world: World, key: str, sentence: str) -> JsonValue:
    """Say in the thread why nothing could be done, and keep it in the trail."""
    with world.store.transaction() as ledger:
        incoming = ledger.incoming(key)
        happened = event(
            world,
            EventName.REQUEST_UNUSABLE,
            actor=incoming.actor.subject,
            data={"request": key, "reason": sentence},
        )
        ledger.append(happened)
    world.chat.say(incoming.place, f"say:{key}", sentence)
    return None


def _turned_away(world: World, ledger: Ledger, incoming: Incoming, person: Person) -> str:
    """Why this person may not use us at all, or an empty string."""
    reason = person.ineligibility
    if not reason:
        return ""
    happened = event(
        world,
        EventName.REQUEST_IGNORED,
        actor=incoming.actor.subject,
        data={"request": incoming.key, "reason": reason},
    )
    ledger.append(happened)
    return (
        f"I only take requests from full members of this workspace, and your account is {reason}. "
        "Ask a colleague to request it."
    )


def _control(world: World, ledger: Ledger, incoming: Incoming, command: str) -> str:
    tasks = ledger.tasks(statuses=ACTIVE, channel=incoming.place.channel, thread=incoming.place.thread)
    if not tasks:
        return "There is no open task in this thread. `/deputy status` lists yours."
    if command == "status":
        return "\n".join(status_text(task, world.bot_user) for task in tasks)
    return "\n".join(ask_to_cancel(world, ledger, task, incoming.actor.subject) for task in tasks)


def _question_for(ledger: Ledger, incoming: Incoming) -> Task | None:
    """The question of ours in this thread that its requester now answers."""
    waiting = ledger.tasks(
        statuses=(_S.NEEDS_ANSWER,), channel=incoming.place.channel, thread=incoming.place.thread, limit=10
    )
    return next((task for task in waiting if task.actor == incoming.actor), None)


def _new_task(world: World, ledger: Ledger, incoming: Incoming) -> JsonValue:
    task = Task(
        id=task_id_of(incoming.key),
        request=incoming.key,
        actor=incoming.actor,
        place=incoming.place,
        text=incoming.text,
        status=_S.RECEIVED,
        created_at=world.clock.now(),
        updated_at=world.clock.now(),
    )
    received = event(
        world,
        EventName.REQUEST_RECEIVED,
        task=task.id,
        actor=task.actor.subject,
        data={"request": incoming.key, "source": incoming.source.value, "written_at": incoming.received_at.isoformat()},
        personal={"text": incoming.text},
    )
    if not ledger.add_task(task, received):
        return task.id
    consider(world, ledger, task)
    return task.id


def _answer_by_text(world: World, ledger: Ledger, task: Task, incoming: Incoming) -> JsonValue:
    _record_answer(world, ledger, task, incoming)
    bundle = world.policies.current()
    question = task.clarification or Clarification(field="goal", text="")
    if question.field != "repo":
        consider(world, ledger, task.model_copy(update={"text": f"{task.text}\n{incoming.text}"}))
        return task.id
    answered = answer(
        task.text,
        question,
        incoming.text,
        bundle.repos,
        bundle.recipes,
        bot_user=world.bot_user,
        limits=bundle.limits,
    )
    if isinstance(answered, TaskSpec):
        consider(world, ledger, task, chosen_repo=answered.repo)
    else:
        text = answered.reason if isinstance(answered, Unusable) else answered.text
        _ask(world, ledger, task, question.model_copy(update={"text": text}), bundle)
    return task.id


def answer_by_click(world: World, ledger: Ledger, task: Task, incoming: Incoming, value: str) -> None:
    """A button of our question was clicked."""
    _record_answer(world, ledger, task, incoming, value)
    consider(world, ledger, task, chosen_repo=value)


def _record_answer(world: World, ledger: Ledger, task: Task, incoming: Incoming, value: str = "") -> None:
    happened = event(
        world,
        EventName.QUESTION_ANSWERED,
        task=task.id,
        actor=incoming.actor.subject,
        data={"field": task.clarification.field if task.clarification else "", "value": value},
        personal={"text": incoming.text} if incoming.text else {},
    )
    ledger.append(happened)


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
            _ask(world, ledger, task, _offering(understood, permitted), bundle)
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


def _ask(world: World, ledger: Ledger, task: Task, question: Clarification, bundle: Bundle) -> None:
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
        "spec": spec.model_dump(mode="json"),
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
