"""One small tree of errors. Each says what happened, why, and what to do: a user sees that, never a traceback."""


class DeputyError(Exception):
    """The root. ``what`` happened, ``why``, and what ``todo`` about it, each a clause without a final full stop."""

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        super().__init__(what, why, todo)
        self.what, self.why, self.todo = what, why, todo

    def __str__(self) -> str:
        """One sentence or two: "What: why. To do."."""
        head = f"{self.what}: {self.why}" if self.why else self.what
        head = head[:1].upper() + head[1:]
        tail = f" {self.todo[:1].upper()}{self.todo[1:]}." if self.todo else ""
        return f"{head}.{tail}"


class BadInput(DeputyError):
    """What a person gave us can't be used as it is."""


class BadPolicy(DeputyError):
    """The policy bundle can't be loaded; nothing is permitted until it can."""


class NotFound(DeputyError):
    """No such thing."""


class Stale(DeputyError):
    """Somebody was faster, or what was seen is no longer what is there."""


class Unavailable(DeputyError):
    """Something outside (engine, database, Slack, model) can't be reached now; trying again may help."""


class OutOfBudget(DeputyError):
    """A limit on turns, tokens, money or time is used up."""


class Cancelled(DeputyError):
    """A person cancelled the task while it ran."""


class SandboxFailed(DeputyError):
    """The sandbox itself failed; says nothing about the command that ran in it."""


class AuditBroken(DeputyError):
    """The audit trail is not what was written."""
