"""All of Deputy as it runs in earnest, in a playground: one task at a time, timed by the audit trail."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deputy.adapters.store import SqlStore, open_store
from deputy.domain.events import Event, EventName
from deputy.domain.tasks.status import is_final
from deputy_playground.site import Site

POLICIES = Path(__file__).parents[1] / "policies"
ALICE, CHANNEL, BOT = "U0ALICE", "C0SHOP", "U0DEPUTY"
TASK_SECONDS = 120.0
# One task ends before the next begins, but its last message may still be on its way.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Told:
    """A finished task's story. ``asked_at`` is the wall clock at the moment of the mention."""

    asked_at: float
    events: tuple[Event, ...]

    def until(self, name: EventName) -> float:
        """Seconds from the mention to the first such event."""
        for event in self.events:
            if event.name == name:
                return event.at.timestamp() - self.asked_at
        raise AssertionError(f"no {name} in {json.dumps([event.name for event in self.events])}")


class Office:
    """A running site, and its database to read the trail from."""

    def __init__(self, site: Site, store: SqlStore) -> None:
        self.site, self._store = site, store

    def ask(self, text: str) -> Told:
        """Alice mentions Deputy; returns when her task has ended."""
        time.sleep(PAUSE_SECONDS)
        asked_at = time.time()
        thread = self.site.slack.say(ALICE, CHANNEL, f"<@{BOT}> {text}")
        return Told(asked_at, self.site.slack.wait_for(lambda: self._story(thread), TASK_SECONDS))

    def _story(self, thread: str) -> tuple[Event, ...]:
        with self._store.transaction() as ledger:
            tasks = ledger.tasks(channel=CHANNEL, thread=thread)
            if not tasks or not is_final(tasks[0].status):
                return ()
            return tuple(stored.event for stored in ledger.events(task=tasks[0].id))


@contextmanager
def office(folder: Path, more_policy: Mapping[str, str] | None = None) -> Iterator[Office]:
    """``deputy serve`` on a fresh home. ``more_policy`` is added to the starter policies, by file."""
    policies = folder / "given"
    shutil.copytree(POLICIES, policies)
    for name, text in (more_policy or {}).items():
        with (policies / name).open("a", encoding="utf-8") as file:
            file.write(text)
    with Site(folder, policies=policies) as site:
        site.slack.wait_connected()
        url, blobs = f"sqlite:///{site.home / 'deputy.sqlite'}", (site.home / "artifacts").as_uri()
        with closing(open_store(url, blobs)) as store:
            yield Office(site, store)
