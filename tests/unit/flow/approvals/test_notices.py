"""A broken policy is told to those who answer for it, once, and again when it is mended."""

from deputy.domain.events import EventName
from deputy.flow.approvals.notices import queue_notice
from tests.support.deputy_under_test import CORA, DeputyUnderTest


def test_a_broken_policy_is_told_once_and_mended_again(deputy: DeputyUnderTest) -> None:
    services = deputy.services
    for _ in range(2):
        queue_notice(deputy.store, services.queue, deputy.clock, "b" * 64, "a" * 64, "policy.csv:3 is no rule")
        deputy.run()
    told = [(user, text) for user, text, _ in deputy.chat.direct.values()]
    assert [user for user, _ in told] == [CORA]
    assert "policy.csv:3 is no rule" in told[0][1]
    queue_notice(deputy.store, services.queue, deputy.clock, "c" * 64, "a" * 64, "")
    deputy.run()
    assert "can be loaded again" in [text for _, text, _ in deputy.chat.direct.values()][-1]
    assert [event.name for event in deputy.events(name="policy:bundle:*")] == [
        EventName.POLICY_BROKEN,
        EventName.POLICY_MENDED,
    ]
