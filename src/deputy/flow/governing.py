"""The policy that a task is under: its bundle, tightened by the repository's own rules and by what may not be read."""

from deputy.domain.errors import Cancelled
from deputy.domain.status import is_final
from deputy.domain.values import Task
from deputy.flow.facts import facts_of
from deputy.flow.world import World
from deputy.policy import Bundle
from deputy.policy.own import OWN_FILE, OwnPolicy, parse_own


def governing(world: World, task: Task, bundle: Bundle, *commits: str) -> Bundle:
    """The bundle as it holds for a task that was understood, in its repository as it is at these commits.

    ``BadPolicy`` when the repository's own policy can't be read at one of them: what it meant to forbid is not known.
    """
    if task.spec is None:
        return bundle
    repo = bundle.repo(task.spec.repo).name
    for commit in dict.fromkeys(commits):
        content = world.repos.read(repo, commit, OWN_FILE)
        if content is not None:
            bundle = bundle.with_own(parse_own(content), repo)
    with world.store.transaction() as ledger:
        facts = facts_of(world, ledger, task, task.spec, bundle)
    return bundle.with_own(OwnPolicy(hidden=bundle.unreadable(task.actor.subject, repo, facts)), repo)


def running(world: World, task_id: str, run: int) -> tuple[Task, Bundle]:
    """The task and its pinned policy; ``Cancelled`` when somebody wants it stopped."""
    with world.store.transaction() as ledger:
        task = ledger.task(task_id)
    if is_final(task.status) or task.run != run:
        raise Cancelled("the task has ended")
    if task.cancel_by:
        raise Cancelled("the task was cancelled")
    return task, governing(world, task, world.policies.kept(task.policy), task.base)
