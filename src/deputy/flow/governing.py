"""The policy that a task is under: its bundle, tightened by the repository's own rules and by what may not be read."""

from deputy.domain.config import RepoConfig
from deputy.domain.errors import BadPolicy, Cancelled
from deputy.domain.folding import fold
from deputy.domain.status import is_final
from deputy.domain.values import Action, Task, TaskSpec
from deputy.evidence import presentable
from deputy.flow.facts import facts_of
from deputy.flow.world import World
from deputy.policy import Bundle
from deputy.policy.own import OWN_FILE, OwnPolicy, parse_own
from deputy.ports import Repos

_OWN_FOLDER = OWN_FILE.partition("/")[0]
MOST_PATH = 300


def governing(world: World, task: Task, bundle: Bundle, *commits: str) -> Bundle:
    """The bundle as it holds for a task that was understood, in its repository as it is at these commits.

    ``BadPolicy`` when the repository's own policy can't be read at one of them: what it meant to forbid is not known.
    """
    if task.spec is None:
        return bundle
    repo = bundle.repo(task.spec.repo).name
    for commit in dict.fromkeys(commits):
        if (own := own_policy(world.repos, repo, commit)) is not None:
            bundle = bundle.with_own(own, repo)
    return bundle.with_own(OwnPolicy(hidden=_unreadable(world, task, task.spec, repo, bundle)), repo)


def governed_in_advance(repos: Repos, bundle: Bundle, repo: str, commit: str) -> RepoConfig:
    """The repository as it is, at a commit, for most of those who may ask: for what is made before there is a task.

    Who may read more, or less, of it than most gets sandboxes and an environment of their own when they ask.
    ``BadPolicy`` as above.
    """
    if (own := own_policy(repos, repo, commit)) is not None:
        bundle = bundle.with_own(own, repo)
    return bundle.with_own(OwnPolicy(hidden=bundle.commonly_unreadable(repo)), repo).repo(repo)


def _unreadable(world: World, task: Task, spec: TaskSpec, repo: str, bundle: Bundle) -> tuple[str, ...]:
    """What the requester may not read; the facts, which take many rows, are gathered only if a rule looks at them."""
    subject = task.actor.subject
    if not any(rule.is_conditional for rule in bundle.rules_for(subject, repo, Action.READ)):
        return bundle.unreadable(subject, repo)
    with world.store.transaction() as ledger:
        facts = facts_of(world, ledger, task, spec, bundle)
    return bundle.unreadable(subject, repo, facts)


def own_policy(repos: Repos, repo: str, commit: str) -> OwnPolicy | None:
    """The repository's own policy at a commit; None where there is none.

    ``BadPolicy`` when it can't be read, or when something is there that only nearly is the file: on another file system
    it would be, and whoever put it there means it.
    """
    alike = [path for path in repos.paths(repo, commit) if _is_like_own(fold(path))]
    if odd := next((path for path in alike if path != OWN_FILE), None):
        raise BadPolicy(
            f"the repository's own policy can't be used: {presentable(odd, MOST_PATH)} is not {OWN_FILE}",
            "the name is nearly that, or something else has its place",
            f"make it one regular file of exactly that name, or remove it, at {commit[:12]}",
        )
    content = repos.read(repo, commit, OWN_FILE)
    return None if content is None else parse_own(content)


def _is_like_own(folded: str) -> bool:
    """Whether a folded path is the own policy's, one of the folder above it, or something below it."""
    return folded in {OWN_FILE, _OWN_FOLDER} or folded.startswith(f"{OWN_FILE}/")


def running(world: World, task_id: str, run: int) -> tuple[Task, Bundle]:
    """The task and its pinned policy; ``Cancelled`` when somebody wants it stopped."""
    with world.store.transaction() as ledger:
        task = ledger.task(task_id)
    if is_final(task.status) or task.run != run:
        raise Cancelled("the task has ended")
    if task.cancel_by:
        raise Cancelled("the task was cancelled")
    return task, governing(world, task, world.policies.kept(task.policy), task.base)
