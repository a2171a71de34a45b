"""Where listeners put what people do: one short transaction keeps the snapshot and starts its workflow."""

from datetime import datetime, timedelta

from deputy.domain.errors import NotFound
from deputy.domain.events import EventName, happened
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming, Source
from deputy.domain.text.secrets import redact
from deputy.flow.state.tasks import task_id_of
from deputy.ports import Queue, Store

WORKFLOW_OF = {Source.CLICK: ("handle_click", "click"), Source.COMMAND: ("handle_command", "command")}
SAME_EDIT = timedelta(seconds=60)
_DEFAULT = ("handle_request", "req")


class DurableInbox:
    """``ports.Inbox`` on a store and a durable queue. Cheap enough to run before Slack's acknowledgement."""

    def __init__(self, store: Store, queue: Queue, team: str) -> None:
        self._store, self._queue, self._team = store, queue, team

    def accept(self, incoming: Incoming) -> bool:
        """Keep the snapshot and start its workflow; False when it was known already.

        Credentials in the text are masked before anything is kept: a database is no place for them, nor is a prompt.
        """
        workflow, prefix = WORKFLOW_OF.get(incoming.source, _DEFAULT)
        with self._store.transaction() as ledger:
            if not ledger.add_incoming(incoming.model_copy(update={"text": redact(incoming.text)})):
                return False
            self._queue.enqueue(ledger, workflow, f"{prefix}:{incoming.key}", incoming.key)
            return True

    def knows_thread(self, channel: str, thread: str) -> bool:
        """Whether a task of ours lives in this thread."""
        with self._store.transaction() as ledger:
            return bool(ledger.tasks(channel=channel, thread=thread, limit=1))

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        """Record that a message which became a task was edited or deleted; the task keeps its snapshot."""
        task_id = task_id_of(f"slack:{self._team}:{channel}:{message}")
        with self._store.transaction() as ledger:
            try:
                ledger.task(task_id)
            except NotFound:
                return
            edited = happened(EventName.REQUEST_EDITED, at, actor=actor.subject, task=task_id)
            known = ledger.events(task=task_id, name=EventName.REQUEST_EDITED)
            # Slack delivers an event again when it is unsure: one edit is one event.
            if all(abs(at - stored.event.at) > SAME_EDIT for stored in known):
                ledger.append(edited)
                self._queue.enqueue(ledger, "handle_edit", f"edit:{task_id}", task_id)
