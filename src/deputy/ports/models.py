"""Language models, as the workflows need them."""

from collections.abc import Sequence
from typing import Protocol

from deputy.domain.tasks.dialogue import Message, Reply, Tool


class Model(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """The model's name, for prices and the audit trail."""

    def reply(self, transcript: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, timeout: float) -> Reply:
        """The model's answer to a transcript, with at most ``max_tokens`` of output. ``timeout`` is in seconds.

        Raises ``Unavailable`` when the model can't be reached or is out of quota, and ``BadInput`` when it refuses the
        request itself, for instance because the transcript is too long.
        """


class SecondOpinion(Protocol):
    """A second opinion on whether a request asks for harm. It can refuse more than the rules do, never less."""

    def objection(self, text: str) -> str:
        """Why this request must not be done, as a clause; empty for no objection.

        Raises ``Unavailable`` when there is no usable answer.
        """
