"""Which hosts a run may reach: each asked of policy, opened at a gateway while the work lasts, and accounted for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import JsonValue

from deputy.domain.events import EventName
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.policy.facts import Facts
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.task import Task
from deputy.domain.text.hosts import host_pattern
from deputy.flow.approvals.holds import is_cleared
from deputy.flow.policy.facts import facts_of
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import event
from deputy.policy import Bundle
from deputy.ports import NetworkUse


@dataclass(frozen=True)
class NetworkAccess:
    """The way out of a sandbox: ``folder`` for ``SandboxSpec.gateway``, and the hosts behind it; none when empty."""

    folder: str = ""
    hosts: tuple[str, ...] = ()


def network_decisions(bundle: Bundle, subject: str, repo: str, facts: Facts) -> tuple[Decision, ...]:
    """Policy's answer for each host that a repository's work wants, in the order of ``repos.toml``."""
    hosts = dict.fromkeys(host_pattern(text) for text in bundle.repo(repo).network)
    return tuple(bundle.decide(subject, repo, Action.USE_NETWORK, (host,), facts) for host in hosts)


def reviewed(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Those that people have to agree to. What is denied keeps nothing from running: it runs without that host."""
    return tuple(decision for decision in decisions if decision.effect is Effect.REVIEW)


def hosts_of(decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The hosts that these answers are about."""
    return tuple(path.path for decision in decisions for path in decision.paths)


@contextmanager
def open_network(services: Services, task: Task, spec: TaskSpec, bundle: Bundle) -> Iterator[NetworkAccess]:
    """A way out to the hosts that policy lets this task reach, until the block is left; what went there is recorded."""
    decisions = _permitted(services, task, spec, bundle)
    if not decisions:
        yield NetworkAccess()
        return
    hosts = hosts_of(decisions)
    data: dict[str, JsonValue] = {
        "run": task.run_number,
        "hosts": list(hosts),
        "decisions": [decision.model_dump(mode="json") for decision in decisions],
    }
    _record(services, task, EventName.NETWORK_OPENED, data)
    gate = None
    try:
        with services.gateway.open(hosts) as gate:
            yield NetworkAccess(gate.folder, hosts)
    finally:
        # Asked when it is closed: then nothing moves any more.
        for use in gate.uses() if gate else ():
            _record(services, task, EventName.NETWORK_USED, _use(task, use))


def _permitted(services: Services, task: Task, spec: TaskSpec, bundle: Bundle) -> tuple[Decision, ...]:
    """What is allowed now, or was shown to people and agreed to: a condition may have come to hold since."""
    if not bundle.repo(spec.repo).network:
        return ()
    with services.store.transaction() as ledger:
        facts = facts_of(services, ledger, task, spec, bundle)
        return tuple(
            decision
            for decision in network_decisions(bundle, task.requester.subject, spec.repo, facts)
            if decision.effect is Effect.ALLOW
            or (
                decision.effect is Effect.REVIEW
                and is_cleared(services, ledger, task, decision.needs, hosts_of((decision,)))
            )
        )


def _use(task: Task, use: NetworkUse) -> dict[str, JsonValue]:
    return {
        "run": task.run_number,
        "host": use.host,
        "port": use.port,
        "connections": use.connections,
        "sent": use.sent,
        "received": use.received,
        "refused": use.refused,
    }


def _record(services: Services, task: Task, name: EventName, data: dict[str, JsonValue]) -> None:
    with services.store.transaction() as ledger:
        ledger.append(event(services, name, task=task.id, data=data))
