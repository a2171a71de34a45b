"""A Slack user record as a person. What it doesn't say counts against them."""

from deputy.adapters.slack.events import SLACKBOT
from deputy.adapters.slack.identity import Identity
from deputy.domain.errors import NotFound
from deputy.domain.people import Actor, Person


def read_person(user: object, actor: Actor, home: Identity) -> Person:
    """The person whom ``users.info`` described; ``NotFound`` when the record isn't about this user."""
    if not isinstance(user, dict) or user.get("id") != actor.user:
        raise NotFound("there is no such Slack user", "", "ask a workspace admin")
    return Person(
        actor=actor,
        name=_name(user) or actor.user,
        is_bot=any(user.get(flag) is True for flag in ("is_bot", "is_workflow_bot")) or actor.user == SLACKBOT,
        is_guest=any(user.get(flag) is True for flag in ("is_restricted", "is_ultra_restricted")),
        is_stranger=user.get("is_stranger") is True or not _is_from_here(user, actor, home),
        is_deactivated=user.get("deleted") is True,
    )


def _is_from_here(user: dict[str, object], actor: Actor, home: Identity) -> bool:
    grid = user.get("enterprise_user")
    enterprise = grid.get("enterprise_id") if isinstance(grid, dict) else user.get("enterprise_id")
    if home.enterprise and enterprise == home.enterprise:
        return actor.team == home.team or home.is_org_wide or actor.enterprise == home.enterprise
    return actor.team == home.team and user.get("team_id", home.team) == home.team


def _name(user: dict[str, object]) -> str:
    profile = user.get("profile")
    inner = profile if isinstance(profile, dict) else {}
    names = (user.get("real_name"), inner.get("real_name"), inner.get("display_name"), user.get("name"))
    return next((name for name in names if isinstance(name, str) and name.strip()), "")
