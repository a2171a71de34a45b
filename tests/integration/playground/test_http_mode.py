"""HTTP mode against a real Bolt app: signatures that verify, retries, answers to commands."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_bolt import App, BoltResponse
from slack_bolt.app.app import SlackAppDevelopmentServer
from slack_sdk import WebClient

from deputy_playground.api.socket_mode import Patience
from deputy_playground.driver import Playground
from deputy_playground.wire import SlackError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(tmp_path: Path, port: int) -> Iterator[Playground]:
    url = f"http://127.0.0.1:{port}/slack/events"
    patience = Patience(ack=1.0, retries=(0.2, 0.2, 1.0, 2.0))
    with Playground(tmp_path, request_url=url, patience=patience) as playground:
        yield playground


def serve(app: App, port: int) -> None:
    server = SlackAppDevelopmentServer(port=port, path="/slack/events", app=app)
    threading.Thread(target=server.start, daemon=True).start()


def test_signed_requests_reach_bolt_and_come_again_when_nobody_answers(site: Playground, port: int) -> None:
    got: list[tuple[str, str, str]] = []
    app = App(client=WebClient(site.bot_token, base_url=site.api_url), signing_secret=site.signing_secret)

    @app.middleware
    def first_time_fails(request, next):  # noqa: A002 - Bolt's name
        if "event" not in request.body:
            return next()
        number, reason = (request.headers.get(f"x-slack-retry-{name}", [""])[0] for name in ("num", "reason"))
        got.append((request.body["event"]["text"], number, reason))
        return next() if number else BoltResponse(status=500)

    app.event("message")(lambda: None)
    app.command("/deputy")(lambda ack, command: ack(f"You said {command['text']}"))

    with pytest.raises(SlackError, match="dispatch_failed"):
        site.command("U0ALICE", "C0SHOP", "/deputy nobody is there yet")
    serve(app, port)
    site.wait_for(lambda: site.command("U0ALICE", "C0SHOP", "/deputy status"), 5)
    site.say("U0ALICE", "C0SHOP", "hello")
    site.wait_for(lambda: len(got) == 2, 10)
    assert got == [("hello", "", ""), ("hello", "1", "http_error")]
    assert site.command("U0ALICE", "C0SHOP", "/deputy status") == "You said status"


def test_bolt_refuses_a_wrong_signature(site: Playground, port: int) -> None:
    app = App(client=WebClient(site.bot_token, base_url=site.api_url), signing_secret="another")
    serve(app, port)
    with pytest.raises(SlackError, match="dispatch_failed"):
        site.wait_for(lambda: site.command("U0ALICE", "C0SHOP", "/deputy status"), 5)
