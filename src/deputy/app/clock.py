"""The one clock that looks at the time."""

from datetime import UTC, datetime


class SystemClock:
    """``ports.Clock`` on the system's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)
