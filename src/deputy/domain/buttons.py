"""Buttons on Deputy's messages: their action ids and payloads, written and read in one place.

Cards that were posted by an earlier release are clicked on later: the form of both stays as it is.
"""

from dataclasses import dataclass

from deputy.domain.identifiers import TaskId
from deputy.domain.review.approval import VoteChoice

PREFIX = "deputy."
CANCEL = f"{PREFIX}cancel"
_ANSWER = f"{PREFIX}answer"
_CHOICES = {f"{PREFIX}{choice}": choice for choice in VoteChoice}
_BETWEEN = "|"


@dataclass(frozen=True)
class ButtonIds:
    """What a button carries: its action id and its payload."""

    action: str
    value: str


@dataclass(frozen=True)
class VoteClick:
    """A vote on a hold, with the nonce that its card carried."""

    choice: VoteChoice
    hold: str
    nonce: str


@dataclass(frozen=True)
class AnswerClick:
    """An answer to the question of a task."""

    task: TaskId
    value: str


@dataclass(frozen=True)
class CancelClick:
    """A wish to stop a task."""

    task: TaskId


Click = VoteClick | AnswerClick | CancelClick


def vote_button(choice: VoteChoice, hold: str, nonce: str) -> ButtonIds:
    """The button that casts a vote."""
    return ButtonIds(f"{PREFIX}{choice}", f"{hold}{_BETWEEN}{nonce}")


def answer_button(number: int, task: TaskId, value: str) -> ButtonIds:
    """The button of one choice of a question; action ids are unique within a message, hence the number."""
    return ButtonIds(f"{_ANSWER}.{number}", f"{task}{_BETWEEN}{value}")


def cancel_button(task: TaskId) -> ButtonIds:
    """The button that stops a task."""
    return ButtonIds(CANCEL, task)


def read_click(action: str, value: str) -> Click | None:
    """What a click means, whatever it carries; None for an action that Deputy does not have. Never raises."""
    first, _, rest = value.partition(_BETWEEN)
    if action in _CHOICES:
        return VoteClick(_CHOICES[action], first, rest)
    if action == CANCEL:
        return CancelClick(TaskId(value))
    if action == _ANSWER or action.startswith(f"{_ANSWER}."):
        return AnswerClick(TaskId(first), rest)
    return None
