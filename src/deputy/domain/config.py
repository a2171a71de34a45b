"""What a policy bundle's TOML files say, as values. Unknown keys are refused."""

from pydantic import Field

from deputy.domain.folding import fold
from deputy.domain.globs import matches_any
from deputy.domain.values import Need, Severity, TaskKind, Value


class Check(Value):
    """A command that must pass on the patched tree: an argument vector, run in the workspace's root.

    ``kind`` is ``tests``, ``lint``, ``types`` or ``other``. ``tests`` lists the globs of the test files it runs (kind
    ``tests`` only): they tell new tests from other changes. ``env`` adds environment variables.
    """

    name: str
    run: tuple[str, ...]
    kind: str = "other"
    tests: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    timeout: int = 300


class RepoConfig(Value):
    """A repository that work may be asked for. ``url`` is anything git can clone; a relative one is under DEPUTY_HOME.

    ``hidden`` paths never enter a sandbox. ``image`` is empty for the default sandbox image.
    """

    name: str
    url: str
    branch: str = ""
    aliases: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    image: str = ""
    env: dict[str, str] = Field(default_factory=dict)

    def hides(self, path: str) -> bool:
        """Whether a path never enters a sandbox."""
        return matches_any(self.hidden, path) or matches_any(self.hidden, fold(path))


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
    """Bounds of requests, runs, holds and budgets. Times in seconds, sizes in bytes, money in US dollars."""

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
    agent_turns: int = 40
    agent_tokens: int = 400_000
    agent_cost: float = 2.0
    agent_retries_after_block: int = 1
    hold_seconds: int = 3 * 24 * 3600
    hold_reminder_seconds: int = 4 * 3600
    question_seconds: int = 24 * 3600
    button_seconds: int = 300
    run_attempts: int = 3


class GateLevel(Value):
    """What a gate's finding does at most, and who must review it."""

    level: Severity
    needs: tuple[Need, ...] = ()


class Price(Value):
    """US dollars per million tokens."""

    input: float
    output: float
