"""What any workspace must see ``ports.Chat`` do. Runs on a ``Workspace``: an address, a bot token and a thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from slack_sdk import WebClient

from deputy import ports
from deputy.adapters.slack.posting.chat import SlackChat, build_chat
from deputy.domain.errors import BadInput, NotFound
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Place
from deputy.ports import Attachment, Button, Card, Fact, Post, Step
from deputy_playground.driver import Playground
from deputy_playground.limits import Rates
from tests.support.slack_double import BOT_TOKEN, CHANNEL, TEAM, MemoryStore, SlackDouble

KEY = "card:D-7K2M9QXA"
CARD = Card(
    headline="Fix rounding of split refunds",
    status="Waiting for a senior",
    tone="waiting",
    facts=(Fact("Repository", "acme/shop"), Fact("Asked by", people=("U0ALICE",))),
    steps=(Step("done", "Checks pass", "42 tests"), Step("wait", "Sign-off")),
    notes=("billing/ needs role:senior",),
    code="billing/refunds.py | 4 +++-",
    buttons=(
        Button("deputy.approve", "n0nce", "Approve", "primary"),
        Button("deputy.deny", "n0nce", "Deny", "danger", confirm="Deny this patch?"),
    ),
    footer="D-7K2M9QXA · policy 1f2e3d",
)


@dataclass
class Workspace:
    """Where the suite runs. ``thread_messages`` reads the thread back the way any client would."""

    api_url: str
    bot_token: str
    place: Place
    thread_messages: Callable[[], list[dict[str, Any]]]
    delete: Callable[[str], None]


@contextmanager
def on_the_double() -> Iterator[Workspace]:
    slack = SlackDouble()
    place = Place(team=TEAM, channel=CHANNEL, thread=slack.root)
    yield Workspace(
        slack.api_url,
        BOT_TOKEN,
        place,
        lambda: slack.thread(slack.root)[1:],
        lambda ts: slack.delete(CHANNEL, ts),
    )
    slack.close()


@contextmanager
def on_the_playground(folder: Path) -> Iterator[Workspace]:
    with Playground(folder, rates=Rates(posts_per_second=1000, burst=1000, tiers=False)) as site:
        root = site.say("U0ALICE", CHANNEL, "the thread's first message")
        yield Workspace(
            site.api_url,
            site.bot_token,
            Place(team=TEAM, channel=CHANNEL, thread=root),
            lambda: site.workspace.replies(CHANNEL, root)[1:],
            lambda ts: site.delete("U0DEPUTY", CHANNEL, ts),
        )


@pytest.fixture(params=["double", "playground"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    with on_the_double() if request.param == "double" else on_the_playground(tmp_path) as found:
        yield found


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def chat_for(workspace: Workspace, store: MemoryStore) -> SlackChat:
    return build_chat(cast("ports.Store", store), bot_token=workspace.bot_token, api_url=workspace.api_url)


@pytest.fixture
def chat(workspace: Workspace, store: MemoryStore) -> SlackChat:
    return chat_for(workspace, store)


def test_a_card_is_posted_once_and_then_updated_in_place(workspace: Workspace, chat: SlackChat) -> None:
    chat.show(workspace.place, KEY, CARD)
    chat.show(workspace.place, KEY, CARD)
    chat.show(workspace.place, KEY, Card(headline=CARD.headline, status="Delivered", tone="good"))
    (message,) = workspace.thread_messages()
    assert "Delivered" in message["text"]
    assert message["metadata"]["event_payload"] == {"key": KEY}


def test_another_process_updates_the_same_card(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.show(workspace.place, KEY, CARD)
    chat_for(workspace, store).show(workspace.place, KEY, Card(headline="Same", status="Delivered"))
    (message,) = workspace.thread_messages()
    assert "Delivered" in message["text"]


def test_what_another_process_has_changed_is_changed_back(
    workspace: Workspace, store: MemoryStore, chat: SlackChat
) -> None:
    chat.show(workspace.place, KEY, CARD)
    chat_for(workspace, store).show(workspace.place, KEY, Card(headline="Same", status="Delivered"))
    chat.show(workspace.place, KEY, CARD)
    (message,) = workspace.thread_messages()
    assert "Delivered" not in message["text"]


def test_a_card_that_shows_it_already_costs_no_call(
    workspace: Workspace, store: MemoryStore, chat: SlackChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.show(workspace.place, KEY, CARD)
    monkeypatch.setattr(WebClient, "api_call", None)
    chat.show(workspace.place, KEY, CARD)
    chat_for(workspace, store).show(workspace.place, KEY, CARD)


def test_a_crash_after_posting_is_noticed(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    for number in range(5):
        chat.say(workspace.place, f"filler:{number}", "so that the message is not on the first page")
    chat.show(workspace.place, KEY, CARD)
    chat.say(workspace.place, "say:1", "One sentence.")
    for key in (KEY, "say:1"):  # what a crash between Slack's answer and the commit leaves
        store.save_post(Post(key, workspace.place.channel, workspace.place.thread))
    again = chat_for(workspace, store)
    again.show(workspace.place, KEY, CARD)
    again.say(workspace.place, "say:1", "One sentence.")
    assert len(workspace.thread_messages()) == 7
    assert store.posts[KEY].ts
    assert store.posts["say:1"].ts


class DyingStore(MemoryStore):
    """Dies between Slack's answer and the commit, once."""

    has_died = False

    def save_post(self, post: Post) -> None:
        if (post.ts or post.files) and not self.has_died:
            self.has_died = True
            raise KeyboardInterrupt
        super().save_post(post)


@pytest.mark.parametrize("doing", ["show", "say", "notify", "attach"])
def test_dying_between_the_effect_and_the_commit_doubles_nothing(workspace: Workspace, doing: str) -> None:
    store = DyingStore()

    def act() -> None:
        chat = chat_for(workspace, store)
        match doing:
            case "show":
                chat.show(workspace.place, KEY, CARD)
            case "say":
                chat.say(workspace.place, KEY, "Hello")
            case "notify":
                chat.notify("U0SAM", KEY, "Hello", CARD)
            case _:
                chat.attach(workspace.place, KEY, FILES, "The patch")

    with pytest.raises(KeyboardInterrupt):
        act()
    first = len(workspace.thread_messages())
    act()
    act()
    assert len(workspace.thread_messages()) == first
    post = store.posts[KEY]
    assert post.ts or post.files


def test_a_crash_before_posting_posts(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    store.save_post(Post(KEY, workspace.place.channel, workspace.place.thread))
    chat.show(workspace.place, KEY, CARD)
    assert len(workspace.thread_messages()) == 1


def test_a_deleted_card_is_posted_again(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.show(workspace.place, KEY, CARD)
    first = store.posts[KEY].ts
    workspace.delete(first)
    chat.show(workspace.place, KEY, Card(headline="Same", status="Delivered"))
    (message,) = workspace.thread_messages()
    assert message["ts"] == store.posts[KEY].ts != first


def test_a_sentence_is_posted_once_and_inertly(workspace: Workspace, chat: SlackChat) -> None:
    for _ in range(2):
        chat.say(
            workspace.place, "say:1", "Look: <!channel> <http://evil.example|here> & <@U0SAM>", ["U0ALICE", "<!here>"]
        )
    (message,) = workspace.thread_messages()
    expected = "<@U0ALICE> Look: &lt;!channel&gt; &lt;http://evil.example|here&gt; &amp; &lt;@U0SAM&gt;"
    assert message["text"] == expected


def test_a_direct_message_is_sent_once(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.notify("U0SAM", "dm:1", "Your sign-off is needed.", CARD)
    first = store.posts["dm:1"]
    chat.notify("U0SAM", "dm:1", "Your sign-off is needed.", CARD)
    assert first.channel.startswith("D")
    assert store.posts["dm:1"] == first


def test_a_crash_after_a_direct_message_is_noticed(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.notify("U0SAM", "dm:1", "Your sign-off is needed.")
    first = store.posts["dm:1"]
    store.save_post(Post("dm:1", first.channel, ""))
    chat_for(workspace, store).notify("U0SAM", "dm:1", "Your sign-off is needed.")
    assert store.posts["dm:1"] == first


FILES = (
    Attachment("D-7K2M9QXA-1f2e3d.patch", "The patch", b"From 0000\n"),
    Attachment("D-7K2M9QXA-1f2e3d.log", "The log", b""),
)


def test_files_are_attached_once(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.attach(workspace.place, "files:1", FILES, "The patch & its log")
    chat.attach(workspace.place, "files:1", FILES, "The patch & its log")
    (message,) = workspace.thread_messages()
    assert {file["name"] for file in message["files"]} == {file.name for file in FILES}


def test_a_crash_after_attaching_is_noticed(workspace: Workspace, store: MemoryStore, chat: SlackChat) -> None:
    chat.attach(workspace.place, "files:1", FILES, "The patch")
    store.save_post(Post("files:1", workspace.place.channel, workspace.place.thread))
    chat_for(workspace, store).attach(workspace.place, "files:1", FILES, "The patch")
    assert len(workspace.thread_messages()) == 1


def test_people_are_looked_up_as_they_are_now(chat: SlackChat, workspace: Workspace) -> None:
    def ineligibility(user: str, team: str = TEAM) -> str | None:
        return chat.person(Actor(team=team, user=user)).ineligibility

    assert chat.person(Actor(team=TEAM, user="U0ALICE")).name == "Alice Marsh"
    assert ineligibility("U0ALICE") is None
    assert ineligibility("U0GUS") == "a guest"
    assert ineligibility("U0STRANGE", "T0OTHER") == "from another workspace"
    assert ineligibility("U0STRANGE") == "from another workspace"
    assert ineligibility("U0ALICE", "T0OTHER") == "from another workspace"
    assert ineligibility("U0DEPUTY") == "a bot"
    with pytest.raises(NotFound):
        chat.person(Actor(team=TEAM, user="U0NOBODY"))


def test_a_link_to_a_message_or_nothing(workspace: Workspace, chat: SlackChat) -> None:
    assert workspace.place.channel in chat.permalink(workspace.place, workspace.place.thread)
    assert chat.permalink(workspace.place, "1.000001") == ""


def test_a_wrong_token_is_one_sentence_without_it(workspace: Workspace, store: MemoryStore) -> None:
    workspace.bot_token = "xoxb-wrong-1234"
    with pytest.raises(BadInput, match="SLACK_BOT_TOKEN") as caught:
        chat_for(workspace, store).say(workspace.place, "say:1", "Hello")
    assert "1234" not in str(caught.value)
