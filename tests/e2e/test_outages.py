"""What breaks around Deputy: at its start a sentence and status 1, later a wait, a retry, a sentence in the thread."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy_playground.faults import Trouble
from deputy_playground.model.server import Fault
from tests.e2e.conftest import ALICE, CHANNEL, NOTE, RATE, SAM, SUE, RunningDeputy, make_site, push, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

ODD = "can you just make `tiny` feel more welcoming"


# ------------------------------------------------------------------------------------------------ at the start


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    """Everything but Deputy."""
    site = make_site(tmp_path_factory.mktemp("cold"))
    site.prepare()
    site.slack.start()
    site.model.start()
    yield RunningDeputy(site)
    site.model.stop()
    site.slack.stop()


def serve(yard: RunningDeputy, **environment: str) -> str:
    """``deputy serve`` that must end at once, with status 1 and one sentence; the sentence."""
    command = [sys.executable, "-m", "deputy.app.cli", "serve"]
    told = {**yard.site.environment, **environment}
    done = subprocess.run(command, check=False, env=told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]  # besides the log's JSON
    assert lines[0].startswith("deputy: ")
    return "\n".join(lines).removeprefix("deputy: ")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"DEPUTY_POLICIES": "/nowhere/policies"},
            (
                "There is no policies folder /nowhere/policies: without a policy nothing is permitted. "
                "Run `deputy init`, or set DEPUTY_POLICIES to the folder."
            ),
        ),
        (
            {"DOCKER_HOST": "unix:///nowhere/docker.sock"},
            (
                "The Docker engine does not answer: tried unix:///nowhere/docker.sock. "
                "Start it or set DOCKER_HOST, then run 'make setup'."
            ),
        ),
        (
            {"DEPUTY_SANDBOX_IMAGE": "no-such-image:1"},
            "The sandbox image no-such-image:1 is missing: the engine does not have it. Run 'make setup'.",
        ),
        (
            {"DEPUTY_DATABASE_URL": "postgresql://deputy:a-password@127.0.0.1:9/deputy"},
            (
                "The database deputy at 127.0.0.1:9 can't be used: connection failed: connection to server at "
                '"127.0.0.1", port 9 failed: Connection refused. '
                "Start it, or correct DEPUTY_DATABASE_URL, then try again."
            ),
        ),
        (
            {"DEPUTY_DATABASE_URL": "mysql://localhost/deputy"},
            (
                "Databases of the kind mysql are not supported. Set DEPUTY_DATABASE_URL to "
                "sqlite:////path/to/deputy.db or postgresql://user:password@host/database."
            ),
        ),
        (
            {"SLACK_BOT_TOKEN": "xoxb-wrong"},
            (
                "Slack does not accept the token in SLACK_BOT_TOKEN: invalid_auth. "
                "Check SLACK_BOT_TOKEN and that the app is still installed in the workspace."
            ),
        ),
        (
            {"SLACK_APP_TOKEN": "xapp-wrong"},
            (
                "Slack does not accept the token in SLACK_APP_TOKEN: invalid_auth. "
                "Check SLACK_APP_TOKEN and that the app is still installed in the workspace."
            ),
        ),
        (
            {"SLACK_BOT_TOKEN": ""},
            (
                "SLACK_BOT_TOKEN is not set: Deputy can't speak in Slack without it. Install the app from "
                "deploy/slack-manifest.yaml and set its bot token (xoxb-…); `deputy doctor` checks it."
            ),
        ),
        (
            {"SLACK_APP_TOKEN": ""},
            (
                "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set: Deputy would hear nothing. "
                "Set SLACK_APP_TOKEN (it starts with xapp-) for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode."
            ),
        ),
        (
            {"DEPUTY_MODEL_API": "soap"},
            (
                "The setting DEPUTY_MODEL_API can't be used: input should be 'responses' or 'chat'. "
                "Correct it in the environment."
            ),
        ),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else "",
)
def test_it_says_why_it_does_not_start(cold: RunningDeputy, environment: dict[str, str], sentence: str) -> None:
    assert serve(cold, **environment) == sentence


def test_slack_out_of_reach_at_the_start(cold: RunningDeputy) -> None:
    said = serve(cold, SLACK_API_URL="http://127.0.0.1:9/api/")
    assert said.startswith("Slack can't be reached while checking the bot token: ")
    assert "Check SLACK_API_URL and the network, then start Deputy again." in said


def test_a_broken_policy_at_the_start(cold: RunningDeputy, tmp_path: Path) -> None:
    folder = make_site(tmp_path, csv="p, typo, role:engineer, acme/*, edit, **, Deny, -\n")._given_policies
    first, second = serve(cold, DEPUTY_POLICIES=str(folder)).splitlines()
    assert first == "The policy bundle can't be loaded: 1 problem"
    assert "no such effect as 'Deny'; write one of allow, review, deny." in second


def test_a_second_worker_on_the_same_file(yard: RunningDeputy) -> None:
    assert serve(yard) == (
        "Another Deputy works on this database already: SQLite allows one worker. "
        "Stop the other one, or set DEPUTY_DATABASE_URL to a Postgres database to run many."
    )
    yard.until(yard.ask(NOTE), "*Delivered*")


# ------------------------------------------------------------------------------------------------ the model


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.DISCONNECT])
def test_a_model_that_stumbles_is_asked_again(yard: RunningDeputy, fault: Fault) -> None:
    yard.site.model.inject(fault)
    thread = yard.ask(ODD)
    card = yard.until(thread, "*Failed*")
    assert "I can't do this. I am the playground's scripted model" in card.text


@pytest.mark.parametrize("fault", [Fault.MALFORMED_CALL, Fault.UNKNOWN_TOOL])
def test_a_model_that_calls_tools_wrongly_is_told(yard: RunningDeputy, fault: Fault) -> None:
    yard.site.model.inject(fault)
    thread = yard.ask(ODD)
    yard.until(thread, "I can't do this. I am the playground's scripted model")
    assert yard.names(thread).count(EventName.RUN_TURN) == 2
    assert yard.names(thread)[-1] == EventName.TASK_FAILED


def test_a_model_without_quota(yard: RunningDeputy) -> None:
    yard.site.model.inject(*[Fault.NO_QUOTA] * 20)
    thread = yard.ask(ODD)
    card = yard.until(thread, "*Failed*", 60)
    yard.site.model._faults.clear()
    assert (
        "The model account is out of quota: You exceeded your current quota. "
        "Add credit or use another key, then ask again." in card.text
    )
    assert yard.containers(yard.task(thread).id) == []
    assert yard.names(thread)[-1] == EventName.TASK_FAILED


def test_a_model_that_is_down(tmp_path: Path) -> None:
    with running(tmp_path, environment={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}) as yard:
        thread = yard.ask(ODD)
        card = yard.until(thread, "*Failed*", 60)
        assert (
            "The model server at 127.0.0.1 can't be reached: the connection was refused or broke off. "
            "Check OPENAI_BASE_URL and that the server runs." in card.text
        )
        yard.until(yard.ask(NOTE), "*Delivered*")
        yard.is_well()


def test_no_model_at_all(tmp_path: Path) -> None:
    with running(tmp_path, environment={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}) as yard:
        card = yard.until(yard.ask(ODD), "This needs an agent.")
        assert (
            "This needs an agent. No model is configured: OPENAI_API_KEY is not set. "
            "Ask your Deputy's operator to set it. Recipes work without one: " in card.text
        )
        assert "fix-lint" in card.text
        yard.until(yard.ask(NOTE), "*Delivered*")
        yard.is_well()


# ------------------------------------------------------------------------------------------------ Slack


def tidy(yard: RunningDeputy, thread: str) -> None:
    """The card and the files, once each."""
    yard.until(thread, "*Delivered*", 60)
    yard.wait(lambda: any(m.files for m in yard.slack.thread(CHANNEL, thread)), "files")
    assert len(yard.said(thread)) == 2, yard.said(thread)
    assert [len(m.files) for m in yard.slack.thread(CHANNEL, thread) if m.files] == [3]
    assert yard.names(thread).count(EventName.DELIVERY_FINISHED) == 1


METHODS = (
    "chat.postMessage",
    "chat.update",
    "files.getUploadURLExternal",
    "files.completeUploadExternal",
    "users.info",
)


@pytest.mark.parametrize(
    "trouble", [Trouble.RATE_LIMITED, Trouble.SERVER_ERROR, Trouble.DROP_BEFORE, Trouble.DROP_AFTER, Trouble.GARBAGE]
)
def test_trouble_with_slack_posts_nothing_twice(yard: RunningDeputy, trouble: Trouble) -> None:
    for method in METHODS:
        yard.slack.faults.plan(method, trouble, seconds=1)
    try:
        tidy(yard, yard.ask(NOTE))
    finally:
        yard.slack.faults.clear()


def test_a_cancellation_in_trouble_is_told_as_it_was(yard: RunningDeputy) -> None:
    """What is said does not change because Slack had to be asked twice."""
    thread = yard.held()
    task = yard.task(thread).id
    yard.slack.faults.plan("chat.postMessage", Trouble.SERVER_ERROR, 6)
    yard.slack.say(ALICE, CHANNEL, "cancel", thread)
    yard.until(thread, f"{task} is cancelled.", 60)
    yard.until(thread, "*Cancelled*", 60)
    assert "There is no open task" not in "".join(yard.said(thread))
    assert yard.names(thread).count(EventName.TASK_CANCEL_ASKED) == 1
    yard.slack.faults.clear()


def test_a_connection_that_ends_in_the_middle(yard: RunningDeputy) -> None:
    for cut in (yard.slack.hang_up, yard.slack.reconnect):
        thread = yard.ask("can you just nap for 2 seconds in `tiny`")
        yard.until(thread, "Working")
        cut()
        yard.until(thread, "Nothing needed changing: the recipe ran and left every file as it was.")
        tidy(yard, yard.ask(NOTE))


# ------------------------------------------------------------------------------------------------ the branch moves


def test_the_branch_moves_elsewhere(yard: RunningDeputy) -> None:
    thread = yard.held()
    base = yard.task(thread).base
    push(yard.site, "NEWS.md", f"{time.time()}\n")
    yard.click(SAM, thread, "Approve")
    yard.until(thread, "*Delivered*")
    assert yard.task(thread).base == base
    assert EventName.BASE_MOVED not in yard.names(thread)


def test_the_branch_moves_under_the_patch(yard: RunningDeputy) -> None:
    thread = yard.held()
    before = yard.task(thread)
    tip = push(yard.site, "billing/rates.txt", f"{time.time()}\n")
    yard.click(SAM, thread, "Approve")
    yard.wait(lambda: yard.task(thread).run_number == before.run_number + 1, "second run")
    yard.until(thread, "Waiting for sign-off")
    task = yard.wait(_held(yard, thread), "second hold")
    assert (task.base, task.run.patch != before.run.patch) == (tip, True)
    moved = next(e for e in yard.events(task=task.id) if e.name == EventName.BASE_MOVED)
    assert "differs in billing/rates.txt" in str(moved.data["why"])
    assert EventName.DELIVERY_FINISHED not in yard.names(thread)
    yard.click(SUE, thread, "Approve")
    yard.until(thread, "*Delivered*")
    votes = [e for e in yard.events(task=task.id) if e.name == EventName.VOTE_CAST]
    assert len({e.data["digest"] for e in votes}) == 2


def _held(yard: RunningDeputy, thread: str) -> Callable[[], object]:
    return lambda: task if (task := yard.task(thread)).status is TaskStatus.HELD_FOR_SIGNOFF else None


# ------------------------------------------------------------------------------------------------ roles change


@pytest.fixture
def roles(yard: RunningDeputy) -> Iterator[Callable[[Callable[[str], str]], None]]:
    """Edit ``policy.csv``; it is put back afterwards."""
    file = yard.site.policies / "policy.csv"
    good = file.read_text()
    yield lambda edit: (file.write_text(edit(good)), None)[1]
    file.write_text(good)


def without(who: str) -> Callable[[str], str]:
    """The policy without this person's roles."""
    grant = f"g, user:T0ACME/{who},"
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(grant))


def test_a_role_is_gone_before_the_vote(yard: RunningDeputy, roles: Callable[[Callable[[str], str]], None]) -> None:
    thread = yard.held()
    roles(without(SAM))
    assert yard.whispered(SAM, lambda: yard.click(SAM, thread, "Approve")) == (
        "Deciding this takes role:senior, which you don't have in acme/tiny."
    )
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF


def test_a_role_is_gone_before_the_next_vote(
    yard: RunningDeputy, roles: Callable[[Callable[[str], str]], None]
) -> None:
    two = "p, r-two, role:anyone, acme/tiny, edit, billing/**, review, role:senior=2\n"
    roles(lambda text: text + two)
    thread = yard.held()
    task = yard.task(thread).id
    counts = f"Your vote on {task} counts. Waiting for 1 more senior."
    assert yard.whispered(SAM, lambda: yard.click(SAM, thread, "Approve")) == counts
    roles(lambda text: without(SAM)(text) + two)
    assert yard.whispered(SUE, lambda: yard.click(SUE, thread, "Approve")) == counts
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF


def test_a_role_is_gone_before_delivery(yard: RunningDeputy, roles: Callable[[Callable[[str], str]], None]) -> None:
    """Delivery waits for the repository's server; meanwhile Sam stops being a senior."""
    remote = yard.site.home / "remotes" / "tiny.git"
    away = remote.with_name("away.git")
    thread = yard.held()
    remote.rename(away)
    try:
        yard.click(SAM, thread, "Approve")
        yard.wait(lambda: EventName.HOLD_GRANTED in yard.names(thread), "grant")
        roles(without(SAM))
    finally:
        away.rename(remote)
    yard.wait(lambda: EventName.HOLD_VOIDED in yard.names(thread), "void")
    yard.until(thread, "A signature no longer counts: roles have changed since. Waiting for 1 senior.")
    assert EventName.DELIVERY_FINISHED not in yard.names(thread)
    yard.click(SUE, thread, "Approve")
    yard.until(thread, "*Delivered*")


def test_an_unreachable_repository_is_a_sentence(yard: RunningDeputy) -> None:
    remote = yard.site.home / "remotes" / "tiny.git"
    away = remote.with_name("away.git")
    remote.rename(away)
    try:
        thread = yard.ask(RATE)
        card = yard.until(thread, "*Failed*", 60)
        assert "acme/tiny" in card.text
    finally:
        away.rename(remote)
    yard.until(yard.ask(NOTE), "*Delivered*")
