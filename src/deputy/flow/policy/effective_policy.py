"""The policy that a task is under: its bundle, tightened by the repository's own rules and by what may not be read."""

from dataclasses import dataclass

from deputy.domain.changes.folding import fold
from deputy.domain.errors import BadInput, BadPolicy, Cancelled
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.policy.config import RepoConfig
from deputy.domain.policy.decision import Action
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.run import Run
from deputy.domain.tasks.status import is_final
from deputy.domain.tasks.task import Task
from deputy.evidence import presentable
from deputy.flow.policy.facts import facts_of
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import event
from deputy.policy import Bundle
from deputy.policy.repo_policy import REPO_POLICY_FILE, RepoPolicy, parse_repo_policy
from deputy.ports import Ledger, Repos

_OWN_FOLDER = REPO_POLICY_FILE.partition("/")[0]
MAX_PATH = 300


def effective_policy(services: Services, task: Task, bundle: Bundle, *commits: str) -> Bundle:
    """The bundle as it holds for a task that was understood, in its repository as it is at these commits.

    ``BadPolicy`` when the repository's own policy can't be read at one of them: what it meant to forbid is not known.
    """
    if task.spec is None:
        return bundle
    repo = bundle.repo(task.spec.repo).name
    for commit in dict.fromkeys(commits):
        if (own := own_policy(services.repos, repo, commit)) is not None:
            bundle = bundle.with_own(own, repo)
    return bundle.with_own(RepoPolicy(hidden=_unreadable(services, task, task.spec, repo, bundle)), repo)


def governed_in_advance(repos: Repos, bundle: Bundle, repo: str, commit: str) -> RepoConfig:
    """The repository as it is, at a commit, for most of those who may ask: for what is made before there is a task.

    Who may read more, or less, of it than most gets sandboxes and an environment of their own when they ask.
    ``BadPolicy`` as above.
    """
    if (own := own_policy(repos, repo, commit)) is not None:
        bundle = bundle.with_own(own, repo)
    return bundle.with_own(RepoPolicy(hidden=bundle.commonly_unreadable(repo)), repo).repo(repo)


def _unreadable(services: Services, task: Task, spec: TaskSpec, repo: str, bundle: Bundle) -> tuple[str, ...]:
    """What the requester may not read; the facts, which take many rows, are gathered only if a rule looks at them."""
    subject = task.requester.subject
    if not any(rule.is_conditional for rule in bundle.rules_for(subject, repo, Action.READ)):
        return bundle.unreadable(subject, repo)
    with services.store.transaction() as ledger:
        facts = facts_of(services, ledger, task, spec, bundle)
    return bundle.unreadable(subject, repo, facts)


def own_policy(repos: Repos, repo: str, commit: str) -> RepoPolicy | None:
    """The repository's own policy at a commit; None where there is none.

    ``BadPolicy`` when it can't be read, or when something is there that only nearly is the file: on another file system
    it would be, and whoever put it there means it.
    """
    alike = [path for path in repos.paths(repo, commit) if _is_like_own(fold(path))]
    if odd := next((path for path in alike if path != REPO_POLICY_FILE), None):
        raise BadPolicy(
            f"the repository's own policy can't be used: {presentable(odd, MAX_PATH)} is not {REPO_POLICY_FILE}",
            "the name is nearly that, or something else has its place",
            f"make it one regular file of exactly that name, or remove it, at {commit[:12]}",
        )
    content = repos.read(repo, commit, REPO_POLICY_FILE)
    return None if content is None else parse_repo_policy(content)


def _is_like_own(folded: str) -> bool:
    """Whether a folded path is the own policy's, one of the folder above it, or something below it."""
    return folded in {REPO_POLICY_FILE, _OWN_FOLDER} or folded.startswith(f"{REPO_POLICY_FILE}/")


@dataclass(frozen=True)
class ActiveRun:
    """A run that has begun and may go on: ``base`` is its pinned commit, ``bundle`` its pinned policy, as it holds."""

    task: Task
    spec: TaskSpec
    run: Run
    base: str
    bundle: Bundle


def load_active_run(services: Services, task_id: TaskId, number: int) -> ActiveRun:
    """The run with its task and its pinned policy; ``Cancelled`` when it has ended or somebody wants it stopped."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    run, spec = task.run, task.spec
    if is_final(task.status) or run is None or run.number != number:
        raise Cancelled("the task has ended")
    if task.cancel_by:
        raise Cancelled("the task was cancelled")
    if spec is None or run.base is None or run.policy is None:
        raise BadInput(f"run {number} of task {task_id} has not begun")
    bundle = effective_policy(services, task, services.policies.kept(run.policy), run.base)
    return ActiveRun(task, spec, run, run.base, bundle)


def keep_policy(services: Services, ledger: Ledger, bundle: Bundle) -> None:
    """Keep the bundle that decides, by its digest; the first time is an event."""
    if ledger.add_bundle(bundle.digest, bundle.files):
        ledger.append(event(services, EventName.POLICY_LOADED, data={"policy": bundle.digest}))
