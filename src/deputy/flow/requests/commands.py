"""``/deputy …``: help, status, audit, cancel, why. Answers go to the person who asked and to nobody else."""

from collections.abc import Callable, Sequence

from pydantic import JsonValue

from deputy.audit import parse_query, story
from deputy.domain.errors import BadInput, DeputyError, NotFound
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.people import Person
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts
from deputy.domain.tasks.request import Incoming
from deputy.domain.tasks.status import is_final
from deputy.domain.value import Value
from deputy.evidence import presentable
from deputy.flow.policy.facts import facts_before
from deputy.flow.requests.clicks import whisper
from deputy.flow.requests.control import ask_to_cancel, may_cancel, status_text
from deputy.flow.requests.requests import look_up
from deputy.flow.state.services import Services
from deputy.flow.state.show import send_step, show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import event, once
from deputy.policy import EVERYWHERE, explain
from deputy.ports import Ledger

HELP = """\
Mention me in a channel, or write to me directly: "can you just fix the lint in `shop`".
• `/deputy status` – your open tasks; `/deputy status D-…` – one task
• `/deputy cancel D-…` – stop a task
• `/deputy why REPO ACTION [PATH…]` – what policy lets you do, and by which rule
• `/deputy audit D-…` – who asked, who allowed, what ran, what changed (for those who may query the audit trail)
• `/deputy audit task:D-… actor:user:T…/U… name:vote:* since:2026-01-31` – search the trail"""
MAX_CHARACTERS = 3500
MAX_TYPED, MAX_WORDS = 200, 50
OWN_RULES = "The repository's own `.deputy/policy.toml` may ask for more: it is read when work begins."
WHY_WORDS = 2  # a repository and an action

Handler = Callable[[Services, Ledger, Incoming, Sequence[str]], str]


class Answer(Value):
    """The text for the person who asked, and the task whose card has changed, if any."""

    text: str
    task: str = ""


def handle_command(services: Services, steps: Steps, key: str) -> None:
    """A slash command. ``key`` names the snapshot."""
    try:
        person = steps("look-up", lambda: look_up(services, key), returns=Person)
        answer = steps("answer", lambda: answer_command(services, key, person), returns=Answer)
    except StepFailed as failed:
        answer = Answer(text=failed.sentence)
    send_step(services, steps, "whisper", lambda: whisper(services, key, answer.text))
    if answer.task:
        show_card_step(services, steps, "show", TaskId(answer.task))


def answer_command(services: Services, key: str, person: Person) -> Answer:
    """Carry the command out, once."""
    with services.store.transaction() as ledger:
        return once(
            ledger,
            f"command:{key}",
            lambda: _answer(services, ledger, ledger.incoming(key), person),
            returns=Answer,
        )


def _answer(services: Services, ledger: Ledger, incoming: Incoming, who: Person) -> Answer:
    words = incoming.text.split()
    name, arguments = (words[0].lower(), words[1:]) if words else ("help", [])
    data: dict[str, JsonValue] = {"command": _kept(name), "arguments": [_kept(word) for word in arguments[:MAX_WORDS]]}
    ledger.append(event(services, EventName.COMMAND_RECEIVED, actor=incoming.actor.subject, data=data))
    if who.ineligibility:
        return Answer(text=f"Your account is {who.ineligibility}, so I can't answer you here.")
    handler = HANDLERS.get(name)
    if handler is None:
        return Answer(text=f"There is no `/deputy {_kept(name)}`.\n{HELP}")
    try:
        text = handler(services, ledger, incoming, arguments)
    except DeputyError as error:
        return Answer(text=str(error)[:MAX_CHARACTERS])
    return Answer(text=text[:MAX_CHARACTERS], task=arguments[0].upper() if name == "cancel" else "")


def _kept(words: str) -> str:
    """What somebody typed, fit for the audit trail: it can't be taken out of there again."""
    return presentable(words, MAX_TYPED)


def _help(*_: object) -> str:
    return HELP


def _status(services: Services, ledger: Ledger, incoming: Incoming, arguments: Sequence[str]) -> str:
    if arguments:
        task = ledger.task(TaskId(arguments[0].upper()))
        if task.place.channel == incoming.place.channel or may_cancel(services, task, incoming.actor.subject):
            return status_text(services, ledger, task)
        # What was asked elsewhere, perhaps in a private place, is for those who were there or have to decide.
        return f"{task.id} was asked for in another channel. Ask there, or ask who requested it."
    mine = ledger.tasks(subject=incoming.actor.subject, limit=20)
    active = [task for task in mine if not is_final(task.status)]
    if not mine:
        return "You have not asked me for anything yet. `/deputy help` shows how."
    shown = active or list(mine[:5])
    return "\n".join(
        (
            "Open:" if active else "Nothing open. The last ones:",
            *(status_text(services, ledger, task) for task in shown),
        )
    )


def _cancel(services: Services, ledger: Ledger, incoming: Incoming, arguments: Sequence[str]) -> str:
    if len(arguments) != 1:
        raise BadInput("name the task to cancel", "", "for example `/deputy cancel D-7K2M9QXA`")
    return ask_to_cancel(services, ledger, ledger.task(TaskId(arguments[0].upper())), incoming.actor.subject)


def _why(services: Services, ledger: Ledger, incoming: Incoming, arguments: Sequence[str]) -> str:
    if len(arguments) < WHY_WORDS:
        raise BadInput("say which repository and what", "", "for example `/deputy why shop edit billing/refunds.py`")
    bundle = services.policies.current()
    try:
        action = Action(arguments[1].lower())
    except ValueError:
        known = ", ".join(action.value for action in Action)
        raise BadInput(f"there is no action `{arguments[1]}`", "", f"use one of {known}") from None
    facts = facts_before(services, ledger, incoming.place.channel, bundle)
    repo = bundle.repo(arguments[0])
    paths = arguments[2:] or (repo.network if action is Action.USE_NETWORK else ())
    decision = bundle.decide(incoming.actor.subject, repo.name, action, paths, facts)
    return f"```\n{explain(decision)}\n```\n{OWN_RULES}"


def _audit(services: Services, ledger: Ledger, incoming: Incoming, arguments: Sequence[str]) -> str:
    subject = incoming.actor.subject
    text = " ".join(arguments)
    task_id = text.upper() if text.upper().startswith("D-") and " " not in text else ""
    repo = EVERYWHERE
    if task_id:
        spec = ledger.task(TaskId(task_id)).spec
        repo = spec.repo if spec else EVERYWHERE
    decision = services.policies.current().decide(subject, repo, Action.QUERY_AUDIT, (), Facts(at=services.clock.now()))
    allowed = decision.effect is Effect.ALLOW
    data: dict[str, JsonValue] = {"query": _kept(text), "allowed": allowed}
    ledger.append(event(services, EventName.AUDIT_QUERIED, task=task_id, actor=subject, data=data))
    if not allowed:
        return f"You may not query the audit trail: {decision.reason}."
    if not text:
        raise BadInput("say what to look for", "", "for example `/deputy audit D-7K2M9QXA` or `name:vote:*`")
    query = parse_query(f"task:{task_id}" if task_id else text)
    found = ledger.events(task=query.task, actor=query.actor, name=query.name, since=query.since, limit=query.limit)
    if not found:
        raise NotFound("nothing in the trail matches that", "", "check the spelling, or search wider")
    return story(found)


HANDLERS: dict[str, Handler] = {
    "help": _help,
    "status": _status,
    "cancel": _cancel,
    "why": _why,
    "audit": _audit,
}
