"""Gates and policy on one patch: every question that the patch raises, asked of the pinned bundle, as one report."""

from collections.abc import Iterable

from pydantic import JsonValue

from deputy.domain.changes.change import TreeChange
from deputy.domain.changes.git_modes import ABSENT, GITLINK
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.config import RepoConfig
from deputy.domain.policy.decision import Action, Decision, Severity
from deputy.domain.policy.effects import strictest_effect
from deputy.domain.policy.facts import Facts
from deputy.domain.review.finding import Finding, GateReport
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.run import RunResult
from deputy.domain.tasks.task import Task
from deputy.domain.text.secrets import redact
from deputy.domain.text.visible import visible
from deputy.flow.delivery.artifacts import evidence_of
from deputy.flow.policy.facts import facts_of
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import result_of
from deputy.gates import inspect, report, shorten
from deputy.gates.framework.patch_under_review import Reader
from deputy.policy import Bundle
from deputy.ports import Repos

# What a gate sees in a patch that policy has an action of its own for.
_ACTIONS = {
    "dependencies": Action.ADD_DEPENDENCY,
    "runs-on-its-own": Action.CHANGE_CI,
    "public-api": Action.CHANGE_PUBLIC_API,
}
# Taking a dependency away adds none, and a result without a declared type breaks no caller.
_NO_ACTION = frozenset({"dependencies/removed", "public-api/return-type"})


def judge_patch(services: Services, task: Task, spec: TaskSpec, change: TreeChange, bundle: Bundle) -> GateReport:
    """What the gates find in a patch, and what policy makes of its paths, of what was found, and of its delivery."""
    result = result_of(task)
    evidence = evidence_of(services, task)
    repo, everything = bundle.repo(spec.repo), services.repos.paths(spec.repo, result.tree)
    read = _reader(services.repos, result, change)
    findings = inspect(change, read, evidence, bundle.gates, repo.checks, kind=spec.kind, tree_paths=everything)
    blind = blind_changes(change, repo)
    unseen = {finding.path for finding in blind}
    # What else was found there may quote what nobody is to see.
    findings = (*blind, *(finding for finding in findings if finding.path not in unseen))
    with services.store.transaction() as ledger:
        facts = facts_of(services, ledger, task, spec, bundle, change)
    return report(findings, decide_on(bundle, task, spec, change, findings, facts))


def _reader(repos: Repos, result: RunResult, change: TreeChange) -> Reader:
    """Both sides of the change, read in one go: a process for each file would take minutes. Other paths one by one."""
    trees = {"base": result.base, "head": result.tree}
    ids = {
        **{("base", file.path): file.old_blob for file in change.files if file.old_mode not in {ABSENT, GITLINK}},
        **{("head", file.path): file.new_blob for file in change.files if file.new_mode not in {ABSENT, GITLINK}},
    }
    contents = repos.blobs(change.repo, frozenset(ids.values()))

    def read(side: str, path: str) -> bytes | None:
        blob = ids.get((side, path))
        return contents[blob] if blob else repos.read(change.repo, trees[side], path)

    return read


def blind_changes(change: TreeChange, repo: RepoConfig) -> tuple[Finding, ...]:
    """Changes to paths that sandboxes never see: made blindly, and their old content would show in the diff."""
    return tuple(
        Finding(
            gate="paths",
            severity=Severity.DENY,
            message="The patch changes a path that is hidden from sandboxes",
            path=redact(visible(path)),
            rule="paths/hidden",
            fix="leave it alone; a person changes it by hand",
        )
        for path in change.paths
        if repo.hides(path)
    )


def decide_on(
    bundle: Bundle, task: Task, spec: TaskSpec, change: TreeChange, findings: tuple[Finding, ...], facts: Facts
) -> Decision:
    """Policy's answer to editing these paths, to what the gates saw, and to delivering it, as one decision."""
    subject = task.requester.subject
    edit = bundle.decide(subject, spec.repo, Action.EDIT, change.paths, facts)
    others = [bundle.decide(subject, spec.repo, action, (), facts) for action in sorted(actions_of(findings))]
    return _together(edit, others)


def actions_of(findings: Iterable[Finding]) -> set[Action]:
    """What delivering a patch with these findings means to do, beside editing, whatever level their gate has."""
    raised = {finding.gate for finding in findings if finding.rule not in _NO_ACTION}
    return {action for gate, action in _ACTIONS.items() if gate in raised} | {Action.DELIVER}


def _together(edit: Decision, others: list[Decision]) -> Decision:
    """The stricter of all: the worst effect, its reasons, and the needs of every one."""
    every = [edit, *others]
    effect = strictest_effect(decision.effect for decision in every)
    deciding = [decision for decision in every if decision.effect is effect]
    return edit.model_copy(
        update={
            "effect": effect,
            "rules": tuple({rule.id: rule for decision in deciding for rule in decision.rules}.values()),
            "needs": merge_requirements(*(decision.needs for decision in every)),
            "reason": "; ".join(dict.fromkeys(decision.reason for decision in deciding)),
        }
    )


def audit_data(judged: GateReport) -> dict[str, JsonValue]:
    """The report in the words of the audit trail; all of it is in the report's own blob, which the event names."""
    rules = {rule.id for path in judged.decision.paths for rule in path.rules}
    return {
        "effect": judged.effect.value,
        "rules": [*sorted(rules | {rule.id for rule in judged.decision.rules})],
        "needs": requirements_text(judged.needs),
        "found": len(judged.findings),
        "findings": [f"{f.severity.value} {f.gate} {f.path}: {f.message}" for f in shorten(judged.findings)],
    }
