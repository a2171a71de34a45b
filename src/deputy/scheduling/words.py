"""A place in line, and what one waits for there, as people say it."""

from deputy.domain.policy.config import Limits
from deputy.scheduling.line import QueuePosition, Wait
from deputy.scheduling.room import Lack, ResourceRequest, never_fits

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_TEENS = range(11, 14)
_GIB = 1024**3


def place_words(spot: QueuePosition) -> str:
    """``3rd in line``."""
    number = spot.number
    ending = "th" if number % 100 in _TEENS else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending} in line"


def wait_words(wait: Wait) -> str:
    """What somebody waits for, in a sentence."""
    tasks = "another task" if wait.own == 1 else f"{wait.own} other tasks"
    own = f"; {tasks} of the same person {'goes' if wait.own == 1 else 'go'} first" if wait.own else ""
    return f"{_lack_words(wait)}{own}."


def _lack_words(wait: Wait) -> str:
    match wait.lack:
        case Lack.TOTAL:
            return f"{_runs(wait.used)} under way, the limit is {wait.limit:g}"
        case Lack.REPO:
            return f"{wait.repo} has {wait.used:g} under way, the limit is {wait.limit:g}"
        case Lack.CPUS:
            free = max(0.0, wait.limit - wait.used)
            return f"It needs {_cores(wait.needs)}, and {free:g} of {wait.limit:g} {'is' if free == 1 else 'are'} free"
        case Lack.MEMORY:
            free = max(0.0, wait.limit - wait.used)
            return f"It needs {gib(wait.needs)} of memory, and {gib(free)} of {gib(wait.limit)} is free"
        case None:
            return f"{wait.behind} needs more room, has waited for long, and goes first"


def unschedulable_words(repo: str, claim: ResourceRequest, limits: Limits) -> str:
    """Why a run can never start, and what to do; an empty string when it can."""
    match never_fits(claim, limits):
        case Lack.CPUS:
            needs, whole = _cores(claim.cpus), f"{limits.total_cpus:g} (`total_cpus`)"
            size = "cpus"
        case Lack.MEMORY:
            needs, whole = f"{gib(claim.memory)} of memory", f"{gib(limits.total_memory or 0)} (`total_memory`)"
            size = "memory"
        case _:
            return ""
    return (
        f"Work in {repo} can't be started here: its sandbox takes {needs}, and all runs together may use {whole}. "
        f"Ask who keeps the policy to raise that limit, or to set a smaller `sandbox.{size}` for {repo}."
    )


def gib(size: float) -> str:
    """A size in bytes, for people."""
    return f"{size / _GIB:.3g} GiB"


def _cores(cpus: float) -> str:
    return f"{cpus:g} {'core' if cpus == 1 else 'cores'}"


def _runs(number: float) -> str:
    return f"{number:g} {'run is' if number == 1 else 'runs are'}"
