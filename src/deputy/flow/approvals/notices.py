"""Tells the policy's keepers in Slack when a new version of it can't be loaded, and when it can again.

The keepers are those who may query the audit trail of everything: they answer for what the policy says.
"""

from hashlib import sha256

from pydantic import JsonValue

from deputy.domain.events import EventName
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts
from deputy.flow.approvals.holds import tell_each
from deputy.flow.state.services import Services
from deputy.flow.state.steps import Steps
from deputy.flow.state.tasks import event, once
from deputy.policy import EVERYWHERE
from deputy.ports import Clock, Queue, Store

MAX_TOLD = 20
_BROKEN = (
    "The policy was changed and the new version can't be loaded. The last good one ({kept}) stays in force.\n"
    "{why}\n`deputy policy lint` shows every place."
)
_MENDED = "The policy can be loaded again: version {digest} is in force."


def queue_notice(store: Store, queue: Queue, clock: Clock, digest: str, kept: str, why: str) -> None:
    """Have it told once a day for each version, however many processes notice. ``why`` is empty when it is sound."""
    day = clock.now().date().isoformat()
    name = sha256(f"{digest}:{kept}:{bool(why)}".encode()).hexdigest()[:16]
    with store.transaction() as ledger:
        queue.enqueue(ledger, "tell_policy", f"policy:{day}:{name}", digest, kept, why)


def tell_policy(services: Services, steps: Steps, digest: str, kept: str, why: str) -> None:
    """A version of the policy is broken (``why``) or, when ``why`` is empty, sound again."""
    key = f"policy:{sha256(f'{digest}:{kept}:{why}'.encode()).hexdigest()[:16]}:{services.clock.now().date()}"
    key = steps("record", lambda: record(services, key, digest, kept, why), returns=str)
    text = _BROKEN.format(kept=kept[:12], why=why) if why else _MENDED.format(digest=digest[:12])

    def tell(user: str) -> None:
        services.chat.notify(user, f"{key}:{user}", text)

    tell_each(services, steps, steps("people", lambda: list(keepers(services)), returns=list[str]), tell)


def record(services: Services, key: str, digest: str, kept: str, why: str) -> str:
    """Keep it in the trail, once; returns the key of the notice."""

    def append() -> str:
        name = EventName.POLICY_BROKEN if why else EventName.POLICY_MENDED
        data: dict[str, JsonValue] = {"policy": digest, "kept": kept, **({"reason": why} if why else {})}
        ledger.append(event(services, name, data=data))
        return key

    with services.store.transaction() as ledger:
        return once(ledger, key, append, returns=str)


def keepers(services: Services) -> tuple[str, ...]:
    """The user ids of those in our workspace who may query the audit trail of everything."""
    home, bundle, facts = f"user:{services.team}/", services.policies.current(), Facts(at=services.clock.now())
    able = (
        subject.removeprefix(home)
        for subject in bundle.people
        if subject.startswith(home)
        and bundle.decide(subject, EVERYWHERE, Action.QUERY_AUDIT, (), facts).effect is Effect.ALLOW
    )
    return tuple(sorted(able))[:MAX_TOLD]
