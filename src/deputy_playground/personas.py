"""Who is in the workspace and where they talk. The ids are the ones that demo and tests use everywhere."""

from dataclasses import dataclass

from deputy_playground.wire import Json

TEAM = "T0ACME"
TEAM_NAME = "Acme"
TEAM_DOMAIN = "acme"
OTHER_TEAM = "T0OTHER"
BOT_USER = "U0DEPUTY"
BOT_ID = "B0DEPUTY"
APP_ID = "A0DEPUTY"


@dataclass(frozen=True)
class Persona:
    """A person one can be on the page. ``hint`` is a word about them; ``hue`` (0 to 359) colours their picture."""

    id: str
    name: str
    handle: str
    hint: str
    hue: int
    team: str = TEAM
    guest: bool = False
    deleted: bool = False
    bot: bool = False

    @property
    def is_stranger(self) -> bool:
        """Whether they come from another organisation, by Slack Connect."""
        return self.team != TEAM

    def as_user(self) -> Json:
        """What ``users.info`` says of them."""
        user: Json = {
            "id": self.id,
            "team_id": self.team,
            "name": self.handle,
            "deleted": self.deleted,
            "profile": {
                "real_name": self.name,
                "real_name_normalized": self.name,
                "display_name": self.handle,
                "display_name_normalized": self.handle,
                "title": self.hint,
                "team": self.team,
                "status_text": "",
                "status_emoji": "",
            },
            "is_bot": self.bot,
            "is_app_user": False,
            "updated": 1_760_000_000,
        }
        if self.bot:
            user["profile"] |= {"api_app_id": APP_ID, "bot_id": BOT_ID, "always_active": True}
        if self.deleted:
            return user
        user |= {"real_name": self.name, "tz": "Europe/London", "tz_label": "Greenwich Mean Time", "tz_offset": 0}
        roles = ("is_admin", "is_owner", "is_primary_owner", "is_restricted", "is_ultra_restricted")
        user |= dict.fromkeys(roles, False) | {"is_email_confirmed": True, "color": "4bbe2e"}
        user["is_restricted"] = self.guest
        if self.is_stranger:
            user["is_stranger"] = True
        return user


@dataclass(frozen=True)
class Channel:
    """A channel or a direct conversation with the bot. ``shared`` means that another organisation is in it too."""

    id: str
    name: str
    topic: str
    members: tuple[str, ...]
    shared: bool = False
    with_user: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether it is a direct conversation."""
        return bool(self.with_user)

    @property
    def kind(self) -> str:
        """The ``channel_type`` of message events."""
        return "im" if self.is_direct else "channel"

    def as_conversation(self) -> Json:
        """What ``conversations.info`` says of it."""
        if self.is_direct:
            return {
                "id": self.id,
                "created": 1_760_000_000,
                "is_im": True,
                "is_org_shared": False,
                "user": self.with_user,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": 1_760_000_000,
            "creator": "U0SAM",
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_archived": False,
            "is_general": self.id == "C0GENERAL",
            "is_shared": self.shared,
            "is_ext_shared": self.shared,
            "is_org_shared": False,
            "is_member": BOT_USER in self.members,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "U0SAM", "last_set": 1_760_000_000},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "context_team_id": TEAM,
        }


CAST = (
    Persona("U0ALICE", "Alice Marsh", "alice", "Engineer", 262),
    Persona("U0SAM", "Sam Okafor", "sam", "Senior engineer", 158),
    Persona("U0CORA", "Cora Lind", "cora", "Compliance", 22),
    Persona("U0GUS", "Gus Hill", "gus", "Guest", 42, guest=True),
    Persona("U0STRANGE", "Xavier Stone", "xavier", "From another company", 330, team=OTHER_TEAM),
    Persona("U0DANA", "Dana Reyes", "dana", "Deactivated", 210, deleted=True),
    Persona(BOT_USER, "Deputy", "deputy", "App", 215, bot=True),
)
_STAFF = ("U0ALICE", "U0SAM", "U0CORA", "U0DANA")
CHANNELS = (
    Channel(
        "C0SHOP", "shop-dev", "The shop: code, reviews, deploys", (*_STAFF, "U0GUS", "U0STRANGE", BOT_USER), shared=True
    ),
    Channel("C0GENERAL", "general", "Company-wide announcements", (*_STAFF, BOT_USER)),
    Channel("C0LOUNGE", "lounge", "Off topic. Deputy is not in here.", _STAFF),
)


def direct_channel(persona: Persona) -> Channel:
    """The direct conversation of this person and the bot."""
    return Channel(f"D0{persona.id.removeprefix('U0')}", "", "", (persona.id, BOT_USER), with_user=persona.id)
