"""The values that rooms hand to each other. All are immutable and round-trip through JSON."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from deputy.domain.holding import Held as Held  # noqa: PLC0414 - offered here, too
from deputy.domain.scans import Scan as Scan  # noqa: PLC0414 - offered here, too
from deputy.domain.status import TaskStatus
from deputy.domain.value import Value as Value  # noqa: PLC0414 - offered here, too


class Actor(Value):
    """Who acts, by Slack's ids only (a display name is never an identity)."""

    team: str
    user: str
    enterprise: str | None = None

    @property
    def subject(self) -> str:
        """The name that policy lines use, for example ``user:T1/U_ALICE``."""
        return f"user:{self.team}/{self.user}"


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


class Place(Value):
    """A thread: ``thread`` is the timestamp of the message that starts it."""

    team: str
    channel: str
    thread: str


class Source(StrEnum):
    """How something reached us."""

    MENTION = "mention"
    DIRECT = "direct"
    THREAD = "thread"
    CLICK = "click"
    COMMAND = "command"
    CLI = "cli"


class Incoming(Value):
    """One thing a person did in Slack, as an immutable snapshot. ``key`` names it once and for ever.

    ``text`` is the message, or what follows a slash command. For a click, ``action`` is the button's action id and
    ``value`` its opaque payload. ``message`` is the timestamp of the message written or clicked on.
    """

    key: str
    source: Source
    actor: Actor
    place: Place
    message: str = ""
    text: str = ""
    action: str = ""
    value: str = ""
    reply_url: str = ""
    received_at: datetime


class TaskKind(StrEnum):
    """What sort of work a request asks for."""

    FIX = "fix"
    TEST = "test"
    REFACTOR = "refactor"
    DOCS = "docs"
    DEPS = "deps"
    FORMAT = "format"
    ASK = "ask"
    OTHER = "other"


class TaskSpec(Value):
    """What we understood of a request. ``repo`` is a full name such as ``acme/shop``.

    ``recipe`` names a deterministic recipe and ``arguments`` fills its placeholders; without one, an agent works.
    ``paths`` are the paths that the request itself names; ``budget`` is the budget class that it asks for.
    """

    repo: str
    kind: TaskKind
    goal: str
    done: str = ""
    recipe: str | None = None
    arguments: dict[str, str] = Field(default_factory=dict)
    paths: tuple[str, ...] = ()
    budget: str = "standard"


class Choice(Value):
    """One button of a clarification: ``value`` is what answering with it means."""

    label: str
    value: str


class Clarification(Value):
    """The one question to ask before work can start. ``field`` is what is missing (``repo``, ``goal``)."""

    field: str
    text: str
    choices: tuple[Choice, ...] = ()


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


class Need(Value):
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
    held: Held | None = None
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
    needs: tuple[Need, ...] = ()
    paths: tuple[PathDecision, ...] = ()
    reason: str = ""
    counter_offer: str = ""


class ChangeKind(StrEnum):
    """How a path differs between two trees."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    MODE = "mode"


class FileChange(Value):
    """One path of ``git diff-tree -r -z --raw --no-renames``. Modes are git's octal strings (``000000``: absent)."""

    path: str
    kind: ChangeKind
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    added_lines: int = 0
    removed_lines: int = 0
    is_binary: bool = False


class TreeChange(Value):
    """The difference between two git trees, computed on the host. ``digest`` names its content (SHA-256, hex)."""

    repo: str
    base: str
    base_tree: str
    tree: str
    digest: str
    files: tuple[FileChange, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every changed path, in git's order."""
        return tuple(change.path for change in self.files)


class Severity(StrEnum):
    """What a finding does: inform, ask for review, or stop the patch."""

    ADVISE = "advise"
    REVIEW = "review"
    DENY = "deny"

    @classmethod
    def _missing_(cls, value: object) -> "Severity | None":
        # Reports and policies of the first version say "note".
        return cls.ADVISE if value == "note" else None


class Finding(Value):
    """What a gate saw: where, by which rule, and what to do about it. Whether it holds is ``severity``."""

    gate: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 0
    rule: str = ""
    fix: str = ""
    needs: tuple[Need, ...] = ()


class CheckPhase(StrEnum):
    """On which tree a check ran. ``BEFORE`` is new tests on old code, which is expected to fail."""

    BASE = "base"
    PATCH = "patch"
    BASE_TESTS = "base-tests"
    BEFORE = "before"


class CheckResult(Value):
    """One check in a fresh sandbox. ``passed`` is judged by exit status and parsed output together.

    ``check`` is the digest of what was asked for (``Check.digest``), empty in evidence from before there was one.
    ``log`` is the blob digest of the output, ``report`` that of the report which the command wrote, ``reruns`` those of
    the logs of what was run again; ``seconds`` the wall-clock time. ``broken_tests`` names failing tests, where output
    or report tell. ``is_flaky`` means that it failed, and passed when the same was run again, or the reverse: then
    ``passed`` is False.

    Of the ``failures``, ``failed_tests`` ran and failed (None in evidence from before they were kept apart), and
    ``unloaded`` are no tests but files, modules or packages of them that could not be loaded or built.
    """

    name: str
    phase: CheckPhase
    argv: tuple[str, ...]
    exit_code: int
    passed: bool
    seconds: float
    log: str
    tests: int | None = None
    failures: int | None = None
    summary: str = ""
    broken_tests: tuple[str, ...] = ()
    is_flaky: bool = False
    check: str = ""
    report: str = ""
    reruns: tuple[str, ...] = ()
    failed_tests: int | None = None
    unloaded: int = 0


class Proof(Value):
    """Evidence made by us about base and patch, in fresh sandboxes and by scanners, never by the agent.

    ``stale_setup`` are changed files that setup reads: the checks ran with what it had installed for the base.
    """

    checks: tuple[CheckResult, ...] = ()
    new_tests: tuple[str, ...] = ()
    fails_before: bool | None = None
    passes_after: bool | None = None
    scan: Scan | None = None
    stale_setup: tuple[str, ...] = ()


class GateReport(Value):
    """What the gates found, and what policy makes of it. ``digest`` names the report for votes to bind to."""

    effect: Effect
    findings: tuple[Finding, ...] = ()
    needs: tuple[Need, ...] = ()
    decision: Decision
    digest: str


class Usage(Value):
    """What a run consumed. ``cost`` is in US dollars."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    def plus(self, other: "Usage") -> "Usage":
        """The sum of two usages."""
        return Usage(
            turns=self.turns + other.turns,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            seconds=self.seconds + other.seconds,
        )


class Task(Value):
    """A request on its way. ``version`` counts saves: a save of a stale copy is refused.

    ``policy`` is the pinned bundle's digest, ``base`` the pinned commit,
    ``patch`` the digest of the tree change; ``change_file`` (the tree change itself), ``patch_file``, ``report_file``
    and ``proof_file`` are blob digests.
    ``outcome`` is the sentence for the user when the task has ended; ``feedback`` tells the next run what was wrong.
    ``called`` is the run that was last handed to the engine, at ``called_at``: a queued task with another ``run`` is in
    line.
    """

    id: str
    request: str
    actor: Actor
    place: Place
    text: str
    status: TaskStatus
    created_at: datetime
    updated_at: datetime
    version: int = 0
    spec: TaskSpec | None = None
    clarification: Clarification | None = None
    steerers: tuple[str, ...] = ()
    policy: str = ""
    base: str = ""
    run: int = 0
    worker: str = ""
    patch: str = ""
    tree: str = ""
    change_file: str = ""
    patch_file: str = ""
    report_file: str = ""
    proof_file: str = ""
    usage: Usage = Usage()
    cancel_by: str = ""
    outcome: str = ""
    feedback: str = ""
    called: int = 0
    called_at: datetime | None = None


class HoldKind(StrEnum):
    """What people are asked for: leave to run, or leave to deliver."""

    CLEARANCE = "clearance"
    SIGN_OFF = "sign-off"


class HoldStatus(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"


class Hold(Value):
    """A wait for people. Votes bind to ``digest``; ``excluded`` subjects (requester, steerers) cannot vote.

    ``nonce`` is the opaque value that the card's buttons carry; ``hosts`` are those that were shown: a clearance lets
    the work reach no other that needs one.
    """

    id: str
    task: str
    kind: HoldKind
    repo: str
    digest: str
    needs: tuple[Need, ...]
    excluded: tuple[str, ...]
    why: str
    nonce: str
    opened_at: datetime
    expires_at: datetime
    status: HoldStatus = HoldStatus.OPEN
    hosts: tuple[str, ...] = ()


class VoteChoice(StrEnum):
    """A human's answer to a hold."""

    APPROVE = "approve"
    DENY = "deny"


class Vote(Value):
    """One human's vote on a hold; at most one per person and hold. ``digest`` is what they saw."""

    hold: str
    subject: str
    choice: VoteChoice
    digest: str
    roles: tuple[str, ...]
    at: datetime
    reason: str = ""


class Turn(Value):
    """One turn of an agent, persisted before the next: the model's answer and what its tools returned."""

    task: str
    run: int
    number: int
    reply: JsonValue
    results: JsonValue
    usage: Usage


class Event(Value):
    """One line of the audit trail, before it is chained. ``data`` holds facts; ``personal`` holds erasable text."""

    name: str
    at: datetime
    actor: str
    task: str = ""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    personal: dict[str, str] = Field(default_factory=dict)
