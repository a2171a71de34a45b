"""Who the bot is in its workspace."""

from dataclasses import dataclass

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from deputy.adapters.slack.errors import is_no_slack, slack_errors
from deputy.domain.errors import BadInput


@dataclass(frozen=True)
class Identity:
    """The workspace and the bot's ids there. ``is_org_wide`` for an app installed on a whole enterprise."""

    team: str
    user: str
    bot: str
    enterprise: str | None = None
    is_org_wide: bool = False


def identify(client: WebClient) -> Identity:
    """Ask Slack whose token this is. ``BadInput`` for a wrong token, ``Unavailable`` when Slack can't be reached.

    An address that was given without its ``/api`` is completed in the client.
    """
    if not client.token:
        raise BadInput("SLACK_BOT_TOKEN is empty", "", "set it to the app's bot token (it starts with xoxb-)")
    with slack_errors("checking the bot token"):
        answer = _ask(client)
    identity = Identity(
        team=str(answer.get("team_id") or answer.get("enterprise_id") or ""),
        user=str(answer.get("user_id") or ""),
        bot=str(answer.get("bot_id") or ""),
        enterprise=answer.get("enterprise_id") or None,
        is_org_wide=bool(answer.get("is_enterprise_install")),
    )
    if not (identity.team and identity.user):
        raise BadInput("Slack does not say whose token SLACK_BOT_TOKEN is", "", "check SLACK_API_URL")
    if client.token.startswith("xoxp-"):
        raise BadInput("SLACK_BOT_TOKEN is not a bot's token", "", "use the bot token (it starts with xoxb-)")
    return identity


def _ask(client: WebClient) -> SlackResponse:
    try:
        return client.auth_test()
    except SlackApiError as error:
        if not is_no_slack(error) or client.base_url.endswith("/api/"):
            raise
    client.base_url += "api/"
    return client.auth_test()
