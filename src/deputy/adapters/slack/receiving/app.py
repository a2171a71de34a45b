"""The Bolt app: every payload becomes values in the inbox, and only then is acknowledged."""

import re
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

import structlog
from slack_bolt import Ack, App, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from deputy import ports
from deputy.adapters.slack.client import quiet_logger
from deputy.adapters.slack.events import Payload, read_clicks, read_command, read_edit, read_message
from deputy.adapters.slack.identity import Identity
from deputy.adapters.slack.posting.replies import reply_to
from deputy.domain.errors import DeputyError
from deputy.domain.tasks.request import Incoming

ACCEPTED: Final = 200
NOT_ACCEPTED: Final = 503
MALFORMED: Final = 400
# Nobody listens to it, or Bolt stumbled over a malformed payload: sending it again would change nothing.
POINTLESS: Final = frozenset({404, 500})
EVERYTHING: Final = re.compile(r".*", re.DOTALL)
TRY_AGAIN: Final = "Deputy could not write this down just now, so nothing was done. Please try again in a minute."

log = structlog.get_logger("deputy.slack")


def build_app(
    inbox: ports.Inbox, home: Identity, clock: ports.Clock, *, signing_secret: str | None, background: Executor
) -> App:
    """An app that acknowledges after the inbox has committed, and answers 503 (so that Slack redelivers) otherwise.

    No Web API call happens before the acknowledgement: who we are is known already, and sentences for people go
    through ``background``.
    """
    app = App(
        client=WebClient(logger=quiet_logger("bolt.web")),
        authorize=lambda: AuthorizeResult(
            enterprise_id=home.enterprise, team_id=home.team, bot_id=home.bot, bot_user_id=home.user
        ),
        signing_secret=signing_secret or "unused in Socket Mode",
        # Listeners run before the answer goes out: it must not be given before the commit.
        process_before_response=True,
        token_verification_enabled=False,
        ignoring_self_events_enabled=False,
        logger=quiet_logger("bolt"),
    )
    _listen_to_events(app, inbox, home, clock)
    _listen_to_people(app, inbox, home, clock, background)
    return app


def dispatch(app: App, **request: Any) -> BoltResponse:
    """Bolt's answer to a ``BoltRequest`` of these arguments, with 200 for what nobody can use."""
    try:
        incoming = BoltRequest(**request)
    except (ValueError, TypeError, AttributeError, LookupError):
        # Bolt looks into the body before it looks at the signature. What it stumbles over there isn't Slack's.
        return BoltResponse(status=MALFORMED, body="")
    answer = app.dispatch(incoming)
    if answer.status in POINTLESS:
        log.warning("slack:unusable", status=answer.status)
        return BoltResponse(status=ACCEPTED, body="")
    return answer


def _listen_to_events(app: App, inbox: ports.Inbox, home: Identity, clock: ports.Clock) -> None:
    def take(body: Payload) -> None:
        incoming = read_message(body, home, inbox.knows_thread, clock.now())
        if incoming is not None:
            inbox.accept(incoming)
        elif (edit := read_edit(body, home)) is not None:
            inbox.note_edit(edit.channel, edit.message, edit.actor, clock.now())

    def on_message(body: dict[str, Any]) -> BoltResponse:
        return _answer(lambda: take(body), "event")

    app.event("app_mention")(on_message)
    app.event("message")(on_message)
    # Whatever else the app happens to be subscribed to: an unanswered event would only be sent again.
    app.event(EVERYTHING)(lambda ack: ack())


def _listen_to_people(app: App, inbox: ports.Inbox, home: Identity, clock: ports.Clock, background: Executor) -> None:
    def on_click(ack: Ack, body: dict[str, Any]) -> BoltResponse:
        def take() -> None:
            for click in read_clicks(body, home, clock.now()):
                inbox.accept(click)

        sorry = _attempt(take, "click")
        if sorry and (url := body.get("response_url")):
            background.submit(reply_to, str(url), sorry)
        return ack()

    def on_command(ack: Ack, body: dict[str, Any]) -> BoltResponse:
        incoming = read_command(body, home, clock.now())
        return ack(_attempt(lambda: _accept(inbox, incoming), "command"))

    app.action(EVERYTHING)(on_click)
    app.command(EVERYTHING)(on_command)
    for other in (app.shortcut, app.view, app.view_closed, app.options):
        other(EVERYTHING)(lambda ack: ack())


def _accept(inbox: ports.Inbox, incoming: Incoming | None) -> None:
    if incoming is not None:
        inbox.accept(incoming)


def _answer(take: Callable[[], None], what: str) -> BoltResponse:
    return BoltResponse(status=NOT_ACCEPTED if _attempt(take, what) else ACCEPTED, body="")


def _attempt(take: Callable[[], None], what: str) -> str:
    """Run it; an empty string, or the sentence for the person when it failed.

    This is the listener's boundary: whatever the inbox raises ends here, as one line without the payload.
    """
    try:
        take()
    except DeputyError as error:
        log.warning("slack:not-accepted", what=what, error=type(error).__name__, why=str(error))
        return str(error)
    except Exception as error:  # noqa: BLE001 - the boundary named in the docstring
        log.error("slack:not-accepted", what=what, error=type(error).__name__)  # noqa: TRY400 - no traceback
        return TRY_AGAIN
    return ""
