"""What Slack's errors mean, as one sentence each. Never carries a token or a response body."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Final

from slack_sdk.errors import SlackApiError, SlackClientError

from deputy.domain.errors import BadInput, DeputyError, NotFound, Unavailable

TOKEN_ERRORS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)
TRANSIENT_ERRORS: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited"}
)
UNKNOWN_USER: Final = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
HINTS: Final = {
    "not_in_channel": "invite the bot with /invite in that channel",
    "channel_not_found": "invite the bot with /invite in that channel, or check that it still exists",
    "is_archived": "unarchive the channel or ask in another one",
    "restricted_action": "ask a workspace admin to let apps post there",
    "thread_not_found": "the message that started the thread was deleted: ask again in a new message",
    "msg_too_long": "shorten the text",
    "invalid_blocks": "report this as a fault of Deputy",
    "user_not_in_channel": "the person has to join the channel first",
}
NOT_THERE: Final = 404
TOO_MANY: Final = 429
SERVER_ERROR: Final = 500
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")
_SCOPES: Final = re.compile(r"[a-z0-9_.:, -]{1,200}")


@contextmanager
def slack_errors(doing: str, token_variable: str = "SLACK_BOT_TOKEN") -> Iterator[None]:  # noqa: S107 - a name
    """Turn whatever the SDK raises while ``doing`` something into a ``DeputyError``."""
    try:
        yield
    except SlackApiError as error:
        raise explain(error, doing, token_variable) from None
    except (SlackClientError, OSError, HTTPException, ValueError) as error:
        raise Unavailable(
            f"Slack can't be reached while {doing}",
            type(error).__name__,
            "check the network, SLACK_API_URL and Slack's status page; Deputy tries again by itself",
        ) from None


def code_of(error: SlackApiError) -> str:
    """Slack's error code, or ``unreadable_answer``."""
    code = error.response.get("error") if error.response is not None else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unreadable_answer"


def is_ambiguous(error: SlackApiError) -> bool:
    """Whether the call may have taken effect in spite of the error."""
    status = _status(error)
    if status == TOO_MANY:
        return False  # this one says that nothing was done
    return status >= SERVER_ERROR or code_of(error) in TRANSIENT_ERRORS | {"unreadable_answer"}


def is_no_slack(error: SlackApiError) -> bool:
    """Whether something answered that has no such page, and isn't Slack."""
    return _status(error) == NOT_THERE and code_of(error) == "unreadable_answer"


def explain(error: SlackApiError, doing: str, token_variable: str = "SLACK_BOT_TOKEN") -> DeputyError:  # noqa: S107
    """Slack's refusal as the error that tells people what to do."""
    code = code_of(error)
    if code in TOKEN_ERRORS:
        todo = f"check {token_variable} and that the app is still installed in the workspace"
        return BadInput(f"Slack does not accept the token in {token_variable}", code, todo)
    if code == "missing_scope":
        return BadInput(f"the token in {token_variable} lacks a scope for {doing}", _needed(error), _REINSTALL)
    if code in UNKNOWN_USER:
        return NotFound("there is no such Slack user", code)
    if is_no_slack(error):
        return BadInput(f"Slack's API was not found while {doing}", "", "check SLACK_API_URL (Slack's ends with /api/)")
    if _status(error) == TOO_MANY or is_ambiguous(error):
        return Unavailable(f"Slack has trouble while {doing}", code, "Deputy tries again by itself")
    return BadInput(f"Slack refused {doing}", code, HINTS.get(code, "look the code up in Slack's API reference"))


_REINSTALL: Final = "add it under OAuth & Permissions (see deploy/slack-manifest.yaml) and reinstall the app"


def _needed(error: SlackApiError) -> str:
    needed = error.response.get("needed")
    return needed if isinstance(needed, str) and _SCOPES.fullmatch(needed) else "missing_scope"


def _status(error: SlackApiError) -> int:
    response = error.response
    # The SDK keeps an answer that isn't JSON as a plain dict.
    status = response.get("status") if isinstance(response, dict) else getattr(response, "status_code", 200)
    return status if isinstance(status, int) else 200
