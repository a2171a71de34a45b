"""How often a method may be called: Slack's tiers, and about one message per second and channel."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(frozen=True)
class Rates:
    """``posts_per_second`` per channel after a burst; ``tiers`` turns Slack's per-minute tiers on."""

    posts_per_second: float = 1.0
    burst: int = 5
    tiers: bool = True


class Limits:
    """Token buckets by name."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_for_post(self, channel: str) -> int:
        """Seconds until a message may be posted in this channel; 0 when it may be now, and then counts."""
        return self._take(f"post/{channel}", self.rates.posts_per_second, self.rates.burst)

    def wait_for_call(self, method: str, tier: int) -> int:
        """Seconds until this method may be called; 0 when it may be now, and then counts."""
        if not self.rates.tiers:
            return 0
        return self._take(f"call/{method}", PER_MINUTE[tier] / 60, max(PER_MINUTE[tier], 10))

    def _take(self, name: str, per_second: float, burst: int) -> int:
        if per_second <= 0:
            return 0
        with self._lock:
            now = self._clock()
            tokens, then = self._buckets.get(name, (float(burst), now))
            tokens = min(float(burst), tokens + (now - then) * per_second)
            if tokens < 1:
                self._buckets[name] = (tokens, now)
                return max(1, math.ceil((1 - tokens) / per_second))
            self._buckets[name] = (tokens - 1, now)
            return 0
