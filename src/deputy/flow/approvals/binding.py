"""What a vote binds to: one digest of everything that the voter was shown."""

import hashlib
import json

from deputy.domain.errors import NotFound
from deputy.domain.identifiers import Digest
from deputy.domain.review.approval import HoldKind
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.run import Run
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import result_of


def binding(services: Services, task: Task, kind: HoldKind) -> Digest:
    """What votes on a task bind to, computed from what is there now (SHA-256, hex).

    For a clearance: task, specification and policy. For a sign-off: task, base, tree, patch, policy and gate report.
    """
    if kind is HoldKind.CLEARANCE:
        parts = [task.id, _spec_text(task.spec) if task.spec else "", task.admitted_under or ""]
    else:
        result = result_of(task)
        judged = report_of(services, result.run)
        parts = [task.id, result.base, result.tree, result.patch or "", result.policy, judged.digest]
    return Digest(hashlib.sha256("\0".join(parts).encode()).hexdigest())


def report_of(services: Services, run: Run) -> GateReport:
    """The gate report that a run's patch was judged by; ``NotFound`` before it was."""
    if run.report is None:
        raise NotFound("the patch has no gate report", f"run {run.number} was not judged", "look at the card")
    return GateReport.model_validate_json(services.store.blob(run.report))


def _spec_text(spec: TaskSpec) -> str:
    """The specification as JSON, byte for byte as the first release wrote it: a clearance that is open stays valid."""
    fields = spec.model_dump(mode="json")
    order = ("repo", "kind", "goal", "done", "recipe", "arguments", "paths", "budget")
    return json.dumps({name: fields.get(name, "") for name in order}, ensure_ascii=False, separators=(",", ":"))
