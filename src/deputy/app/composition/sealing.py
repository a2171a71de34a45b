"""What the sandboxes' start-up probe found, for people: doctor's row, and the refusal to work in an open sandbox."""

from collections.abc import Sequence

from deputy.domain.errors import Unavailable
from deputy.ports import Attempt

_NAMED = 5


def sealing(attempts: Sequence[Attempt]) -> str:
    """How many attempts were refused; ``Unavailable``, naming them, when one was not, or none was made."""
    is_open = [attempt for attempt in attempts if not attempt.is_refused]
    if is_open or not attempts:
        raise Unavailable("the sandboxes are not sealed", _findings(is_open), "see 'Sealing' in docs/sandbox.md")
    return f"{len(attempts)} of {len(attempts)} attempts refused"


def _findings(is_open: Sequence[Attempt]) -> str:
    if not is_open:
        return "nothing was tried"
    named = "; ".join(f"{attempt.name} ({attempt.message})" for attempt in is_open[:_NAMED])
    more = f"; and {len(is_open) - _NAMED} more" if len(is_open) > _NAMED else ""
    return f"possible from inside: {named}{more}"
