"""A Deputy that is started again whenever it dies, from an image of a process that has imported everything."""

import time
from collections.abc import Callable, Iterator

import pytest

from deputy_playground.site import Site
from tests.support.process_image import ProcessImage

BOT, CHANNEL = "U0DEPUTY", "C0SHOP"


@pytest.fixture(scope="session")
def crashing_image() -> Iterator[ProcessImage]:
    """Deputy as ``tests.e2e.crashing`` has it, ready to be started again and again."""
    with ProcessImage("tests.e2e.crashing") as image:
        yield image


class Supervised:
    """A site whose Deputy is started again whenever it dies, as an init system would."""

    def __init__(self, site: Site) -> None:
        self.site, self.deaths = site, 0

    def revive(self) -> None:
        process = self.site.deputy
        if process is not None and process.poll() is not None:
            assert process.returncode == -9, f"Deputy ended by itself with status {process.returncode}"
            self.deaths += 1
        while self.site.deputy is None or self.site.deputy.poll() is not None:
            try:
                self.site.start_deputy()
            except Exception:  # it died again while starting: recovery itself is interrupted
                assert self.site.deputy is not None
                assert self.site.deputy.poll() == -9
                self.deaths += 1

    def until(self, is_so: Callable[[], bool], what: str, seconds: float = 420) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            self.revive()
            assert time.monotonic() < deadline, f"{what} did not happen"
            time.sleep(0.1)

    def settle(self, seconds: float = 4) -> None:
        """Long enough for whatever is still on a queue, and for crashes that it brings."""
        quiet_since = time.monotonic()
        deaths = self.deaths
        while time.monotonic() - quiet_since < seconds:
            self.revive()
            if self.deaths != deaths:
                deaths, quiet_since = self.deaths, time.monotonic()
            time.sleep(0.1)

    def thread_has(self, thread: str, text: str) -> Callable[[], bool]:
        return lambda: any(m.user == BOT and text in m.text for m in self.site.slack.thread(CHANNEL, thread))
