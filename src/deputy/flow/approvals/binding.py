"""What a vote binds to: one digest of everything that the voter was shown."""

import hashlib

from deputy.domain.review.approval import HoldKind
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services


def binding(services: Services, task: Task, kind: HoldKind) -> str:
    """What votes on a task bind to, computed from what is there now (SHA-256, hex).

    For a clearance: task, specification and policy. For a sign-off: task, base, tree, patch, policy and gate report.
    """
    if kind is HoldKind.CLEARANCE:
        parts = [task.id, task.spec.model_dump_json() if task.spec else "", task.policy]
    else:
        judged = GateReport.model_validate_json(services.store.blob(task.report_file))
        parts = [task.id, task.base, task.tree, task.patch, task.policy, judged.digest]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
