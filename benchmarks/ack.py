"""A mention through the real listener, inbox, SQLite store and durable queue, against a client that just answers.

Slack waits three seconds; Deputy acknowledges only when the mention and its workflow are committed to disk.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.measuring import Comparison, Series, Setting, in_turns
from benchmarks.slack_double import BOT, SlackDouble
from deputy.adapters.slack.receiving.listener import build_listener
from deputy.adapters.store import open_store
from deputy.app.clock import SystemClock
from deputy.flow.engine import DurableQueue
from deputy.flow.requests.inbox import DurableInbox
from deputy.flow.workflows import QUEUES

ONE_BY_ONE, BURST = 200, 100


def measure(setting: Setting) -> Sequence[Comparison]:
    """One by one, then all at once. Each side has a double of its own, and both are connected all the time."""
    alone = max(1, setting.amount(ONE_BY_ONE) // setting.repeat)
    burst, bursts = setting.amount(BURST), max(1, setting.repeat // 3)
    with _answered_by_deputy(setting) as deputy, _answered_at_once() as bare:
        for double in (deputy, bare):
            double.deliver(1)  # what the first one of a process pays for
        ours, theirs = in_turns(setting.repeat, lambda: _each(deputy, alone), lambda: _each(bare, alone))
        ours_at_once, theirs_at_once = in_turns(bursts, lambda: deputy.deliver(burst), lambda: bare.deliver(burst))
    return (
        Comparison(
            Series("Deputy acknowledges, one mention at a time", ours),
            Series("a client that only answers", theirs),
            has_tail=True,
        ),
        Comparison(
            Series(f"Deputy acknowledges, {burst} mentions at once", ours_at_once),
            Series("a client that only answers", theirs_at_once),
            has_tail=True,
        ),
    )


def _each(double: SlackDouble, count: int) -> list[float]:
    return [seconds for _ in range(count) for seconds in double.deliver(1)]


@contextmanager
def _answered_by_deputy(setting: Setting) -> Iterator[SlackDouble]:
    url = f"sqlite:///{setting.folder / 'deputy.sqlite'}"
    store = open_store(url, (setting.folder / "artifacts").as_uri())
    queue = DurableQueue(store.engine, QUEUES)
    queue.migrate(url)
    with SlackDouble() as double:
        listener = build_listener(
            DurableInbox(store, queue, BOT["team_id"]),
            bot_token="xoxb-bench",
            app_token="xapp-bench",
            api_url=double.api_url,
            clock=SystemClock(),
        )
        listener.start()
        try:
            yield double
        finally:
            listener.stop()
            queue.close()
            store.close()


@contextmanager
def _answered_at_once() -> Iterator[SlackDouble]:
    with SlackDouble() as double, connect(double.socket_url, compression=None, proxy=None, legacy=True) as connection:
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()
        yield double


def _answer(connection: ClientConnection) -> None:
    try:
        for message in connection:
            name = json.loads(message).get("envelope_id")
            if name:
                connection.send(json.dumps({"envelope_id": name}))
    except ConnectionClosed:
        pass
