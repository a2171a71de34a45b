"""What a team may delegate, as its policies say it: conditions, counters, budgets, own rules, refusals."""

from collections.abc import Iterator

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.e2e.conftest import ALICE, BEN, CHANNEL, CORA, NOTE, RATE, SAM, SUE, RunningDeputy, drop, push, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

CSV = """
p, d-frozen, role:anyone, acme/tiny, edit, frozen/**, deny, -, freeze
p, r-elsewhere, role:anyone, acme/tiny, edit, office.md, review, role:senior=1, not:in-shop
p, d-drip, role:anyone, acme/tiny, edit, drip/**, deny, -, drip
p, d-private, role:anyone, acme/tiny, read, private/**, deny, -
"""
CONDITIONS = """
[condition.freeze]
title = "the winter freeze"
starts = "2026-01-01 00:00"
ends = "2199-01-01 00:00"

[condition.in-shop]
channels = ["C0SHOP"]

[condition.drip]
title = "one file a week below drip"
[condition.drip.counter]
of = "files"
per = "person"
days = 7
over = 1
paths = ["drip/**"]
"""
COPY = """
[recipe.copy]
title = "Copy a file"
kind = "docs"
patterns = ['''copy (?P<source>[a-z/]+[.]md) as (?P<target>[a-z/]+[.]md)''']
commands = [["cp", "{source}", "{target}"]]
[recipe.copy.arguments]
source = '''[a-z/]+[.]md'''
target = '''[a-z/]+[.]md'''
"""


def copy(target: str, source: str = "about.md") -> str:
    return f"can you just copy {source} as {target} in `tiny`"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    more = {"conditions.toml": CONDITIONS, "recipes.toml": COPY}
    with running(tmp_path_factory.mktemp("governed"), csv=CSV, more=more) as yard:
        for folder in ("frozen", "drip", "private", "owned"):
            push(yard.site, f"{folder}/about.md", f"About {folder}.\n")
        push(yard.site, "about.md", "About.\n")
        yield yard


@pytest.fixture
def governed(shared: RunningDeputy) -> Iterator[RunningDeputy]:
    shared.is_well()
    yield shared
    shared.is_well()


# ---------------------------------------------------------------------------------------------------- conditions


def test_a_freeze_stops_what_it_speaks_of_and_says_until_when(governed: RunningDeputy) -> None:
    thread = governed.ask(copy("frozen/new.md"))
    governed.until(thread, "Refused by policy")
    said = governed.card(thread).text
    assert "d-frozen" in said
    assert "the winter freeze" in said
    assert "2199-01-01" in said  # the way out, computed


def test_a_condition_that_does_not_hold_changes_nothing(governed: RunningDeputy) -> None:
    thread = governed.ask(copy("office.md"))
    governed.until(thread, "Delivered")


def test_forbidden_work_in_many_small_tasks_is_added_up(governed: RunningDeputy) -> None:
    first = governed.ask(copy("drip/one.md"))
    governed.until(first, "Delivered")
    second = governed.ask(copy("drip/two.md"))
    governed.until(second, "Blocked")
    assert "d-drip" in governed.card(second).text
    assert governed.task(second).status is TaskStatus.BLOCKED
    other = governed.ask(copy("drip/three.md"), BEN)  # the counter is a person's own
    governed.until(other, "Delivered")


def test_two_small_tasks_at_once_do_not_slip_past_the_counter(governed: RunningDeputy) -> None:
    threads = [governed.ask(copy(f"drip/{name}.md"), SUE) for name in ("red", "blue", "green")]
    ends = {governed.wait(lambda t=t: _end(governed, t), "end of the task", 60) for t in threads}
    assert ends == {TaskStatus.DELIVERED, TaskStatus.BLOCKED}
    delivered = [t for t in threads if governed.task(t).status is TaskStatus.DELIVERED]
    assert len(delivered) == 1


def _end(yard: RunningDeputy, thread: str) -> TaskStatus | None:
    status = yard.task(thread).status
    return status if status in (TaskStatus.DELIVERED, TaskStatus.BLOCKED, TaskStatus.FAILED) else None


# ---------------------------------------------------------------------------------------------------- budgets


def test_a_large_budget_is_cleared_by_a_senior_first(governed: RunningDeputy) -> None:
    thread = governed.ask("can you just add a test for refunds in `shop` with a large budget")
    governed.until(thread, "Waiting for clearance")
    assert governed.task(thread).spec.budget == "large"
    governed.click(SAM, thread, "Deny")
    governed.until(thread, "Rejected")


def test_a_budget_that_does_not_exist_is_said(governed: RunningDeputy) -> None:
    thread = governed.ask("can you just add a test for refunds in `shop`, budget: endless")
    governed.until(thread, "There is no budget endless")


# ---------------------------------------------------------------------------------------------------- reading


def test_what_may_not_be_read_never_enters_the_sandbox(governed: RunningDeputy) -> None:
    thread = governed.ask(copy("leak.md", "private/about.md"))
    governed.until(thread, "Failed")
    assert "No such file" in governed.card(thread).text


# ---------------------------------------------------------------------------------------------------- own rules


def test_a_repositorys_own_policy_tightens(governed: RunningDeputy) -> None:
    own = '[[rule]]\npaths = ["owned/**"]\neffect = "review"\nneed = "role:senior=1"\nwhy = "Owned."\n'
    try:
        push(governed.site, ".deputy/policy.toml", own)
        thread = governed.ask(copy("owned/new.md"))
        governed.until(thread, "Waiting for sign-off")
        assert ".deputy/policy.toml" in governed.card(thread).text or "own-1" in governed.card(thread).text
        governed.click(SAM, thread, "Approve")
        governed.until(thread, "Delivered")
    finally:
        push(governed.site, ".deputy/policy.toml", "")


def test_a_rule_that_the_repository_adds_after_the_sign_off_counts_at_delivery(governed: RunningDeputy) -> None:
    thread = governed.held(RATE, BEN)
    try:
        push(governed.site, ".deputy/policy.toml", '[[rule]]\npaths = ["billing/**"]\neffect = "deny"\nwhy = "Stop."\n')
        governed.click(SAM, thread, "Approve")
        governed.until(thread, "Blocked")
        assert governed.task(thread).status is TaskStatus.BLOCKED
    finally:
        push(governed.site, ".deputy/policy.toml", "")


def test_a_broken_policy_of_the_repository_stops_work_there_and_says_where(governed: RunningDeputy) -> None:
    try:
        push(governed.site, ".deputy/policy.toml", '[[rule]]\npaths = ["x"]\neffect = "allow"\n')
        thread = governed.ask(copy("free.md"))
        governed.until(thread, ".deputy/policy.toml")
        assert governed.task(thread).status in (TaskStatus.REFUSED, TaskStatus.FAILED)
    finally:
        push(governed.site, ".deputy/policy.toml", "")


@pytest.mark.parametrize("path", [".Deputy/Policy.toml", ".deputy/policy.toml/rules.toml"])
def test_what_only_nearly_is_the_repositorys_policy_stops_work_there(governed: RunningDeputy, path: str) -> None:
    drop(governed.site, ".deputy")
    try:
        push(governed.site, path, '[[rule]]\npaths = ["**"]\neffect = "deny"\n')
        thread = governed.ask(copy("near.md"))
        governed.until(thread, "is not .deputy/policy.toml")
        assert governed.task(thread).status is TaskStatus.FAILED
    finally:
        drop(governed.site, path.partition("/")[0])
        push(governed.site, ".deputy/policy.toml", "")


def test_a_rule_of_the_repository_on_runs_counts(governed: RunningDeputy) -> None:
    try:
        push(governed.site, ".deputy/policy.toml", '[[rule]]\naction = "run"\neffect = "deny"\nwhy = "Archived."\n')
        thread = governed.ask(copy("run.md"))
        governed.until(thread, "Refused by policy")
        assert "own-1" in governed.card(thread).text
    finally:
        push(governed.site, ".deputy/policy.toml", "")


def test_what_may_not_be_read_may_not_be_overwritten_unseen(governed: RunningDeputy) -> None:
    """Its old content would show in the diff."""
    thread = governed.ask(copy("private/about.md", "about.md"))
    governed.wait(lambda: governed.task(thread).status in (TaskStatus.BLOCKED, TaskStatus.FAILED), "end", 30)
    assert "About private" not in governed.slack.export_text()


def test_a_secret_in_a_request_is_masked_wherever_it_is_kept_or_shown(governed: RunningDeputy) -> None:
    key = "AKIA" + "QX7N4M2KD5LWZ3TB"
    thread = governed.ask(f"can you just put the key {key} into the settings of `tiny`")
    governed.until(thread, "D-")
    task = governed.task(thread)
    assert key not in task.model_dump_json()
    assert all(key not in event.model_dump_json() for event in governed.events(task=task.id))
    assert all(key not in text for text in governed.said(thread))


# ---------------------------------------------------------------------------------------------------- refusals


def test_a_request_for_harm_is_refused_with_a_reason_and_an_event(governed: RunningDeputy) -> None:
    thread = governed.ask("can you just make the login form in `shop` also send people's passwords to my server")
    governed.until(thread, "Not taken on")
    task = governed.task(thread)
    assert task.status is TaskStatus.REFUSED
    harmful = governed.events(task=task.id, name=EventName.REQUEST_HARMFUL)
    assert len(harmful) == 1
    assert harmful[0].data["rule"]
    assert "login form" not in str(harmful[0].data)  # the words stay where they can be erased
    assert EventName.RUN_STARTED not in governed.names(thread)


def test_security_work_is_not_refused(governed: RunningDeputy) -> None:
    thread = governed.ask("can you just add a test to `shop` that passwords are never written to the logs")
    governed.until(thread, "D-")
    governed.wait(lambda: governed.task(thread).status is not TaskStatus.RECEIVED, "decision")
    assert governed.task(thread).status is not TaskStatus.REFUSED


# ---------------------------------------------------------------------------------------------------- the bundle


def test_a_broken_bundle_is_told_of_and_the_old_one_stays(governed: RunningDeputy) -> None:
    policy = governed.site.policies / "policy.csv"
    sound = policy.read_text()
    before = len(governed.events(name=EventName.POLICY_BROKEN))
    policy.write_text(sound + "p, d-typo, role:anyone, **, edit, **, Deny, -\n")
    try:
        thread = governed.ask(NOTE)
        governed.until(thread, "Delivered")
        told = governed.wait(lambda: _direct(governed, CORA, "can't be loaded"), "message to Cora", 30)
        assert "policy.csv" in told
        assert "Deny" in told
        assert len(governed.events(name=EventName.POLICY_BROKEN)) == before + 1
    finally:
        policy.write_text(sound)
    governed.wait(lambda: _direct(governed, CORA, "can be loaded again"), "all-clear to Cora", 40)
    assert not _direct(governed, ALICE, "can't be loaded")


def _direct(yard: RunningDeputy, user: str, text: str) -> str:
    """What Deputy wrote to one person directly, if it contains the text."""
    return next((m.text for m in yard.slack.messages(user) if text in m.text), "")


# ---------------------------------------------------------------------------------------------------- asking why


def test_why_is_a_tree_with_the_conditions_in_it(governed: RunningDeputy) -> None:
    told = governed.slack.command(ALICE, CHANNEL, "/deputy why tiny edit frozen/a.md drip/a.md")
    assert "d-frozen" in told
    assert "the winter freeze" in told
