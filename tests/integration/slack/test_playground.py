"""The listener against the playground workspace, which somebody else wrote from Slack's documentation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.adapters.slack.receiving.listener import Listener, build_listener
from deputy.domain.tasks.request import Source
from deputy_playground.api.socket_mode import Patience
from deputy_playground.driver import Playground
from deputy_playground.limits import Rates
from tests.support.memory_inbox import MemoryInbox, WallClock

QUICK = Patience(ack=1.0, retries=(0.1, 0.3, 0.5), connection=5.0)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Playground]:
    with Playground(tmp_path, rates=Rates(posts_per_second=1000, burst=1000, tiers=False), patience=QUICK) as running:
        yield running


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest.fixture
def listener(site: Playground, inbox: MemoryInbox) -> Iterator[Listener]:
    running = build_listener(
        inbox, bot_token=site.bot_token, app_token=site.app_token, api_url=site.api_url, clock=WallClock()
    )
    running.start()
    site.wait_connected(5)
    yield running
    running.stop()


def heard(site: Playground, inbox: MemoryInbox, count: int) -> list[str]:
    site.wait_for(lambda: len(inbox.kept) >= count, 10)
    return sorted(incoming.source.value for incoming in inbox.kept.values())


def test_people_are_heard(site: Playground, inbox: MemoryInbox, listener: Listener) -> None:
    site.say("U0ALICE", "C0SHOP", "just chatting")
    root = site.say("U0ALICE", "C0SHOP", "@Deputy can you just fix the lint")
    assert heard(site, inbox, 1) == ["mention"]
    inbox.threads.add(root)
    site.say("U0SAM", "C0SHOP", "also sort the imports", root)
    site.command("U0CORA", "C0SHOP", "/deputy audit", timeout=0.1)
    assert heard(site, inbox, 3) == ["command", "mention", "thread"]
    mention = next(i for i in inbox.kept.values() if i.source is Source.MENTION)
    assert (mention.actor.subject, mention.place.thread) == ("user:T0ACME/U0ALICE", root)


def test_a_stranger_keeps_their_workspace(site: Playground, inbox: MemoryInbox, listener: Listener) -> None:
    channel = next(c for c in site.site.workspace.channels_of("U0STRANGE") if not c.is_direct)
    site.say("U0STRANGE", channel.id, "@Deputy drop the tables")
    heard(site, inbox, 1)
    (incoming,) = inbox.kept.values()
    assert incoming.actor.subject == "user:T0OTHER/U0STRANGE"


def test_edits_are_noted_and_not_taken_for_requests(site: Playground, inbox: MemoryInbox, listener: Listener) -> None:
    ts = site.say("U0ALICE", "C0SHOP", "@Deputy fix the lint")
    heard(site, inbox, 1)
    site.edit("U0ALICE", "C0SHOP", ts, "@Deputy delete everything")
    site.wait_for(lambda: inbox.edits, 5)
    assert [(channel, message, actor.user) for channel, message, actor in inbox.edits] == [("C0SHOP", ts, "U0ALICE")]
    assert [incoming.text for incoming in inbox.kept.values()] == ["<@U0DEPUTY> fix the lint"]


def test_trouble_on_the_way_loses_and_doubles_nothing(site: Playground, inbox: MemoryInbox, listener: Listener) -> None:
    site.lose_acks(1)
    site.say("U0ALICE", "C0SHOP", "@Deputy one")
    site.repeat_events(2)
    site.say("U0ALICE", "C0SHOP", "@Deputy two")
    heard(site, inbox, 2)
    site.hang_up()
    site.say("U0ALICE", "C0SHOP", "@Deputy three")
    heard(site, inbox, 3)
    site.reconnect("warning", grace=0.3)
    site.say("U0ALICE", "C0SHOP", "@Deputy four")
    heard(site, inbox, 4)
    site.wait_for(lambda: listener.is_connected, 5)
    assert len(inbox.kept) == 4


def test_a_dead_database_is_survived_by_redelivery(site: Playground, inbox: MemoryInbox, listener: Listener) -> None:
    inbox.broken = True
    site.say("U0ALICE", "C0SHOP", "@Deputy fix the lint")
    site.wait_for(lambda: len(site.site.sockets.acked) > 0, 5)
    inbox.broken = False
    assert heard(site, inbox, 1) == ["mention"]
