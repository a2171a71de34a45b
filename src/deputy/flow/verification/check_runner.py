"""The checks of one patch, run in sandboxes of their own on trees made of base and patch; again where one fails."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from deputy.domain.changes.change import TreeChange
from deputy.domain.changes.git_modes import ABSENT
from deputy.domain.errors import BadInput, NotFound
from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckResult
from deputy.domain.tasks.task import Task
from deputy.evidence import (
    MAX_REPORT_BYTES,
    Overlay,
    ReportFile,
    is_worth_repeating,
    judge_check,
    of_runs,
    presentable,
    repetitions,
)
from deputy.flow.sandboxes.environments import prepare
from deputy.flow.sandboxes.sandboxes import building, cancel_watch, open_sandbox
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import result_of
from deputy.policy import Bundle
from deputy.ports import Sandbox, Tree, TreeDelta, TreeFile

_MAX_LOG = 10**6  # characters
_REMOVAL_SECONDS = 60

# The runs of a check so far → whether another one could tell anything new.
Doubt = Callable[[Check, Sequence[CheckResult]], bool]


class CheckRunner:
    """Runs checks. ``limits.run_seconds`` bounds when a repetition may still begin, counted from the first check."""

    def __init__(self, services: Services, task: Task, change: TreeChange, bundle: Bundle) -> None:
        self._services, self._task, self._change = services, task, change
        self._repo, self._limits = bundle.repo(change.repo), bundle.limits
        self._is_cancelled = cancel_watch(services, task.id)
        self._prepared = prepare(services, self._repo, result_of(task).base, building(self._is_cancelled))
        self._began = time.monotonic()

    def run(self, overlay: Overlay, checks: Sequence[Check]) -> list[CheckResult]:
        """What the checks say of a tree. Failing tests run again, each time in a fresh sandbox."""
        runs = {result.name: [result] for result in self._once(overlay, checks)}
        return self._again(overlay, checks, runs, _has_always_failed)

    def doubt(self, overlay: Overlay, checks: Sequence[Check], known: Mapping[str, CheckResult]) -> list[CheckResult]:
        """The same for checks whose failing elsewhere comes and goes: those that pass here run again, until one fails.

        ``known`` are results that there are already, by name.
        """
        missing = [check for check in checks if check.name not in known]
        first = {result.name: result for result in (self._once(overlay, missing) if missing else ())}
        runs = {check.name: [known.get(check.name) or first[check.name]] for check in checks}
        return self._again(overlay, checks, runs, _has_always_passed)

    def _again(
        self, overlay: Overlay, checks: Sequence[Check], runs: dict[str, list[CheckResult]], doubt: Doubt
    ) -> list[CheckResult]:
        for number in range(1, repetitions(overlay.phase, self._limits.flaky_retries) + 1):
            doubtful = [
                check for check in checks if doubt(check, runs[check.name]) and self._has_time(runs[check.name])
            ]
            if not doubtful:
                break
            for result in self._once(overlay, doubtful, number):
                runs[result.name].append(result)
        return [of_runs(runs[check.name]) for check in checks]

    def _has_time(self, runs: Sequence[CheckResult]) -> bool:
        return time.monotonic() - self._began + runs[-1].seconds < self._limits.run_seconds

    def _once(self, overlay: Overlay, checks: Sequence[Check], number: int = 0) -> list[CheckResult]:
        """Each check once, in a sandbox of its own: what one does to the tree (a patch's tests may) no other sees."""
        tree = self._services.repos.checkout(self._repo.name, self._tree(overlay), self._repo.hidden)
        return [self._alone(overlay, check, tree, number) for check in checks]

    def _alone(self, overlay: Overlay, check: Check, tree: Tree, number: int) -> CheckResult:
        place = [known.name for known in self._repo.checks].index(check.name)
        purpose = f"{overlay.phase.value}-{place}-{number}"
        with open_sandbox(
            self._services, self._task, self._repo, self._limits, self._prepared, tree, purpose=purpose
        ) as box:
            return self._check(box, overlay, check)

    def _check(self, box: Sandbox, overlay: Overlay, check: Check) -> CheckResult:
        obstacle = self._clear(box, check)
        done = box.run(check.run, timeout=check.timeout, env=check.env, is_cancelled=self._is_cancelled)
        log = self._services.store.put_blob(presentable(done.output, _MAX_LOG).encode())
        report = ReportFile(None, obstacle) if obstacle else self._report(box, check)
        return judge_check(check, overlay.phase, done, log, report)

    def _clear(self, box: Sandbox, check: Check) -> str:
        """Make sure that no report is there before the command runs; why that was not possible, if it was not.

        A patch may bring one along.
        """
        if not check.report:
            return ""
        done = box.run(("rm", "-rf", "--", check.report), timeout=_REMOVAL_SECONDS, is_cancelled=self._is_cancelled)
        return "what stood there before could not be removed" if done.exit_code else ""

    def _report(self, box: Sandbox, check: Check) -> ReportFile | None:
        if not check.report:
            return None
        try:
            content = box.read(check.report, limit=MAX_REPORT_BYTES + 1)
        except (NotFound, BadInput) as error:
            return ReportFile(None, error.why)
        kept = self._services.store.put_blob(presentable(content[:_MAX_LOG], _MAX_LOG).encode())
        return ReportFile(content, digest=kept)

    def _tree(self, overlay: Overlay) -> str:
        """The tree of an overlay, made in the host's repository out of base and patch."""
        change = self._change
        start, other = (change.base_tree, change.tree) if overlay.start == "base" else (change.tree, change.base_tree)
        if not overlay.copy and not overlay.remove:
            return start
        delta = TreeDelta(written=tuple(self._files(overlay, other)), deleted=overlay.remove)
        return self._services.repos.import_delta(change.repo, start, delta)

    def _files(self, overlay: Overlay, other: str) -> Iterator[TreeFile]:
        modes = {f.path: f.new_mode if overlay.start == "base" else f.old_mode for f in self._change.files}
        for path in overlay.copy:
            content = self._services.repos.read(self._change.repo, other, path)
            if content is not None and modes[path] != ABSENT:
                yield TreeFile(path, modes[path], content)


def _has_always_failed(check: Check, runs: Sequence[CheckResult]) -> bool:
    return all(not run.passed for run in runs) and is_worth_repeating(check, runs[-1])


def _has_always_passed(check: Check, runs: Sequence[CheckResult]) -> bool:
    return check.kind == "tests" and all(run.passed for run in runs)
