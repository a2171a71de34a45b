"""The playground's Web API refuses what Slack refuses, in Slack's words, and fails on demand."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from deputy_playground.api.hooks import Hooks
from deputy_playground.driver import Playground
from deputy_playground.limits import Limits, Rates
from deputy_playground.wire import SlackError

UNLIMITED = Rates(posts_per_second=0, tiers=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Playground]:
    with Playground(tmp_path, rates=UNLIMITED) as playground:
        yield playground


@pytest.fixture
def web(site: Playground) -> WebClient:
    return WebClient(site.bot_token, base_url=site.api_url, retry_handlers=[])


def code_of(error: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(error.value.response["error"])


def post(url: str, body: bytes, **headers: str) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=named), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# ------------------------------------------------------------------------------------------------ who may call


@pytest.mark.parametrize(
    ("token", "method", "expected"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-nobody", "auth.test", "invalid_auth"),
        ("app", "auth.test", "not_allowed_token_type"),
        ("bot", "apps.connections.open", "not_allowed_token_type"),
        ("bot", "chat.shout", "unknown_method"),
    ],
)
def test_tokens_and_methods(site: Playground, token: str, method: str, expected: str) -> None:
    token = {"app": site.app_token, "bot": site.bot_token}.get(token, token)
    with pytest.raises(SlackApiError) as error:
        WebClient(token or None, base_url=site.api_url).api_call(method)
    assert code_of(error) == expected


def test_a_method_without_its_scope_says_which(tmp_path: Path) -> None:
    with Playground(tmp_path, scopes=["users:read"]) as site, pytest.raises(SlackApiError) as error:
        WebClient(site.bot_token, base_url=site.api_url).chat_postMessage(channel="C0SHOP", text="hello")
    assert code_of(error) == "missing_scope"
    assert error.value.response["needed"] == "chat:write"


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x-www-form-urlencoded"])
def test_bodies_may_be_json_or_a_form(site: Playground, kind: str) -> None:
    blocks = [{"type": "divider"}]
    body = (
        json.dumps({"channel": "C0SHOP", "text": "hi", "blocks": blocks})
        if "json" in kind
        else "channel=C0SHOP&text=hi&blocks=" + quote(json.dumps(blocks))
    )
    _, answer = post(
        site.api_url + "chat.postMessage",
        body.encode(),
        Authorization=f"Bearer {site.bot_token}",
        Content_Type=kind,
    )
    assert json.loads(answer)["message"]["blocks"][0]["type"] == "divider"


# ------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0LOUNGE", "text": "x"}, "not_in_channel"),
        ({"channel": "C0SHOP", "text": " "}, "no_text"),
        ({"channel": "C0SHOP", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0SHOP", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": "C0SHOP", "text": "x", "blocks": "nonsense"}, "invalid_blocks_format"),
        ({"channel": "C0SHOP", "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
def test_a_post_that_slack_refuses(web: WebClient, arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(SlackApiError) as error:
        web.api_call("chat.postMessage", json=arguments)
    assert code_of(error) == expected


def test_only_its_own_messages_can_be_updated(site: Playground, web: WebClient) -> None:
    human = site.say("U0ALICE", "C0SHOP", "mine")
    own = web.chat_postMessage(channel="C0SHOP", text="before")["ts"]
    for ts, text, expected in [
        (human, "stolen", "cant_update_message"),
        ("1.000001", "x", "message_not_found"),
        (own, "x" * 4_001, "msg_too_long"),
    ]:
        with pytest.raises(SlackApiError) as error:
            web.chat_update(channel="C0SHOP", ts=ts, text=text)
        assert code_of(error) == expected
    web.chat_update(channel="C0SHOP", ts=own, text="after")
    assert [message.text for message in site.messages("C0SHOP")] == ["mine", "after"]
    with pytest.raises(SlackApiError) as error:
        web.chat_delete(channel="C0SHOP", ts=human)
    assert code_of(error) == "cant_delete_message"


def test_an_update_keeps_what_it_does_not_name(site: Playground, web: WebClient) -> None:
    ts = web.chat_postMessage(channel="C0SHOP", text="fallback", blocks=[text_block(3)])["ts"]
    changed = web.api_call("chat.update", json={"channel": "C0SHOP", "ts": ts, "blocks": [text_block(4)]})
    assert (changed["text"], changed["message"]["blocks"][0]["text"]["text"]) == ("fallback", "xxxx")
    changed = web.chat_update(channel="C0SHOP", ts=ts, text="only words")
    assert (changed["text"], changed["message"]["blocks"]) == ("only words", [])


def text_block(size: int, kind: str = "section") -> dict[str, Any]:
    return {"type": kind, "text": {"type": "plain_text", "text": "x" * size}}


def button(**changes: Any) -> dict[str, Any]:
    whole = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}, "value": "v"}
    return {"type": "actions", "elements": [whole | changes]}


@pytest.mark.parametrize(
    ("blocks", "where"),
    [
        ([{"type": "divider"}] * 51, "/blocks"),
        ([text_block(3_001)], "/blocks/0/text/text"),
        ([text_block(0)], "/blocks/0/text/text"),
        ([text_block(151, "header")], "/blocks/0/text/text"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
        ([{"type": "section"}], "/blocks/0"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "/blocks/0/fields"),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2_001}]}], "/blocks/0/fields/0/text"),
        ([button(text={"type": "plain_text", "text": "x" * 76})], "/blocks/0/elements/0/text/text"),
        ([button(text={"type": "mrkdwn", "text": "x"})], "/blocks/0/elements/0/text/type"),
        ([button(value="x" * 2_001)], "/blocks/0/elements/0/value"),
        ([button(action_id="x" * 256)], "/blocks/0/elements/0/action_id"),
        ([button(style="loud")], "/blocks/0/elements/0/style"),
        ([button(confirm={"title": {"type": "plain_text", "text": "Sure?"}})], "/blocks/0/elements/0/confirm/text"),
        ([{"type": "actions", "elements": button()["elements"] * 2}], "/blocks/0/elements"),
        ([{"type": "actions", "elements": []}], "/blocks/0/elements"),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}], "/blocks/0/elements"),
        ([{"type": "image", "image_url": "https://example.com/a.png"}], "/blocks/0/alt_text"),
        ([{"type": "marquee"}], "/blocks/0/type"),
        ([{"type": "divider", "block_id": "one"}] * 2, "/blocks/1/block_id"),
    ],
)
def test_invalid_blocks_say_where(web: WebClient, blocks: list[dict[str, Any]], where: str) -> None:
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel="C0SHOP", text="x", blocks=blocks)
    assert code_of(error) == "invalid_blocks"
    assert any(f"[json-pointer:{where}]" in line for line in error.value.response["response_metadata"]["messages"])


def test_blocks_that_are_long_together(web: WebClient) -> None:
    whole = [text_block(3_000)] * 4
    web.chat_postMessage(channel="C0SHOP", text="x", blocks=[*whole, text_block(797)])
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel="C0SHOP", text="x", blocks=[*whole, text_block(798)])
    assert code_of(error) == "msg_blocks_too_long"


def test_replies_come_in_pages_and_show_metadata_only_when_asked(site: Playground, web: WebClient) -> None:
    root = site.say("U0ALICE", "C0SHOP", "root")
    metadata = {"event_type": "deputy_post", "event_payload": {"key": "k1"}}
    web.chat_postMessage(channel="C0SHOP", text="0", thread_ts=root, metadata=metadata)
    for number in range(1, 5):
        site.say("U0SAM", "C0SHOP", str(number), thread=root)
    pages = [page["messages"] for page in web.conversations_replies(channel="C0SHOP", ts=root, limit=2)]
    assert [[m["text"] for m in page] for page in pages] == [["root", "0"], ["1", "2"], ["3", "4"]]
    assert pages[0][0]["reply_count"] == 5
    assert "metadata" not in pages[0][1]
    full = web.conversations_replies(channel="C0SHOP", ts=root, include_all_metadata=True)
    assert full["messages"][1]["metadata"] == metadata
    history = web.conversations_history(channel="C0SHOP")
    assert [m["text"] for m in history["messages"]] == ["root"]


def test_ephemeral_messages_are_nobody_elses(site: Playground, web: WebClient) -> None:
    root = site.say("U0ALICE", "C0SHOP", "root")
    ts = web.chat_postEphemeral(channel="C0SHOP", user="U0ALICE", text="psst", thread_ts=root)["message_ts"]
    assert [m.text for m in site.thread("C0SHOP", root, "U0ALICE")] == ["root", "psst"]
    assert [m.text for m in site.thread("C0SHOP", root, "U0SAM")] == ["root"]
    assert len(web.conversations_replies(channel="C0SHOP", ts=root)["messages"]) == 1
    with pytest.raises(SlackApiError) as error:
        web.chat_update(channel="C0SHOP", ts=ts, text="loud")
    assert code_of(error) == "message_not_found"
    with pytest.raises(SlackApiError) as error:
        web.chat_postEphemeral(channel="C0GENERAL", user="U0GUS", text="psst")
    assert code_of(error) == "user_not_in_channel"


def test_people_have_the_flags_that_matter(web: WebClient) -> None:
    gus, xavier, dana, bot = (
        web.users_info(user=user)["user"] for user in ("U0GUS", "U0STRANGE", "U0DANA", "U0DEPUTY")
    )
    assert (gus["is_restricted"], gus["team_id"]) == (True, "T0ACME")
    assert (xavier["is_stranger"], xavier["team_id"]) == (True, "T0OTHER")
    assert dana["deleted"]
    assert bot["is_bot"]
    with pytest.raises(SlackApiError) as error:
        web.users_info(user="U0NOBODY")
    assert code_of(error) == "user_not_found"


def test_conversations(site: Playground, web: WebClient) -> None:
    assert web.conversations_open(users="U0SAM")["channel"]["id"] == "D0SAM"
    assert web.conversations_info(channel="C0SHOP")["channel"]["is_ext_shared"]
    assert "U0GUS" not in web.conversations_members(channel="C0GENERAL")["members"]
    ts = site.say("U0SAM", "C0SHOP", "look")
    assert web.chat_getPermalink(channel="C0SHOP", message_ts=ts)["permalink"] == f"{site.url}/#C0SHOP/{ts}"


def test_reactions(web: WebClient) -> None:
    ts = web.chat_postMessage(channel="C0SHOP", text="x")["ts"]
    web.reactions_add(channel="C0SHOP", timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError) as error:
        web.reactions_add(channel="C0SHOP", timestamp=ts, name="eyes")
    assert code_of(error) == "already_reacted"
    web.reactions_remove(channel="C0SHOP", timestamp=ts, name="eyes")


# ------------------------------------------------------------------------------------------------ files


def test_a_private_file_needs_the_token(web: WebClient, site: Playground) -> None:
    file = web.files_upload_v2(channel="C0SHOP", filename="a.txt", content="secret")["file"]
    full = web.files_info(file=file["id"])["file"]
    assert full["shares"]["public"]["C0SHOP"][0]["ts"] == site.messages("C0SHOP")[0].ts
    request = urllib.request.Request(full["url_private"], headers={"Authorization": f"Bearer {site.bot_token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.read() == b"secret"
    with urllib.request.urlopen(full["url_private"], timeout=5) as answer:
        assert b"secret" not in answer.read()


def test_uploads_that_do_not_add_up(web: WebClient) -> None:
    slot = web.files_getUploadURLExternal(filename="a.txt", length=3)
    assert post(slot["upload_url"], b"four") == (400, "length_mismatch")
    with pytest.raises(SlackApiError) as error:
        web.files_completeUploadExternal(files=[{"id": slot["file_id"], "title": "a"}], channel_id="C0SHOP")
    assert code_of(error) == "file_not_found"
    assert post(slot["upload_url"], b"abc") == (200, "OK - 3")
    with pytest.raises(SlackApiError) as error:
        web.files_completeUploadExternal(files=[{"id": slot["file_id"], "title": "a"}], channel_id="C0LOUNGE")
    assert code_of(error) == "not_in_channel"
    with pytest.raises(SlackApiError) as error:
        web.files_getUploadURLExternal(filename="a.txt", length=0)
    assert code_of(error) == "invalid_arguments"


# ------------------------------------------------------------------------------------------------ rates and trouble


def test_posts_are_limited_per_channel_and_the_sdk_can_wait(tmp_path: Path) -> None:
    with Playground(tmp_path, rates=Rates(posts_per_second=1, burst=2)) as site:
        web = WebClient(site.bot_token, base_url=site.api_url, retry_handlers=[])
        for _ in range(2):
            web.chat_postMessage(channel="C0SHOP", text="x")
        with pytest.raises(SlackApiError) as error:
            web.chat_postMessage(channel="C0SHOP", text="x")
        assert (error.value.response.status_code, error.value.response.headers["Retry-After"]) == (429, "1")
        web.chat_postMessage(channel="C0GENERAL", text="another channel")
        web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
        assert web.chat_postMessage(channel="C0SHOP", text="in the end")["ok"]


def test_buckets_refill_and_tell_how_long() -> None:
    now = [0.0]
    limits = Limits(Rates(posts_per_second=0.5, burst=1), lambda: now[0])
    assert limits.wait_for_post("C1") == 0
    assert limits.wait_for_post("C1") == 2
    now[0] = 2.0
    assert limits.wait_for_post("C1") == 0
    waits = [limits.wait_for_call("chat.update", 3) for _ in range(51)]
    assert waits[:50] == [0] * 50
    assert waits[50] > 0


def test_trouble_on_demand(site: Playground, web: WebClient) -> None:
    site.faults.plan("chat.postMessage", "ratelimited", seconds=7)
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel="C0SHOP", text="limited")
    assert error.value.response.headers["Retry-After"] == "7"
    site.faults.plan("chat.postMessage", "server_error")
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel="C0SHOP", text="broken")
    assert error.value.response.status_code == 500
    site.faults.plan("chat.postMessage", "error_code", code="fatal_error")
    with pytest.raises(SlackApiError) as error:
        web.chat_postMessage(channel="C0SHOP", text="refused")
    assert code_of(error) == "fatal_error"
    assert site.messages("C0SHOP") == []
    assert site.faults.calls["chat.postMessage"] == 3


@pytest.mark.parametrize(("trouble", "posted"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_breaks_before_or_after_the_work(
    site: Playground, web: WebClient, trouble: str, posted: int
) -> None:
    site.faults.plan("chat.postMessage", trouble)
    with pytest.raises((OSError, urllib.error.URLError)):
        web.chat_postMessage(channel="C0SHOP", text="x")
    assert len(site.messages("C0SHOP")) == posted
    web.chat_postMessage(channel="C0SHOP", text="next")


def test_a_slow_call_still_answers(site: Playground, web: WebClient) -> None:
    site.faults.plan("auth.test", "slow", seconds=0.3)
    before = time.monotonic()
    assert web.auth_test()["bot_id"] == "B0DEPUTY"
    assert time.monotonic() - before >= 0.3


# ------------------------------------------------------------------------------------------------ hooks


def test_a_trigger_is_good_once_for_three_seconds() -> None:
    now = [100.0]
    hooks = Hooks(lambda: now[0])
    first, second = hooks.trigger("U0SAM"), hooks.trigger("U0SAM")
    assert hooks.pull(first) == "U0SAM"
    with pytest.raises(SlackError, match="exchanged_trigger_id"):
        hooks.pull(first)
    now[0] += 3.1
    with pytest.raises(SlackError, match="expired_trigger_id"):
        hooks.pull(second)


def test_a_response_url_is_good_five_times_for_half_an_hour(site: Playground) -> None:
    url = f"{site.url}/actions/{site.site.hooks.reply('U0SAM', 'C0SHOP')}"
    body = json.dumps({"text": "again"}).encode()
    answers = [post(url, body, Content_Type="application/json")[0] for _ in range(6)]
    assert answers == [200] * 5 + [404]
    now = [0.0]
    hooks = Hooks(lambda: now[0])
    name = hooks.reply("U0SAM", "C0SHOP")
    now[0] = 1_801
    with pytest.raises(SlackError, match="expired_url"):
        hooks.use(name)


# ------------------------------------------------------------------------------------------------ doors


def test_only_the_page_itself_may_act_for_people(site: Playground) -> None:
    body = json.dumps({"user": "U0SAM", "channel": "C0SHOP", "text": "forged"}).encode()
    assert post(f"{site.url}/page/say", body, Origin="https://evil.example")[0] == 403
    assert post(f"{site.url}/page/say", body, Host="evil.example")[0] == 400
    assert site.messages("C0SHOP") == []
    assert post(f"{site.url}/page/say", body, Origin=site.url)[0] == 200


def test_people_may_write_only_where_they_are(site: Playground) -> None:
    for user, channel, expected in [
        ("U0GUS", "C0GENERAL", "not_in_channel"),
        ("U0DANA", "C0SHOP", "account_inactive"),
        ("U0NOBODY", "C0SHOP", "user_not_found"),
        ("U0ALICE", "C0NONE", "channel_not_found"),
    ]:
        with pytest.raises(SlackError, match=expected):
            site.say(user, channel, "hello")
