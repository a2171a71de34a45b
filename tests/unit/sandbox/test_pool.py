"""The warm pool without an engine."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.sandbox.host.pool import Pool
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.ports import SandboxSpec


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_whose_thread_died_by_surprise_can_be_closed():
    def dies(*_: object) -> str:
        raise ValueError("not an error that anybody expects")

    pool = Pool(
        cast("Any", SimpleNamespace(image_id=dies, running=lambda _: frozenset())), StartLimiter(1), "test-pool"
    )
    pool.keep_ready([SandboxSpec("", "", "", {}, warm_pool="shop")])
    if tending := pool._tending:
        tending.join(10)
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    closing.join(3)
    is_stuck = closing.is_alive()
    pool._tending = None  # so that it does not spin on in this process
    assert not is_stuck
