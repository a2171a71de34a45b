"""The chat when Slack is slow, broken, limited or hostile: nothing is posted twice, and no token is told."""

import logging
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest

from deputy import ports
from deputy.adapters.slack.client import build_client, build_posting_client, is_direct
from deputy.adapters.slack.identity import identify
from deputy.adapters.slack.posting.chat import SlackChat, build_chat
from deputy.domain.errors import BadInput, DeputyError, Unavailable
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Place
from deputy.ports import Attachment, Card
from tests.support.slack_double import BOT_TOKEN, CHANNEL, TEAM, Fault, MemoryStore, SlackDouble

CARD = Card(headline="Fix the lint", status="Running")
PATCH = (Attachment("D-7K2M9QXA-1f2e3d.patch", "The patch", b"From 0000\n"),)


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    slack = SlackDouble()
    yield slack
    slack.close()


@pytest.fixture
def place(double: SlackDouble) -> Place:
    return Place(team=TEAM, channel=CHANNEL, thread=double.root)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def chat(double: SlackDouble, store: MemoryStore) -> SlackChat:
    return build_chat(cast("ports.Store", store), bot_token=BOT_TOKEN, api_url=double.api_url)


def posted(double: SlackDouble) -> int:
    return len(double.thread(double.root)) - 1


def test_a_rate_limit_is_waited_out_as_slack_says(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    double.fail("chat.postMessage", Fault(status=429, error="ratelimited", retry_after="1"))
    began = time.monotonic()
    chat.say(place, "say:1", "Hello")
    assert time.monotonic() - began >= 1
    assert posted(double) == 1


def test_a_rate_limit_of_an_hour_is_an_error_not_a_wait(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    double.fail("chat.postMessage", Fault(status=429, error="ratelimited", retry_after="3600"))
    with pytest.raises(Unavailable, match="trouble"):
        chat.say(place, "say:1", "Hello")
    chat.say(place, "say:1", "Hello")
    assert posted(double) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=502, html=True),
        Fault(status=200, html=True),
        Fault(error="fatal_error"),
        Fault(cut=True),
        Fault(status=500, after_effect=True),
        Fault(status=504, html=True, after_effect=True),
        Fault(error="internal_error", after_effect=True),
        Fault(cut=True, after_effect=True),
    ],
    ids=str,
)
def test_a_post_without_a_clear_answer_stands_once(
    double: SlackDouble, chat: SlackChat, store: MemoryStore, place: Place, fault: Fault
) -> None:
    double.fail("chat.postMessage", fault, times=2)
    chat.show(place, "card:1", CARD)
    assert posted(double) == 1
    assert store.posts["card:1"].ts


def test_slack_down_is_unavailable_and_the_next_try_posts_once(
    double: SlackDouble, chat: SlackChat, place: Place
) -> None:
    double.fail("chat.postMessage", Fault(cut=True), times=4)
    with pytest.raises(Unavailable):
        chat.say(place, "say:1", "Hello")
    chat.say(place, "say:1", "Hello")
    assert posted(double) == 1


def test_reading_and_updating_are_tried_again(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    chat.show(place, "card:1", CARD)
    double.fail("chat.update", Fault(status=503))
    double.fail("chat.update", Fault(cut=True))
    chat.show(place, "card:1", Card(headline="Fix the lint", status="Delivered"))
    double.fail("users.info", Fault(status=500), times=2)
    assert chat.person(Actor(team=TEAM, user="U0ALICE")).name == "Alice Marsh"
    assert "Delivered" in double.thread(double.root)[-1]["text"]


def test_an_unchanged_card_costs_no_call(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    chat.show(place, "card:1", CARD)
    before = len(double.calls)
    chat.show(place, "card:1", CARD)
    assert len(double.calls) == before


def test_a_failed_update_is_not_taken_for_shown(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    chat.show(place, "card:1", CARD)
    delivered = Card(headline="Fix the lint", status="Delivered")
    double.fail("chat.update", Fault(error="msg_too_long"))
    with pytest.raises(BadInput, match="msg_too_long"):
        chat.show(place, "card:1", delivered)
    chat.show(place, "card:1", delivered)
    assert "Delivered" in double.thread(double.root)[-1]["text"]


@pytest.mark.parametrize("doing", ["show", "say"])
def test_many_threads_post_once(double: SlackDouble, chat: SlackChat, place: Place, doing: str) -> None:
    def act(number: int) -> None:
        if doing == "show":
            chat.show(place, "card:1", Card(headline="Fix the lint", status=f"Step {number}"))
        else:
            chat.say(place, "say:1", "Hello")

    double.fail("chat.postMessage", Fault(delay=0.3), times=6)
    threads = [threading.Thread(target=act, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert posted(double) == 1


def test_uploads_survive_trouble_at_each_stage(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    double.fail("files.getUploadURLExternal", Fault(status=500))
    double.fail("upload", Fault(status=500))
    double.fail("upload", Fault(cut=True))
    double.fail("files.completeUploadExternal", Fault(cut=True, after_effect=True))
    chat.attach(place, "files:1", PATCH, "Here")
    assert posted(double) == 1
    assert [file["content"] for file in double.files.values() if file["content"]] == [b"From 0000\n"]


def test_an_uploads_comment_holds_no_address(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    chat.attach(place, "files:1", PATCH, "See https://evil.example/?leak=1 <!channel>")
    assert double.thread(double.root)[-1]["text"] == "See https: //evil.example/?leak=1 &lt;!channel&gt;"


def test_a_message_links_to_slack_only(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    link = chat.permalink(place, double.root)
    chat.notify("U0SAM", "dm:1", f"Your decision is needed\n{link}")
    (message,) = double.messages["D0SAM"]
    assert f"<{link}|Open in Slack>" in message["blocks"][0]["text"]["text"]


def test_a_whisper_goes_by_the_reply_address_while_it_works(double: SlackDouble, chat: SlackChat, place: Place) -> None:
    chat.whisper(place, "U0SAM", "Not you, <!channel>.", f"{double.origin}/reply/1")
    assert (double.replies[0]["text"], double.ephemerals) == ("Not you, &lt;!channel&gt;.", [])
    assert double.replies[0]["response_type"] == "ephemeral"
    assert double.replies[0]["replace_original"] is False


@pytest.mark.parametrize("reply", ["", "/reply/expired", "http://127.0.0.1:9/reply"])
def test_a_whisper_falls_back_to_an_ephemeral_message(
    double: SlackDouble, chat: SlackChat, place: Place, reply: str
) -> None:
    chat.whisper(place, "U0SAM", "Not you.", f"{double.origin}{reply}" if reply.startswith("/") else reply)
    (shown,) = double.ephemerals
    assert (shown["user"], shown["thread_ts"], shown["text"]) == ("U0SAM", place.thread, "Not you.")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "/invite"),
        ("is_archived", "Unarchive"),
        ("token_revoked", "SLACK_BOT_TOKEN"),
        ("something_new", "something_new"),
        ("<script>" * 99, "unreadable_answer|several times"),
    ],
)
def test_refusals_say_what_to_do(double: SlackDouble, chat: SlackChat, place: Place, code: str, hint: str) -> None:
    double.fail("chat.postMessage", Fault(error=code), times=9)
    with pytest.raises(DeputyError, match=hint) as caught:
        chat.say(place, "say:1", "Hello")
    assert "\n" not in str(caught.value)
    assert "<" not in str(caught.value)


def test_no_token_reaches_a_log(
    double: SlackDouble, place: Place, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat = build_chat(cast("ports.Store", store), bot_token="xoxb-secret-99", api_url=double.api_url)
    double.fail("chat.postMessage", Fault(cut=True), times=2)
    with pytest.raises(BadInput, match="SLACK_BOT_TOKEN") as caught:
        chat.say(place, "say:1", "Hello")
    assert "secret-99" not in caplog.text + str(caught.value) + repr(caught.value.__context__)


def test_the_posting_client_talks_to_the_same_slack(double: SlackDouble) -> None:
    client = build_client(BOT_TOKEN, double.api_url)
    twin = build_posting_client(client)
    assert (twin.base_url, twin.token, twin.timeout) == (client.base_url, client.token, client.timeout)


def test_a_users_token_is_refused(double: SlackDouble) -> None:
    with pytest.raises(BadInput, match="is empty"):
        identify(build_client("", double.api_url))
    with pytest.raises(BadInput, match="not an http"):
        build_client(BOT_TOKEN, "ftp://slack.example")


def test_no_proxy_is_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "slack.internal.example")
    assert build_client("t", "http://127.0.0.1:1/api").proxy is None
    assert build_client("t", "https://slack.internal.example/api").proxy is None
    assert build_client("t").proxy == "http://proxy.example:3128"
    assert is_direct("ws://localhost:9/link")
