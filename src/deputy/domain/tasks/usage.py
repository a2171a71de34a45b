"""What a run consumed, and the turns of an agent."""

from pydantic import JsonValue

from deputy.domain.value import Value


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


class Turn(Value):
    """One turn of an agent, persisted before the next: the model's answer and what its tools returned."""

    task: str
    run: int
    number: int
    reply: JsonValue
    results: JsonValue
    usage: Usage
