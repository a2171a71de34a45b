"""Which hosts policy lets a run reach: hosts are the paths of ``use-network``."""

import pytest

from deputy.agent.prompts import RepoFacts, system_prompt
from deputy.domain.errors import BadPolicy
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect
from deputy.domain.policy.facts import UNKNOWN
from deputy.domain.tasks.request import TaskKind, TaskSpec
from deputy.flow.sandboxes.network import network_decisions, reviewed
from deputy.policy import Bundle, explain, lint, load
from deputy.policy.files.model import MODEL
from deputy.policy.repo_policy import parse_repo_policy

ALICE = "user:T0ACME/U0ALICE"
REPOS = b'[repo."acme/shop"]\nurl = "shop.git"\naliases = ["shop"]\n[repo."acme/pay-api"]\nurl = "pay.git"\n'
PEOPLE = "g, user:T0ACME/U0ALICE, role:engineer, acme/*\n"


def bundle_of(rules: str, repos: bytes = REPOS) -> Bundle:
    return load({"model.conf": MODEL.encode(), "policy.csv": rules.encode(), "repos.toml": repos})


def rules(*lines: str) -> str:
    texts = (f"p, n{number}, role:engineer, acme/*, use-network, {line}\n" for number, line in enumerate(lines))
    return "".join(texts) + PEOPLE


def ask(bundle: Bundle, host: str) -> Decision:
    return bundle.decide(ALICE, "acme/shop", Action.USE_NETWORK, (host,))


def test_a_host_is_asked_about_by_its_name() -> None:
    bundle = bundle_of(rules("pypi.org, allow, -", "*.example.org, allow, -", "b.example.org, deny, -"))
    assert ask(bundle, "pypi.org").effect is Effect.ALLOW
    assert ask(bundle, "files.pythonhosted.org").effect is Effect.DENY
    assert ask(bundle, "a.example.org").effect is Effect.ALLOW
    assert ask(bundle, "a.b.example.org").effect is Effect.ALLOW
    assert ask(bundle, "example.org").effect is Effect.DENY
    assert ask(bundle, "b.example.org").effect is Effect.DENY
    assert "rule n0 allows use-network of pypi.org" in explain(ask(bundle, "pypi.org"))


@pytest.mark.parametrize(
    ("lines", "effect"),
    [
        (["*.example.org, allow, -"], Effect.ALLOW),
        (["**, allow, -"], Effect.ALLOW),
        (["*, allow, -"], Effect.ALLOW),
        (["*.org, allow, -"], Effect.ALLOW),
        ([], Effect.DENY),
        (["a.example.org, allow, -"], Effect.DENY),
        (["?.example.org, allow, -"], Effect.DENY),  # of one letter only, though the star is one, too
        (["*.a.example.org, allow, -"], Effect.DENY),
        (["**, allow, -", "bad.example.org, deny, -"], Effect.DENY),
        (["**, allow, -", "Bad.Example.org, deny, -"], Effect.DENY),
        (["**, allow, -", "b*, deny, -"], Effect.DENY),
        (["**, allow, -", "example.org, deny, -"], Effect.ALLOW),
        (["**, allow, -", "*.example.com, deny, -"], Effect.ALLOW),
        (["**, allow, -", "a.example.org, review, role:senior=1"], Effect.REVIEW),
    ],
)
def test_all_hosts_below_one_are_open_only_where_nothing_speaks_against_any(lines: list[str], effect: Effect) -> None:
    assert ask(bundle_of(rules(*lines)), "*.example.org").effect is effect


def test_only_reviews_hold_a_run_up() -> None:
    repos = REPOS.replace(b'aliases = ["shop"]', b'network = ["a.example", "b.example", "c.example", "b.example"]')
    bundle = bundle_of(rules("a.example, allow, -", "b.example, allow, -", "b.example, review, role:senior=1"), repos)
    asked = network_decisions(bundle, ALICE, "acme/shop", UNKNOWN)
    assert [decision.effect for decision in asked] == [Effect.ALLOW, Effect.REVIEW, Effect.DENY]
    assert [decision.needs for decision in reviewed(asked)] == [(ApprovalRequirement(role="role:senior"),)]
    assert network_decisions(bundle, ALICE, "acme/pay-api", UNKNOWN) == ()


def test_a_repository_can_forbid_hosts_and_not_permit_any() -> None:
    own = parse_repo_policy(b'[[rule]]\naction = "use-network"\npaths = ["*.example.org"]\neffect = "deny"\n')
    bundle = bundle_of(rules("**, allow, -")).with_own(own, "acme/shop")
    assert ask(bundle, "a.example.org").effect is Effect.DENY
    assert ask(bundle, "*.example.org").effect is Effect.DENY
    assert ask(bundle, "pypi.org").effect is Effect.ALLOW
    nothing = parse_repo_policy(b'[[rule]]\naction = "use-network"\neffect = "deny"\n')
    assert ask(bundle_of(rules("**, allow, -")).with_own(nothing, "acme/shop"), "pypi.org").effect is Effect.DENY
    with pytest.raises(BadPolicy):
        parse_repo_policy(b'[[rule]]\naction = "use-network"\npaths = ["pypi.org"]\neffect = "allow"\n')


@pytest.mark.parametrize("path", ["PyPI.org", "pypi.org/simple", "src/**"])
def test_the_lint_names_paths_that_are_no_hosts(path: str) -> None:
    files = {"model.conf": MODEL.encode(), "policy.csv": rules(f"{path}, allow, -").encode(), "repos.toml": REPOS}
    assert any("use-network is about hosts" in problem.message for problem in lint(files))


@pytest.mark.parametrize("path", ["pypi.org", "*.example.org", "**", "*", "xn--bcher-kva.example"])
def test_the_lint_takes_hosts_as_paths(path: str) -> None:
    files = {"model.conf": MODEL.encode(), "policy.csv": rules(f"{path}, allow, -").encode(), "repos.toml": REPOS}
    assert lint(files) == ()


def test_an_agent_is_told_what_it_can_reach() -> None:
    spec = TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix it")
    assert "pypi.org" in system_prompt(spec, RepoFacts(hosts=("pypi.org",)), ())
    assert "can be reached" not in system_prompt(spec, RepoFacts(), ())
