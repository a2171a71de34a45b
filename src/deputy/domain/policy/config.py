"""What a policy bundle's TOML files say, as values. Unknown keys are refused."""

from enum import StrEnum

from pydantic import Field

from deputy.domain.changes.hiding import hider
from deputy.domain.identifiers import Digest
from deputy.domain.policy.decision import ApprovalRequirement, Severity
from deputy.domain.tasks.request import TaskKind
from deputy.domain.text.canonical_json import digest_of_json
from deputy.domain.value import Value


class Check(Value):
    """A command that must pass on the patched tree: an argument vector, run in the workspace's root.

    ``kind`` is ``tests``, ``lint``, ``types`` or ``other``. ``tests`` lists the globs of the test files it runs (kind
    ``tests`` only): they tell new tests from other changes. ``report`` is the workspace path of the report that the
    command writes (``*.xml`` is JUnit, ``*.tap`` is TAP); empty when its output says enough. ``env`` adds environment
    variables. ``bar`` is what a failure does: ``deny`` stops the patch, ``review`` asks a person, ``advise`` is shown.
    """

    name: str
    run: tuple[str, ...]
    kind: str = "other"
    tests: tuple[str, ...] = ()
    report: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    timeout: int = 300
    bar: Severity = Severity.DENY

    @property
    def digest(self) -> Digest:
        """Names what is run, and how (SHA-256, hex): all but ``bar``, which only says what a failure does."""
        return digest_of_json(self.model_dump(mode="json", exclude={"bar"}))


class Environment(Value):
    """What a repository's work needs beside its files, made once into an image, with network, before anybody asks.

    ``packages`` are Debian packages. ``setup`` are argument vectors, run in order in a writable copy of the base
    commit; ``inputs`` are globs of the files that they depend on: a change in one makes a new image. ``network`` are
    the hosts that the setup may reach (``*.example.org`` means every host below). ``path`` folders come first in PATH.
    ``env`` is set in setup and in every sandbox. ``secrets`` name variables of Deputy's own environment that the setup
    gets and the image never holds. ``keep`` are folders (or files) of the workspace that setup makes and every sandbox
    finds again, read-only (``node_modules``). ``timeout`` bounds the whole setup, in seconds.
    """

    packages: tuple[str, ...] = ()
    setup: tuple[tuple[str, ...], ...] = ()
    inputs: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    timeout: int = 900


class SandboxSize(Value):
    """What one sandbox of a repository may use, where it differs from ``Limits``. Sizes in bytes, ``cpus`` in cores."""

    memory: int | None = None
    cpus: float | None = None
    processes: int | None = None
    disk: int | None = None
    inodes: int | None = None


class RepoConfig(Value):
    """A repository that work may be asked for. ``url`` is anything git can clone; a relative one is under DEPUTY_HOME.

    ``hidden`` paths never enter a sandbox. ``image`` is empty for the default sandbox image; ``environment`` is built
    on it. ``git`` puts a repository with one commit into every sandbox, for tools that want one. ``network`` are the
    hosts that work (never the checks) may reach, each only where policy allows ``use-network`` for it.
    """

    name: str
    url: str
    branch: str = ""
    aliases: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    image: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    environment: Environment | None = None
    git: bool = False
    network: tuple[str, ...] = ()
    sandbox: SandboxSize = SandboxSize()

    def hides(self, path: str) -> bool:
        """Whether a path never enters a sandbox."""
        return hider(self.hidden)(path)


class Recipe(Value):
    """Deterministic work: requests that ``patterns`` match become ``commands``, argument vectors with placeholders.

    Patterns are regular expressions (case-insensitive, matching the whole request without its repository's name and
    politeness); their named groups fill the placeholders, each of which must fully match its expression in
    ``arguments``.
    ``ok_codes`` are exit statuses that do not mean failure.
    """

    name: str
    title: str
    kind: TaskKind
    patterns: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    arguments: dict[str, str] = Field(default_factory=dict)
    ok_codes: tuple[int, ...] = (0,)
    example: str = ""


class Limits(Value):
    """Bounds of requests, runs, holds and budgets. Times in seconds, sizes in bytes, money in US dollars.

    ``total_cpus`` and ``total_memory`` bound what all runs together may claim; None is no bound of their own.
    ``flaky_retries`` is how often a failing check is run again to see whether it always fails. ``warm_total`` sandboxes
    are kept ready, ``warm_per_repo`` of them for one repository. ``environments_kept`` images are kept per repository.
    """

    request_characters: int = 8000
    active_per_person: int = 5
    active_per_repo: int = 3
    active_total: int = 4
    run_seconds: int = 1800
    command_seconds: int = 300
    sandbox_memory: int = 2 * 1024**3
    sandbox_cpus: float = 2.0
    sandbox_processes: int = 256
    sandbox_disk: int = 1024**3
    sandbox_inodes: int = 200_000
    total_cpus: float | None = None
    total_memory: int | None = None
    warm_total: int = 2
    warm_per_repo: int = 1
    flaky_retries: int = 2
    environment_disk: int = 8 * 1024**3
    environments_kept: int = 3
    agent_turns: int = 40
    agent_tokens: int = 400_000
    agent_cost: float = 2.0
    agent_retries_after_block: int = 1
    hold_seconds: int = 3 * 24 * 3600
    hold_reminder_seconds: int = 4 * 3600
    question_seconds: int = 24 * 3600
    button_seconds: int = 300
    run_attempts: int = 3


# The budget classes that are always there, both with the plain limits: what a task has when nobody asks for another,
# and what one has that a recipe does.
STANDARD, RECIPE = "standard", "recipe"


class Budget(Value):
    """A named class of what one run may consume; what is None is as in ``Limits``."""

    name: str
    run_seconds: int | None = None
    agent_turns: int | None = None
    agent_tokens: int | None = None
    agent_cost: float | None = None


class GateLevel(Value):
    """What a gate's findings do at most (``level``) and at least (``at_least``), and who must review them."""

    level: Severity
    at_least: Severity = Severity.ADVISE
    needs: tuple[ApprovalRequirement, ...] = ()


class Weekday(StrEnum):
    """A day of the week, as ``conditions.toml`` writes it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class CounterOf(StrEnum):
    """What a rolling counter adds up: accepted tasks, or the files or lines of patches."""

    TASKS = "tasks"
    FILES = "files"
    LINES = "lines"


class CounterPer(StrEnum):
    """Whose a rolling counter is."""

    PERSON = "person"
    REPO = "repo"
    PERSON_AND_REPO = "person-and-repo"
    EVERYBODY = "everybody"


class Counter(Value):
    """More than ``over`` of something within the last ``days`` (of 24 hours), the asked-about task or patch included.

    ``paths`` are the globs of the path class that files and lines are counted in; none means every path. Tasks with
    ``paths`` are those whose patch changes something there.
    """

    of: CounterOf
    per: CounterPer
    days: float
    over: int
    paths: tuple[str, ...] = ()


class Condition(Value):
    """When a rule applies: everything that is given must hold.

    ``kinds``, ``channels`` (Slack ids) and ``budgets`` hold when the task's is among them. ``days``, ``hours``
    (``18:00-08:00``; a night belongs to the day it begins on), ``starts`` and ``ends`` (``2026-12-18 18:00``; the end
    is no part of it) are read in ``timezone`` (an IANA name). ``files_over`` and ``lines_over`` hold for patches with
    more changed files, or added and removed lines.
    """

    name: str
    title: str = ""
    kinds: tuple[TaskKind, ...] = ()
    channels: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    days: tuple[Weekday, ...] = ()
    hours: str = ""
    starts: str = ""
    ends: str = ""
    timezone: str = "UTC"
    files_over: int | None = None
    lines_over: int | None = None
    counter: Counter | None = None


class Price(Value):
    """US dollars per million tokens."""

    input: float
    output: float
