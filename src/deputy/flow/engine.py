"""The durable engine. The only module that knows DBOS.

Workflows hold no state and wait for nobody: a wait for people is a row. A started workflow is finished after any crash;
its steps run at least once, so every effect has a key.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast, overload

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions
from pydantic import JsonValue

from deputy.flow.state.steps import Patience, Steps, T, outcome_of, value_of
from deputy.flow.workflows import BUILDS, CONTROL, RUNS
from deputy.ports import Ledger

Workflow = Callable[..., None]


POLLING_SECONDS = 0.2
# Environments are built in the background, one at a time: nobody waits for them.
BUILDS_POLLING_SECONDS = 2.0
CONTROL_CONCURRENCY = 16
# No limit of ours: what is handed over has its place already (``dispatching``). It only keeps the queue a partitioned
# one, as runs enqueued by an earlier release expect it to be.
MAX_RUNS = 1000
FORGOTTEN_AT_ONCE = 500
_LOST = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_ENDED = ["SUCCESS", *_LOST]
# Far beyond what a bad night of restarts brings: a run that kills its worker is stopped by our own count of attempts.
_ATTEMPTS = {RUNS: 100, CONTROL: 100, BUILDS: 3}
_APPLICATION = "deputy"
# Work enqueued by one release must be finished by the next: the version names the order of steps, not the code.
WORKFLOW_VERSION = "2"


class DurableQueue:
    """Hands workflows over inside the caller's transaction (``ports.Queue``)."""

    def __init__(self, database: object, queues: Mapping[str, str]) -> None:
        """``database`` is the store's engine; ``queues`` maps a workflow's name to its queue."""
        self._queues = queues
        self._client = DBOSClient(
            system_database_engine=cast("Any", database),
            serializer=DBOSPortableJSONSerializer(),
            application_name=_APPLICATION,
            lazy=True,
        )

    def enqueue(
        self,
        ledger: Ledger,
        workflow: str,
        workflow_id: str,
        *args: JsonValue,
        partition: str = "",
        delay_seconds: float = 0,
    ) -> None:
        """Start ``workflow`` when the ledger's transaction commits; an id that is known already starts nothing."""
        options: EnqueueOptions = {
            "workflow_name": workflow,
            "queue_name": self._queues[workflow],
            "workflow_id": workflow_id,
        }
        if self._queues[workflow] == RUNS:
            options["queue_partition_key"] = partition
        if delay_seconds > 0:
            options["delay_seconds"] = delay_seconds
        self._client.enqueue_in_transaction(cast("Any", ledger.session), options, *args)

    def unfinished(self) -> dict[str, str]:
        """Workflow ids that ended badly, with their status, for the sweep."""
        rows = self._client.list_workflows(status=_LOST, load_input=False, load_output=False)
        return {row.workflow_id: row.status for row in rows}

    def forget_finished(self, before_iso: str) -> int:
        """Delete the engine's own rows of workflows that ended before a time; our audit trail is elsewhere."""
        forgotten = 0
        while rows := self._client.list_workflows(
            status=_ENDED, completed_before=before_iso, load_input=False, load_output=False, limit=FORGOTTEN_AT_ONCE
        ):
            self._client.delete_workflows([row.workflow_id for row in rows])
            forgotten += len(rows)
        return forgotten

    def migrate(self, database_url: str) -> None:
        """Create or bring up to date the engine's tables, for a process that only hands work over."""
        DBOS.migrate(database_url)

    def close(self) -> None:
        """Let go of the client (the engine belongs to the store)."""
        self._client.destroy()


class RecordedSteps:
    """``Steps`` on DBOS: the outcome of each step is stored before the next begins."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    @overload
    def __call__(self, name: str, act: Callable[[], object], *, tries: int = 0) -> None: ...

    @overload
    def __call__(self, name: str, act: Callable[[], T], *, returns: type[T], tries: int = 0) -> T: ...

    def __call__(
        self, name: str, act: Callable[[], object], *, returns: type[object] | None = None, tries: int = 0
    ) -> object:
        """Run the step, or return what it returned before the crash."""
        patience = replace(self._patience, attempts=tries) if tries else self._patience
        return value_of(DBOS.run_step({"name": name}, outcome_of, name, act, returns, patience), returns)


class DurableEngine:
    """Runs workflows from the queues in this process. One per process."""

    def __init__(
        self,
        database: object,
        workflows: Mapping[str, tuple[str, Workflow]],
        *,
        executor_id: str,
        patience: Patience | None = None,
    ) -> None:
        """``workflows`` maps a name to its queue and function, whose first argument is a ``Steps``."""
        self._steps = RecordedSteps(patience or Patience())
        config: DBOSConfig = {
            "name": _APPLICATION,
            "system_database_engine": cast("Any", database),
            "serializer": DBOSPortableJSONSerializer(),
            "executor_id": executor_id,
            "application_version": WORKFLOW_VERSION,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        for name, (queue, body) in workflows.items():
            DBOS.workflow(name=name, max_recovery_attempts=_ATTEMPTS[queue])(_bound(name, body, self._steps))

    def launch(self) -> None:
        """Create the engine's tables, recover what this executor left unfinished, and start taking work."""
        DBOS.launch()
        DBOS.register_queue(
            RUNS,
            global_concurrency=MAX_RUNS,
            partition_concurrency=MAX_RUNS,
            polling_interval_sec=POLLING_SECONDS,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            CONTROL,
            worker_concurrency=CONTROL_CONCURRENCY,
            polling_interval_sec=POLLING_SECONDS,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            BUILDS,
            worker_concurrency=1,
            polling_interval_sec=BUILDS_POLLING_SECONDS,
            on_conflict="always_update",
        )

    def adopt(self, executor_id: str) -> int:
        """Put the unfinished work of a worker that is known to be dead back on its queues; returns how much."""
        pending = DBOS.list_workflows(status="PENDING", executor_id=executor_id, load_input=False, load_output=False)
        for row in pending:
            DBOS.resume_workflow(row.workflow_id, queue_name=row.queue_name)
        return len(pending)

    def executors(self) -> frozenset[str]:
        """The executors that hold unfinished work, dead or alive."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return frozenset(row.executor_id for row in pending if row.executor_id)

    def stop(self, seconds: int = 10) -> None:
        """Stop taking work and give running workflows ``seconds`` to reach the end of a step."""
        DBOS.destroy(workflow_completion_timeout_sec=seconds)


def _bound(name: str, body: Workflow, steps: Steps) -> Callable[..., None]:
    def run(*args: Any) -> None:
        body(steps, *args)

    run.__qualname__ = run.__name__ = name
    return run
