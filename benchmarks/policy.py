"""Every path of a change decided by the bundle, against Casbin's own ``enforce()`` on each path.

The baseline is Casbin with the same model, rules and matching functions. It takes so long that only a sample of the
paths is asked: its time is that sample's time per path, times the number of paths.
"""

import random
from collections.abc import Sequence
from time import perf_counter

from benchmarks.measuring import Comparison, Series, Setting, in_turns, one, timed
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts, FileSize
from deputy.domain.tasks.request import TaskKind
from deputy.policy import Bundle, load
from deputy.policy.files.model import MODEL

ALICE, REPO = "user:T0ACME/U0ALICE", "acme/shop"
SIZES = ((1_000, 200, 20), (5_000, 1_000, 10))  # paths, rules, paths that the baseline is asked about in a round
TINY = ((10, 10, 2),)
CONDITIONS = """[condition.fixes]
kinds = ["fix"]

[condition.large]
lines_over = 300
"""
WHENS = ("fixes", "not:fixes", "large")
GRANTS = f"p, all, role:engineer, acme/*, edit, **, allow, -, -\ng, {ALICE}, role:engineer, acme/*\n"
GLOBS = ("src/module{}/**", "**/folder{}/*.py", "**/*.kind{}", "docs/part{}/?*.md")


def measure(setting: Setting) -> Sequence[Comparison]:
    """A usual large change and an absurd one, each by rules that always apply, and with conditions on one in ten."""
    sizes = TINY if setting.is_tiny else SIZES
    return tuple(_compare(setting, *size, one_in=one_in) for size in sizes for one_in in (0, 10))


def _compare(setting: Setting, paths: int, rules: int, sample: int, one_in: int) -> Comparison:
    bundle, changed = _bundle(rules, one_in), _paths(paths, rules)
    facts = Facts(kind=TaskKind.FIX, patch=tuple(FileSize(path=path, lines=2) for path in changed))
    dice = random.Random(1)
    bundle.decide(ALICE, REPO, Action.EDIT, changed[:1], facts)

    def ours() -> float:
        return timed(lambda: bundle.decide(ALICE, REPO, Action.EDIT, changed, facts))

    def stock() -> float:
        asked = dice.sample(changed, sample)
        began = perf_counter()
        answers = [bundle.engine.enforce(ALICE, REPO, Action.EDIT, path, facts) for path in asked]
        taken = perf_counter() - began
        decided = bundle.decide(ALICE, REPO, Action.EDIT, asked, facts).paths
        if answers != [path.effect is not Effect.DENY for path in decided]:
            raise AssertionError("the two do not agree")
        return taken / sample * paths

    mine, theirs = in_turns(setting.repeat, one(ours), one(stock))
    return Comparison(
        Series(f"{paths:,} paths by {rules:,} rules{', one in ten conditional' if one_in else ''}, decided", mine),
        Series("casbin enforce() per path (extrapolated)", theirs),
        notes=(f"the baseline is extrapolated from {sample} random paths a round; both gave the same answers on them",),
    )


def _bundle(rules: int, one_in: int) -> Bundle:
    lines = [
        f"p, r{n}, role:engineer, acme/*, edit, {GLOBS[n % len(GLOBS)].format(n)}, "
        + ("deny, -" if n % 3 == 0 else "review, role:engineer=1")
        + (f", {WHENS[n // one_in % len(WHENS)]}" if one_in and n % one_in == 1 else ", -")
        for n in range(rules - 1)
    ]
    repos = f'[repo."{REPO}"]\nurl = "shop.git"\n'
    files = {"model.conf": MODEL, "policy.csv": GRANTS + "\n".join(lines) + "\n", "repos.toml": repos}
    if one_in:
        files["conditions.toml"] = CONDITIONS
    return load({name: text.encode() for name, text in files.items()})


def _paths(count: int, rules: int) -> tuple[str, ...]:
    dice = random.Random(2)
    numbers = 4 * rules  # most paths meet the general rule only, as most do

    def path(number: int) -> str:
        module, folder, kind = (dice.randrange(numbers) for _ in range(3))
        return f"src/module{module}/folder{folder}/file{number}." + ("py" if number % 4 else f"kind{kind}")

    return tuple(path(number) for number in range(count))
