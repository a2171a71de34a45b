"""Network by policy, end to end: an allowed host is fetched from, a forbidden one is not, and the trail names both."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.e2e.conftest import ALICE, CHANNEL, SAM, RunningDeputy, running
from tests.support.gateway_servers import pages, server

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

REPO = """
[repo."acme/{name}"]
url = "remotes/tiny.git"
aliases = ["{name}"]
network = ["HOST"]

[[repo."acme/{name}".checks]]
name = "sealed"
kind = "lint"
run = ["sh", "-c", "! env | grep -qi proxy && ! test -e /run/deputy"]
"""
CSV = """
p, n-open, role:engineer, acme/open, use-network, HOST, allow, -
p, n-asks, role:engineer, acme/asks, use-network, HOST, allow, -
p, n-senior, role:engineer, acme/asks, use-network, *, review, role:senior=1
p, n-shut, role:engineer, acme/shut, use-network, **, deny, -
"""
# The allowed host is this one, by its name: an internal address, which the settings open.
HOST = socket.gethostname().lower()
FETCH = """
import urllib.request
said = []
for url in ("http://HOST:PORT/page", "http://forbidden.example/secret"):
    try:
        said.append(urllib.request.urlopen(url, timeout=20).read().decode().replace(chr(13), ""))
    except Exception as error:
        said.append("failed: " + str(error))
open("fetched.md", "w").write("\\n".join(said))
"""
RECIPE = """
[recipe.fetch]
title = "Fetch"
kind = "docs"
patterns = ['fetch the page']
commands = [["python3", "-c", '''{code}''']]
"""


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    try:
        address = socket.gethostbyname(HOST)
    except OSError:
        pytest.skip("this host has no name that leads to it")
    with server(pages, address) as port:
        more = {
            "repos.toml": "".join(
                REPO.replace("HOST", HOST).replace("{name}", name) for name in ("open", "asks", "shut")
            ),
            "recipes.toml": RECIPE.replace("{code}", FETCH.replace("HOST", HOST).replace("PORT", str(port))),
        }
        told = {"DEPUTY_INTERNAL_HOSTS": f"{HOST}:{port}"}
        with running(
            tmp_path_factory.mktemp("network"), csv=CSV.replace("HOST", HOST), more=more, environment=told
        ) as yard:
            yield yard


def test_an_allowed_host_is_reached_a_forbidden_one_is_not_and_the_trail_names_both(wired: RunningDeputy) -> None:
    thread = wired.ask("can you just fetch the page in `open`")
    wired.until(thread, "Delivered", 60)
    task = wired.task(thread)
    (opened,) = wired.events(task=task.id, name=EventName.NETWORK_OPENED)
    assert opened.data["hosts"] == [HOST]
    assert opened.data["decisions"][0]["rules"][0]["id"] == "n-open"
    used = {event.data["host"]: event.data for event in wired.events(task=task.id, name=EventName.NETWORK_USED)}
    assert set(used) == {HOST, "forbidden.example"}
    assert used[HOST]["connections"] == 1
    assert used[HOST]["refused"] == ""
    assert used[HOST]["received"] > 0
    assert used["forbidden.example"]["refused"] == "it is not in this repository's network list"
    assert used["forbidden.example"]["port"] == 80
    assert "May reach" in wired.card(thread).text
    wired.is_well()
    story = wired.cli("task", "show", task.id)
    assert task.id in story


def test_a_review_of_the_network_is_asked_before_the_run(wired: RunningDeputy) -> None:
    thread = wired.ask("can you just fetch the page in `asks`")
    waiting = wired.until(thread, "Waiting for clearance")
    assert "n-senior" in waiting.text
    assert HOST in waiting.text
    task = wired.task(thread)
    assert wired.events(task=task.id, name=EventName.NETWORK_OPENED) == []
    wired.click(SAM, thread, "Approve")
    wired.until(thread, "Delivered", 60)
    assert [e.data["hosts"] for e in wired.events(task=task.id, name=EventName.NETWORK_OPENED)] == [[HOST]]


def test_where_policy_denies_it_the_run_goes_on_offline(wired: RunningDeputy) -> None:
    thread = wired.ask("can you just fetch the page in `shut`")
    wired.until(thread, "Delivered", 60)
    task = wired.task(thread)
    assert task.status is TaskStatus.DELIVERED
    names = wired.names(thread)
    assert EventName.NETWORK_OPENED not in names
    assert EventName.NETWORK_USED not in names
    assert "May reach" not in wired.card(thread).text


def test_policy_says_why(wired: RunningDeputy) -> None:
    said = wired.cli("policy", "explain", "user:T0ACME/U0ALICE", "acme/open", "use-network", HOST)
    assert "n-open" in said
    said = wired.cli("policy", "explain", "user:T0ACME/U0ALICE", "acme/open", "use-network", "evil.example", status=1)
    assert "no rule lets" in said


def test_whoever_asks_is_told_about_all_hosts_of_the_repository(wired: RunningDeputy) -> None:
    said = wired.slack.command(ALICE, CHANNEL, "/deputy why asks use-network")
    assert f"asks for review of use-network of {HOST}" in said
    assert "n-senior" in said


SHOWN_REPO = """
[repo."acme/asks"]
url = "remotes/tiny.git"
aliases = ["asks"]
network = ["shown.example"]
"""
SHOWN_CSV = """
p, n-asks, role:engineer, acme/asks, use-network, **, allow, -
p, n-senior, role:engineer, acme/asks, use-network, **, review, role:senior=1
"""
SHOWN_RECIPE = """
[recipe.jot]
title = "Jot"
kind = "docs"
patterns = ['jot it down']
commands = [["sh", "-c", "echo noted > note.md"]]
"""


def test_a_clearance_opens_no_host_that_nobody_was_shown(tmp_path: Path) -> None:
    with running(tmp_path, csv=SHOWN_CSV, more={"repos.toml": SHOWN_REPO, "recipes.toml": SHOWN_RECIPE}) as yard:
        thread = yard.ask("can you just jot it down in `asks`")
        waiting = yard.until(thread, "Waiting for clearance")
        assert "shown.example" in waiting.text
        assert "unseen.example" not in waiting.text
        file = yard.site.policies / "repos.toml"
        file.write_text(file.read_text().replace('["shown.example"]', '["shown.example", "unseen.example"]'))
        yard.click(SAM, thread, "Approve")
        yard.wait(
            lambda: yard.task(thread).status.value not in {"held_for_clearance", "queued", "running"} or None, "end", 60
        )
        opened = yard.events(task=yard.task(thread).id, name=EventName.NETWORK_OPENED)
        assert all("unseen.example" not in event.data["hosts"] for event in opened), yard.names(thread)
