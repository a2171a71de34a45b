"""Who acts: Slack's ids, and what is looked up of a person."""

from deputy.domain.identifiers import Subject
from deputy.domain.value import Value


class Actor(Value):
    """Who acts, by Slack's ids only (a display name is never an identity)."""

    team: str
    user: str
    enterprise: str | None = None

    @property
    def subject(self) -> Subject:
        """The name that policy lines use, for example ``user:T1/U_ALICE``."""
        return Subject(f"user:{self.team}/{self.user}")


class Person(Value):
    """A Slack user as looked up at this moment. ``name`` is for showing, never for deciding."""

    actor: Actor
    name: str
    is_bot: bool = False
    is_guest: bool = False
    is_stranger: bool = False
    is_deactivated: bool = False

    @property
    def ineligibility(self) -> str | None:
        """Why this person may neither ask nor vote, or None when they may."""
        reasons = {
            "a bot": self.is_bot,
            "deactivated": self.is_deactivated,
            "from another workspace": self.is_stranger,
            "a guest": self.is_guest,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)
