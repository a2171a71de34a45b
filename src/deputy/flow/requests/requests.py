"""A message becomes a task, an answer to a question, or a sentence that says why not."""

from collections.abc import Sequence

from pydantic import JsonValue

from deputy.domain.errors import BadPolicy, NotFound, Unavailable
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.people import Person
from deputy.domain.policy.refusals import WhenUnavailable
from deputy.domain.tasks.request import Clarification, Incoming, Source, TaskSpec
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.domain.value import Value
from deputy.flow.requests.control import ask_to_cancel, status_text
from deputy.flow.requests.triage import ask_question, triage
from deputy.flow.state.services import Services
from deputy.flow.state.show import send_step, show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import ACTIVE, event, once, task_id_of
from deputy.intake.refusals.screening import needs_second_opinion
from deputy.intake.understand import Unusable, answer, control
from deputy.ports import Ledger

_S = TaskStatus
_KEPT = (
    "{task} goes on with what was asked at first: editing or deleting the message does not change it. "
    "Reply `cancel` to stop it, then ask anew."
)


class Admitted(Value):
    """What a message came to: a sentence to say in the thread, and the tasks whose cards have changed."""

    reply: str = ""
    tasks: tuple[TaskId, ...] = ()


def handle_request(services: Services, steps: Steps, key: str) -> None:
    """A mention, a direct message or a reply in a thread of ours. ``key`` names the snapshot."""
    try:
        person = steps("look-up", lambda: look_up(services, key), returns=Person)
        objection = steps("second-opinion", lambda: second_opinion(services, key, person), returns=str)
        admitted = steps("admit", lambda: admit(services, key, person, objection), returns=Admitted)
    except StepFailed as failed:
        why = failed.sentence
        steps("unusable", lambda: unusable(services, key, why))
        admitted = Admitted(reply=why)
    if admitted.reply:
        send_step(services, steps, "reply", lambda: reply(services, key, admitted.reply))
    for number, task_id in enumerate(admitted.tasks):
        show_card_step(services, steps, f"show-{number}" if number else "show", task_id)


def handle_edit(services: Services, steps: Steps, task_id: TaskId) -> None:
    """Say, once per task, that a request is not changed by editing or deleting its message."""

    def tell() -> None:
        with services.store.transaction() as ledger:
            task = ledger.task(task_id)
        if not is_final(task.status):
            services.chat.say(task.place, f"edited:{task.id}", _KEPT.format(task=task.id))

    send_step(services, steps, "tell", tell, task=task_id)


def look_up(services: Services, key: str) -> Person:
    """Who wrote it, as Slack knows them now."""
    with services.store.transaction() as ledger:
        incoming = ledger.incoming(key)
    return person_of(services, incoming)


def person_of(services: Services, incoming: Incoming) -> Person:
    """The actor looked up now. Somebody from another workspace is a stranger, whatever the look-up says."""
    if incoming.actor.team != services.team:
        return Person(actor=incoming.actor, name="", is_stranger=True)
    try:
        return services.chat.person(incoming.actor)
    except NotFound:
        return Person(actor=incoming.actor, name="", is_stranger=True)


def second_opinion(services: Services, key: str, person: Person) -> str:
    """What a model holds against a request, where ``refusals.toml`` wants it asked; empty when nothing.

    ``Unavailable`` when it can't be asked and the policy refuses then.
    """
    with services.store.transaction() as ledger:
        text = _wish(services, ledger, ledger.incoming(key), person)
    try:
        refusals = services.policies.current().refusals
    except BadPolicy:
        return ""  # without a policy nothing is taken on, whatever it asks
    if not text or not needs_second_opinion(text, refusals, services.bot_user):
        return ""
    try:
        return services.screen().objection(text)
    except Unavailable:
        if refusals.model.when_unavailable is WhenUnavailable.REFUSE:
            raise
        return ""


def _wish(services: Services, ledger: Ledger, incoming: Incoming, who: Person) -> str:
    """The whole request that a message makes or completes; empty when it does neither."""
    if who.ineligibility or control(incoming.text, services.bot_user):
        return ""
    asked = _question_for(ledger, incoming)
    if asked:
        return f"{asked.text}\n{incoming.text}"
    return "" if incoming.source is Source.THREAD else incoming.text


def admit(services: Services, key: str, person: Person, objection: str = "") -> Admitted:
    """Decide what a message is, in one transaction; what is said about it follows as a step of its own."""
    with services.store.transaction() as ledger:
        incoming = ledger.incoming(key)
        return once(
            ledger,
            f"admit:{key}",
            lambda: _admit(services, ledger, incoming, person, objection),
            returns=Admitted,
        )


def _admit(services: Services, ledger: Ledger, incoming: Incoming, who: Person, objection: str) -> Admitted:
    command = control(incoming.text, services.bot_user)
    if incoming.source is Source.THREAD and not _is_for_us(ledger, incoming, who, command):
        return Admitted()  # people talk in threads; only what is said to us is a request
    if refused := _turned_away(services, ledger, incoming, who):
        return Admitted(reply=refused)
    if command:
        return _control(services, ledger, incoming, command)
    if open_question := _question_for(ledger, incoming):
        return Admitted(tasks=(_answer_by_text(services, ledger, open_question, incoming, objection),))
    return Admitted(tasks=(_new_task(services, ledger, incoming, objection),))


def _is_for_us(ledger: Ledger, incoming: Incoming, who: Person, command: str | None) -> bool:
    """Whether a reply that does not mention us speaks to us: an answer to our question, or a word to an open task."""
    if who.ineligibility:
        return False
    return bool(_open_tasks(ledger, incoming)) if command else _question_for(ledger, incoming) is not None


def reply(services: Services, key: str, text: str) -> None:
    """Say the sentence in the thread, once."""
    with services.store.transaction() as ledger:
        incoming = ledger.incoming(key)
    services.chat.say(incoming.place, f"say:{key}", text)


def unusable(services: Services, key: str, why: str) -> None:
    """Keep in the trail why nothing could be done."""
    with services.store.transaction() as ledger:
        incoming = ledger.incoming(key)
        data: dict[str, JsonValue] = {"request": key, "reason": why}
        ledger.append(event(services, EventName.REQUEST_UNUSABLE, actor=incoming.actor.subject, data=data))


def _turned_away(services: Services, ledger: Ledger, incoming: Incoming, person: Person) -> str:
    """Why this person may not use us at all, or an empty string."""
    reason = person.ineligibility
    if not reason:
        return ""
    happened = event(
        services,
        EventName.REQUEST_IGNORED,
        actor=incoming.actor.subject,
        data={"request": incoming.key, "reason": reason},
    )
    ledger.append(happened)
    return (
        f"I only take requests from full members of this workspace, and your account is {reason}. "
        "Ask a colleague to request it."
    )


def _control(services: Services, ledger: Ledger, incoming: Incoming, command: str) -> Admitted:
    tasks = _open_tasks(ledger, incoming)
    if not tasks:
        return Admitted(reply="There is no open task in this thread. `/deputy status` lists yours.")
    if command == "status":
        return Admitted(reply="\n".join(status_text(services, ledger, task) for task in tasks))
    said = [ask_to_cancel(services, ledger, task, incoming.actor.subject) for task in tasks]
    return Admitted(reply="\n".join(said), tasks=tuple(task.id for task in tasks))


def _open_tasks(ledger: Ledger, incoming: Incoming) -> Sequence[Task]:
    return ledger.tasks(statuses=ACTIVE, channel=incoming.place.channel, thread=incoming.place.thread)


def _question_for(ledger: Ledger, incoming: Incoming) -> Task | None:
    """The question of ours in this thread that its requester now answers."""
    waiting = ledger.tasks(
        statuses=(_S.NEEDS_ANSWER,), channel=incoming.place.channel, thread=incoming.place.thread, limit=10
    )
    return next((task for task in waiting if task.requester == incoming.actor), None)


def _new_task(services: Services, ledger: Ledger, incoming: Incoming, objection: str) -> TaskId:
    task = Task(
        id=task_id_of(incoming.key),
        request=incoming.key,
        requester=incoming.actor,
        place=incoming.place,
        text=incoming.text,
        status=_S.RECEIVED,
        created_at=services.clock.now(),
        updated_at=services.clock.now(),
    )
    received = event(
        services,
        EventName.REQUEST_RECEIVED,
        task=task.id,
        actor=task.requester.subject,
        data={"request": incoming.key, "source": incoming.source.value, "written_at": incoming.received_at.isoformat()},
        personal={"text": incoming.text},
    )
    if not ledger.add_task(task, received):
        return task.id
    triage(services, ledger, task, objection=objection)
    return task.id


def _answer_by_text(services: Services, ledger: Ledger, task: Task, incoming: Incoming, objection: str) -> TaskId:
    _record_answer(services, ledger, task, incoming)
    bundle = services.policies.current()
    question = task.clarification or Clarification(field="goal", text="")
    if question.field != "repo":
        whole = task.updated(text=f"{task.text}\n{incoming.text}")
        triage(services, ledger, whole, objection=objection)
        return task.id
    answered = answer(
        task.text,
        question,
        incoming.text,
        bundle.repos,
        bundle.recipes,
        bot_user=services.bot_user,
        limits=bundle.limits,
    )
    if isinstance(answered, TaskSpec):
        triage(services, ledger, task, chosen_repo=answered.repo, objection=objection)
    else:
        text = answered.reason if isinstance(answered, Unusable) else answered.text
        ask_question(services, ledger, task, question.model_copy(update={"text": text}), bundle)
    return task.id


def answer_by_click(services: Services, ledger: Ledger, task: Task, incoming: Incoming, value: str) -> None:
    """A button of our question was clicked."""
    _record_answer(services, ledger, task, incoming, value)
    triage(services, ledger, task, chosen_repo=value)


def _record_answer(services: Services, ledger: Ledger, task: Task, incoming: Incoming, value: str = "") -> None:
    happened = event(
        services,
        EventName.QUESTION_ANSWERED,
        task=task.id,
        actor=incoming.actor.subject,
        data={"field": task.clarification.field if task.clarification else "", "value": value},
        personal={"text": incoming.text} if incoming.text else {},
    )
    ledger.append(happened)
