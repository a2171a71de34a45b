"""The page in a real browser: write as Alice, click as Sam, read what came."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient

from deputy_playground.driver import Playground
from deputy_playground.limits import Rates

pytestmark = pytest.mark.browser
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATCH = "--- a/cart.py\n+++ b/cart.py\n@@ -1 +1 @@\n-import os, sys\n+import os\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium on the PATH")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Playground]:
    with Playground(tmp_path, rates=Rates(posts_per_second=0, tiers=False)) as playground:
        yield playground


@pytest.fixture
def web(site: Playground) -> WebClient:
    return WebClient(site.bot_token, base_url=site.api_url)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(8_000)
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def app(site: Playground, web: WebClient) -> Iterator[App]:
    """A small app: answers a mention with a card, and an approval with an update."""
    app = App(client=web)

    @app.event("app_mention")
    def mention(event, client):
        client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="Please sign off", blocks=card())

    @app.action("approve")
    def approve(ack, body, client):
        ack()
        text = f"Approved by <@{body['user']['id']}>"
        section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=text, blocks=[section])

    app.event("message")(lambda: None)
    app.command("/deputy")(lambda ack, command: ack(f"Nothing *{command['text']}* runs."))
    handler = SocketModeHandler(app, site.app_token, web_client=WebClient(base_url=site.api_url))
    handler.connect()
    site.wait_connected(5)
    yield app
    handler.close()


def card() -> list[dict[str, object]]:
    words = {
        "title": {"type": "plain_text", "text": "Approve?"},
        "text": {"type": "mrkdwn", "text": "Approve patch *3fa9c1*?"},
        "confirm": {"type": "plain_text", "text": "Yes, approve"},
        "deny": {"type": "plain_text", "text": "Go back"},
    }
    button = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "k"}
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "Please sign off"}},
        {"type": "actions", "elements": [button | {"style": "primary", "confirm": words}]},
    ]


def be(page: Page, name: str) -> None:
    page.locator("#you > button").click()
    page.get_by_role("menuitem", name=name).click()
    expect(page.locator("#you > button")).to_contain_text(name)


@pytest.mark.usefixtures("app")
def test_a_request_is_written_answered_and_approved(site: Playground, page: Page) -> None:
    page.goto(f"{site.url}/?as=U0ALICE#C0SHOP")
    page.get_by_label("Message #shop-dev").fill("@Deputy can you just fix the lint in `shop`?")
    page.keyboard.press("Enter")
    expect(page.locator("#room-list .mention")).to_have_text("@Deputy")
    page.get_by_role("button", name=re.compile("1 reply")).click()
    expect(page.locator("#thread h3")).to_have_text("Please sign off")

    be(page, "Sam Okafor")
    page.locator("#thread").get_by_role("button", name="Approve").click()
    expect(page.locator("dialog")).to_contain_text("Approve patch 3fa9c1?")
    page.get_by_role("button", name="Go back").click()
    page.locator("#thread").get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Yes, approve").click()
    expect(page.locator("#thread")).to_contain_text("Approved by @Sam Okafor")
    root = site.messages("C0SHOP")[0]
    assert [message.user for message in site.thread("C0SHOP", root.ts)] == ["U0ALICE", "U0DEPUTY"]


@pytest.mark.usefixtures("app")
def test_a_command_is_answered_to_one_person_only(site: Playground, page: Page) -> None:
    page.goto(f"{site.url}/?as=U0CORA#C0SHOP")
    box = page.get_by_label("Message #shop-dev")
    box.fill("/deputy status")
    page.keyboard.press("Enter")
    expect(page.locator(".whisper")).to_contain_text("Only visible to you")
    expect(page.locator(".whisper .body")).to_have_text("Nothing status runs.")
    be(page, "Alice Marsh")
    expect(page.locator(".whisper")).to_have_count(0)


def test_without_deputy_a_click_says_so(site: Playground, web: WebClient, page: Page) -> None:
    ts = site.say("U0ALICE", "C0SHOP", "root")
    web.chat_postMessage(channel="C0SHOP", thread_ts=ts, text="card", blocks=card())
    page.goto(f"{site.url}/?as=U0SAM#C0SHOP/{ts}")
    page.locator("#thread").get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Yes, approve").click()
    expect(page.locator(".toast")).to_contain_text("Deputy is not connected")


def test_news_arrive_by_themselves_and_markup_stays_text(site: Playground, web: WebClient, page: Page) -> None:
    page.goto(f"{site.url}/?as=U0ALICE#C0SHOP")
    expect(page.locator(".empty")).to_be_visible()
    evil = '<img src=x onerror="document.title=1"> <https://example.com|*safe*> `&lt;b&gt;`'
    web.chat_postMessage(channel="C0SHOP", text=evil.replace("<img", "&lt;img", 1).replace('1">', '1"&gt;', 1))
    message = page.locator("#room-list .message .body")
    expect(message).to_contain_text('<img src=x onerror="document.title=1">')
    expect(message.locator("img")).to_have_count(0)
    expect(message.locator("a")).to_have_attribute("href", "https://example.com")
    site.say("U0SAM", "C0GENERAL", "elsewhere")
    expect(page.locator("#side .unread")).to_contain_text("general")


def test_files_open_in_place(site: Playground, web: WebClient, page: Page) -> None:
    uploads = [
        {"filename": "fix.patch", "content": PATCH, "title": "The patch"},
        {"filename": "evidence.json", "content": json.dumps({"passed": 38}), "title": "Evidence"},
    ]
    web.files_upload_v2(channel="C0SHOP", initial_comment="Done.", file_uploads=uploads)
    page.goto(f"{site.url}/?as=U0ALICE#C0SHOP")
    page.get_by_role("button", name="The patch").click()
    expect(page.locator(".preview .add")).to_have_text("+import os")
    expect(page.locator(".preview .del")).to_have_text("-import os, sys")
    page.get_by_role("button", name="Evidence").click()
    expect(page.locator(".preview .number")).to_have_text("38")


def test_people_without_a_voice(site: Playground, page: Page) -> None:
    page.goto(f"{site.url}/?as=U0DANA#C0SHOP")
    expect(page.locator(".locked")).to_contain_text("deactivated")
    be(page, "Xavier Stone")
    expect(page.locator("#side")).not_to_contain_text("general")


def test_the_export_stands_alone(site: Playground, web: WebClient, page: Page, tmp_path: Path) -> None:
    root = site.say("U0ALICE", "C0SHOP", "</script><b>a root</b>")
    web.files_upload_v2(channel="C0SHOP", thread_ts=root, filename="fix.patch", content=PATCH)
    web.chat_postEphemeral(channel="C0SHOP", thread_ts=root, user="U0SAM", text="psst")
    target = site.export_html(tmp_path / "threads.html")
    assert "only visible to Sam Okafor" in site.export_text()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(target.as_uri())
    expect(page.locator("article")).to_contain_text("</script><b>a root</b>")
    expect(page.locator("article .preview .add")).to_have_text("+import os")
    expect(page.locator("article")).to_contain_text("Only visible to Sam Okafor")
    assert requests == [target.as_uri()]


def test_news_leave_the_focus_where_it_is(site: Playground, web: WebClient, page: Page) -> None:
    root = site.say("U0ALICE", "C0SHOP", "root")
    web.chat_postMessage(channel="C0SHOP", thread_ts=root, text="card", blocks=card())
    page.goto(f"{site.url}/?as=U0SAM#C0SHOP/{root}")
    button = page.locator("#thread").get_by_role("button", name="Approve")
    button.focus()
    site.say("U0GUS", "C0SHOP", "and another thing", thread=root)
    expect(page.locator("#thread")).to_contain_text("and another thing")
    expect(button).to_be_focused()


def test_a_modal_is_filled_in(site: Playground, app: App, page: Page) -> None:
    given: list[str] = []

    @app.action("decline")
    def decline(ack, body, client):
        ack()
        element = {"type": "plain_text_input", "action_id": "text", "multiline": True}
        label = {"type": "plain_text", "text": "Why?"}
        client.views_open(
            trigger_id=body["trigger_id"],
            view={
                "type": "modal",
                "callback_id": "why",
                "title": {"type": "plain_text", "text": "Decline"},
                "submit": {"type": "plain_text", "text": "Send"},
                "blocks": [{"type": "input", "block_id": "reason", "label": label, "element": element}],
            },
        )

    @app.view("why")
    def why(ack, view):
        reason = view["state"]["values"]["reason"]["text"]["value"]
        given.append(reason)
        ack() if reason == "Too broad" else ack(response_action="errors", errors={"reason": "Say more."})

    button = {"type": "button", "action_id": "decline", "text": {"type": "plain_text", "text": "Decline"}, "value": "k"}
    app.client.chat_postMessage(channel="C0SHOP", text="card", blocks=[{"type": "actions", "elements": [button]}])
    page.goto(f"{site.url}/?as=U0SAM#C0SHOP")
    page.get_by_role("button", name="Decline").click()
    page.get_by_label("Why?").fill("no")
    page.locator("dialog").get_by_role("button", name="Send").click()
    expect(page.locator("dialog .wrong")).to_have_text("Say more.")
    page.get_by_label("Why?").fill("Too broad")
    page.locator("dialog").get_by_role("button", name="Send").click()
    expect(page.locator("dialog")).to_be_hidden()
    assert given == ["no", "Too broad"]


def test_one_edits_ones_own_words_only(site: Playground, page: Page) -> None:
    site.say("U0ALICE", "C0SHOP", "@Deputy fix `this` & <that>, https://example.com")
    site.say("U0SAM", "C0SHOP", "not yours")
    page.goto(f"{site.url}/?as=U0ALICE#C0SHOP")
    page.locator("#room-list .message").first.hover()
    expect(page.get_by_role("button", name="Edit")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    box = page.get_by_label("Edit message")
    expect(box).to_have_value("@Deputy fix `this` & <that>, https://example.com")
    box.fill("@Deputy fix the other")
    box.press("Enter")
    expect(page.locator("#room-list .message").first).to_contain_text("@Deputy fix the other (edited)")
    assert site.messages("C0SHOP")[0].raw["text"] == "<@U0DEPUTY> fix the other"


def test_a_command_that_does_not_exist(site: Playground, page: Page) -> None:
    page.goto(f"{site.url}/?as=U0ALICE#C0SHOP")
    page.get_by_label("Message #shop-dev").fill("/depty status")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("/depty is not a command here")
    expect(page.get_by_label("Message #shop-dev")).to_have_value("/depty status")
