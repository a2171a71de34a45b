"""Policy's vocabulary and its answer: effects, actions, requirements, decisions."""

from enum import StrEnum

from deputy.domain.policy.conditions import ConditionResult
from deputy.domain.value import Value


class Effect(StrEnum):
    """What policy says. Only ``ALLOW`` and a satisfied ``REVIEW`` let anything happen."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Action(StrEnum):
    """What a policy line can speak of."""

    REQUEST = "request"
    RUN = "run"
    READ = "read"
    EDIT = "edit"
    ADD_DEPENDENCY = "add-dependency"
    CHANGE_CI = "change-ci"
    CHANGE_PUBLIC_API = "change-public-api"
    USE_NETWORK = "use-network"
    APPROVE = "approve"
    DELIVER = "deliver"
    QUERY_AUDIT = "query-audit"
    EXPORT_AUDIT = "export-audit"
    MANAGE_SCHEDULE = "manage-schedule"
    BREAK_GLASS = "break-glass"


class ApprovalRequirement(Value):
    """``count`` distinct people who hold ``role`` (for example ``role:senior``)."""

    role: str
    count: int = 1

    @property
    def title(self) -> str:
        """The role as people say it: ``senior``."""
        return self.role.removeprefix("role:")


class RuleRef(Value):
    """A policy line that decided: its id, effect, where it stands, and how its condition stood if it has one.

    ``file`` is ``policy.csv``, or ``.deputy/policy.toml`` for a repository's own rule.
    """

    id: str
    effect: Effect
    line: int = 0
    text: str = ""
    held: ConditionResult | None = None
    file: str = "policy.csv"


class PathDecision(Value):
    """Policy's answer for one path, with every rule that matched it. The condition of ``idle`` ones did not hold."""

    path: str
    effect: Effect
    rules: tuple[RuleRef, ...] = ()
    idle: tuple[RuleRef, ...] = ()


class Decision(Value):
    """Policy's answer: the effect, the rules that decided, what review it needs, and per path why.

    ``rules`` is empty when nothing matched, which refuses (default deny). ``policy`` is the bundle's digest.
    """

    effect: Effect
    action: Action
    subject: str
    repo: str
    policy: str
    rules: tuple[RuleRef, ...] = ()
    needs: tuple[ApprovalRequirement, ...] = ()
    paths: tuple[PathDecision, ...] = ()
    reason: str = ""
    counter_offer: str = ""


class Severity(StrEnum):
    """What a finding does: inform, ask for review, or stop the patch."""

    ADVISE = "advise"
    REVIEW = "review"
    DENY = "deny"

    @classmethod
    def _missing_(cls, value: object) -> "Severity | None":
        # Reports and policies of the first version say "note".
        return cls.ADVISE if value == "note" else None
