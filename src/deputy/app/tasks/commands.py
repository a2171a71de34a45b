"""``deputy task …``: list, show, logs, evidence, cancel."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.clock import SystemClock
from deputy.app.output import AsJson, say, say_json, say_table
from deputy.app.settings import load_settings
from deputy.domain import identifiers
from deputy.domain.errors import BadPolicy, NotFound, Stale
from deputy.domain.events import EventName, happened
from deputy.domain.review.evidence import Evidence
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.scheduling import Line, QueuePosition, place_words, wait_words

app = typer.Typer(help="Look at tasks, and stop them.", no_args_is_help=True)
TaskId = Annotated[str, typer.Argument(help="For example D-7K2M9QXA")]
OPERATOR = "operator:cli"


@contextmanager
def opened_store() -> Iterator[SqlStore]:
    """The store of the settings, closed afterwards."""
    settings = load_settings()
    store = open_store(settings.database_url, settings.artifacts_url)
    try:
        yield store
    finally:
        store.close()


@app.command("list")
def list_tasks(
    status: Annotated[TaskStatus | None, typer.Option(help="Only tasks with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest tasks."""
    with opened_store() as store:
        with store.transaction() as ledger:
            tasks = ledger.tasks(statuses=[status] if status else [], limit=limit)
        line = _line(store, tasks)
    if as_json:
        say_json([_as_json(task, line.spot(task.id)) for task in tasks])
        return
    say_table([_row(task, line.spot(task.id)) for task in tasks])
    if not tasks:
        say("No tasks yet.")


def _line(store: SqlStore, tasks: Sequence[Task]) -> Line:
    """The line as it is, if one of these tasks waits in it and there is a policy to tell its limits."""
    if not any(task.status is TaskStatus.QUEUED for task in tasks):
        return Line()
    from deputy.adapters.policies import PolicyFolder
    from deputy.flow.state.scheduler import line_now

    try:
        bundle = PolicyFolder(load_settings().deputy_policies, store).current()
    except BadPolicy:
        return Line()
    with store.transaction() as ledger:
        return line_now(ledger, bundle, SystemClock().now())


def _as_json(task: Task, spot: QueuePosition | None) -> dict[str, JsonValue]:
    place: JsonValue = {"place": spot.number, "why": wait_words(spot.wait)} if spot else None
    return {**task.model_dump(mode="json"), "in_line": place}


def _row(task: Task, spot: QueuePosition | None) -> dict[str, str]:
    return {
        "task": task.id,
        "status": f"{task.status.value}, {place_words(spot)}" if spot else task.status.value,
        "repo": task.spec.repo if task.spec else "",
        "asked by": task.requester.subject,
        "updated": f"{task.updated_at:%Y-%m-%d %H:%M}",
        "goal": (task.spec.goal if task.spec else task.text)[:60],
    }


@app.command()
def show(task_id: TaskId, as_json: AsJson = False) -> None:
    """Everything that is known of a task."""
    with opened_store() as store:
        with store.transaction() as ledger:
            task = ledger.task(identifiers.TaskId(task_id.upper()))
        spot = _line(store, [task]).spot(task.id)
    if as_json:
        say_json(_as_json(task, spot))
        return
    for name, value in task.model_dump(mode="json", exclude_defaults=True).items():
        say(f"{name}: {value}")
    if spot:
        say(f"in_line: {place_words(spot)}. {wait_words(spot.wait)}")


@app.command()
def logs(task_id: TaskId) -> None:
    """The logs of the commands that ran, oldest first."""
    with opened_store() as store:
        with store.transaction() as ledger:
            ledger.task(identifiers.TaskId(task_id.upper()))
            ran = ledger.events(task=task_id.upper(), name=EventName.RUN_COMMAND, limit=1000)
        for stored in ran:
            data = stored.event.data
            argv = data.get("argv")
            say(f"$ {' '.join(map(str, argv)) if isinstance(argv, list) else ''}   (exit {data.get('exit_code')})")
            say(store.blob(str(data["log"])).decode())


@app.command()
def evidence(
    task_id: TaskId, folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path("evidence")
) -> None:
    """Write a task's patch, proof, gate report and check logs into a folder."""
    with opened_store() as store:
        with store.transaction() as ledger:
            task = ledger.task(identifiers.TaskId(task_id.upper()))
        from deputy.flow.delivery.artifacts import kept_of

        run = task.result.run if task.result else None
        kept = {"patch.patch": run.delivered_file, "proof.json": run.evidence, "report.json": run.report} if run else {}
        if not any(kept.values()):
            raise NotFound(f"{task.id} has no evidence", f"it is {task.status}", "evidence comes with the first patch")
        target = folder / task.id
        target.mkdir(parents=True, exist_ok=True)
        for name, digest in kept.items():
            if digest:
                (target / name).write_bytes(store.blob(digest))
        proof = Evidence.model_validate_json(store.blob(run.evidence)) if run and run.evidence else Evidence()
        for check in proof.checks:
            for what, log in kept_of(check):
                name = "-".join(word for word in (check.phase.value, check.name, what) if word)
                (target / f"{name}.log").write_bytes(store.blob(log))
    say(f"Wrote {target}/")


@app.command()
def cancel(task_id: TaskId) -> None:
    """Stop a task: a running worker stops within a second."""
    from deputy.flow.engine import DurableQueue
    from deputy.flow.workflows import QUEUES

    with opened_store() as store:
        queue = DurableQueue(store.engine, QUEUES)
        with store.transaction() as ledger:
            ledger.lock()  # its turn may be coming at this moment
            task = ledger.task(identifiers.TaskId(task_id.upper()))
            if is_final(task.status) or task.status is TaskStatus.DELIVERING:
                raise Stale(f"{task.id} can't be cancelled", f"it is {task.status}")
            now = SystemClock().now()
            asked = happened(EventName.TASK_CANCEL_ASKED, now, actor=OPERATOR, task=task.id)
            ledger.save_task(task, task.model_copy(update={"cancel_by": OPERATOR, "updated_at": now}), asked)
            # Deputy voids what waits for people and brings the card up to date: now, or at its next start.
            queue.enqueue(ledger, "stop_task", f"stop:{task.id}", task.id)
        queue.close()
    say(f"{task.id} is being stopped.")
