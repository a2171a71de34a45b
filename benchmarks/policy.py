"""Every path of a change decided by the bundle, against Casbin's own ``enforce()`` on each path.

The baseline is Casbin with the same model, rules and matching functions. It takes so long that only a sample of the
paths is asked: its time is that sample's time per path, times the number of paths.
"""

import random
from collections.abc import Sequence
from time import perf_counter

from benchmarks.measuring import Comparison, Series, Setting, in_turns, one, timed
from deputy.domain.values import Action, Effect
from deputy.policy import Bundle, load
from deputy.policy.model import MODEL

ALICE, REPO = "user:T0ACME/U0ALICE", "acme/shop"
SIZES = ((1_000, 200, 20), (5_000, 1_000, 5))
GRANTS = f"p, all, role:engineer, acme/*, edit, **, allow, -\ng, {ALICE}, role:engineer, acme/*\n"
GLOBS = ("src/module{}/**", "**/folder{}/*.py", "**/*.kind{}", "docs/part{}/?*.md")


def measure(setting: Setting) -> Sequence[Comparison]:
    """A usual large change, and an absurd one."""
    sizes = ((10, 10, 2),) if setting.is_tiny else SIZES
    return tuple(_compare(setting, *size) for size in sizes)


def _compare(setting: Setting, paths: int, rules: int, sample: int) -> Comparison:
    bundle, changed = _bundle(rules), _paths(paths, rules)
    dice = random.Random(1)
    bundle.decide(ALICE, REPO, Action.EDIT, changed[:1])

    def ours() -> float:
        return timed(lambda: bundle.decide(ALICE, REPO, Action.EDIT, changed))

    def stock() -> float:
        asked = dice.sample(changed, sample)
        began = perf_counter()
        answers = [bundle.engine.enforce(ALICE, REPO, Action.EDIT, path) for path in asked]
        taken = perf_counter() - began
        decided = bundle.decide(ALICE, REPO, Action.EDIT, asked).paths
        if answers != [path.effect is not Effect.DENY for path in decided]:
            raise AssertionError("the two do not agree")
        return taken / sample * paths

    mine, theirs = in_turns(setting.repeat, one(ours), one(stock))
    return Comparison(
        Series(f"{paths:,} paths by {rules:,} rules, decided", mine),
        Series("casbin enforce() per path (extrapolated)", theirs),
        notes=(f"the baseline is extrapolated from {sample} random paths a round; both gave the same answers on them",),
    )


def _bundle(rules: int) -> Bundle:
    lines = [
        f"p, r{n}, role:engineer, acme/*, edit, {GLOBS[n % len(GLOBS)].format(n)}, "
        + ("deny, -" if n % 3 == 0 else "review, role:engineer=1")
        for n in range(rules - 1)
    ]
    repos = f'[repo."{REPO}"]\nurl = "shop.git"\n'
    files = {"model.conf": MODEL, "policy.csv": GRANTS + "\n".join(lines) + "\n", "repos.toml": repos}
    return load({name: text.encode() for name, text in files.items()})


def _paths(count: int, rules: int) -> tuple[str, ...]:
    dice = random.Random(2)
    numbers = 4 * rules  # most paths meet the general rule only, as most do

    def path(number: int) -> str:
        module, folder, kind = (dice.randrange(numbers) for _ in range(3))
        return f"src/module{module}/folder{folder}/file{number}." + ("py" if number % 4 else f"kind{kind}")

    return tuple(path(number) for number in range(count))
