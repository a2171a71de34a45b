"""What a run may consume, and what it has."""

from deputy.domain.policy.config import Limits, Price
from deputy.domain.tasks.usage import Usage

_MILLION = 1_000_000


def price(usage: Usage, rates: Price) -> float:
    """What the tokens of a usage cost, in US dollars."""
    return (usage.input_tokens * rates.input + usage.output_tokens * rates.output) / _MILLION


def priced(usage: Usage, rates: Price) -> Usage:
    """The usage with its cost."""
    return usage.model_copy(update={"cost": price(usage, rates)})


def check_budget(usage: Usage, limits: Limits, rates: Price) -> str | None:
    """Which limit is used up, as a sentence, or None. ``usage.seconds`` is the run's time so far."""
    tokens, cost = usage.input_tokens + usage.output_tokens, price(usage, rates)
    if usage.turns >= limits.agent_turns:
        return f"The agent used its {limits.agent_turns} turns without finishing."
    if tokens >= limits.agent_tokens:
        return f"The agent used {tokens:,} tokens; its limit is {limits.agent_tokens:,}."
    if cost >= limits.agent_cost:
        return f"The agent's work cost ${cost:.2f}; its limit is ${limits.agent_cost:.2f}."
    if usage.seconds >= limits.run_seconds:
        return f"The agent worked for {usage.seconds:.0f} s; its limit is {limits.run_seconds} s."
    return None
