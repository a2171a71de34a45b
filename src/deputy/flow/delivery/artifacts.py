"""The evidence file that goes with a patch: all that an outsider needs to check the story, in one JSON object."""

import json
from collections.abc import Iterator

from pydantic import JsonValue

from deputy.domain.review.evidence import CheckResult, Evidence
from deputy.domain.tasks.task import Task
from deputy.domain.text.secrets import redact
from deputy.flow.approvals.binding import report_of
from deputy.flow.state.services import Services

FORMAT = "deputy-evidence/1"


def evidence_pack(services: Services, task: Task) -> bytes:
    """The evidence of a task as it stands, as indented JSON."""
    with services.store.transaction() as ledger:
        holds = ledger.holds(task=task.id)
        votes = [vote for hold in holds for vote in ledger.votes(hold.id)]
        events = ledger.events(task=task.id, limit=5000)
    result = task.result
    report = report_of(services, result.run) if result and result.run.report else None
    pack: dict[str, JsonValue] = {
        "format": FORMAT,
        "task": task.id,
        "requested_by": task.requester.subject,
        "request": redact(task.text),
        "spec": task.spec.model_dump(mode="json") if task.spec else None,
        "worker": task.worker or "",
        "base": task.base or "",
        "tree": result.tree if result else "",
        "patch": (result.patch if result else None) or "",
        "policy": task.policy or "",
        "usage": task.usage.model_dump(mode="json"),
        "proof": evidence_of(services, task).model_dump(mode="json"),
        "gates": report.model_dump(mode="json") if report else None,
        "holds": [hold.model_dump(mode="json", exclude={"nonce"}) for hold in holds],
        "votes": [vote.model_dump(mode="json") for vote in votes],
        "trail": [{"seq": e.seq, "prev": e.prev, "hash": e.hash, "body": e.body} for e in events],
    }
    return json.dumps(pack, indent=2, ensure_ascii=False).encode()


def logs_of(services: Services, task: Task) -> bytes:
    """Logs and reports of every check, one after the other, each under a line that names it and its digest."""
    parts = []
    for check in evidence_of(services, task).checks:
        for what, digest in kept_of(check):
            words = (check.phase.value, check.name, what, " ".join(check.argv), check.summary, f"sha256 {digest}")
            title = " · ".join(word for word in words if word)
            parts.append(f"==== {title}\n{services.store.blob(digest).decode()}\n")
    return "\n".join(parts).encode()


def kept_of(check: CheckResult) -> Iterator[tuple[str, str]]:
    """What is kept of a check, by digest: its log (named by nothing), its report, and the logs of its other runs."""
    yield "", check.log
    if check.report:
        yield "report", check.report
    for number, digest in enumerate(check.reruns, start=1):
        yield f"other-run-{number}", digest


def evidence_of(services: Services, task: Task) -> Evidence:
    """The evidence about a task's patch; empty before there is any."""
    run = task.result.run if task.result else None
    return Evidence.model_validate_json(services.store.blob(run.evidence)) if run and run.evidence else Evidence()
