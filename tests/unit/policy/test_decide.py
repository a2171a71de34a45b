"""What the bundle answers, and how it says so."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from deputy.domain.errors import NotFound
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect
from deputy.policy import EVERYWHERE, Bundle, explain, load
from deputy.policy.files.model import MODEL

ALICE, SAM, CORA = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM", "user:T0ACME/U0CORA"
REPOS = b'[repo."acme/shop"]\nurl = "shop.git"\naliases = ["shop"]\n[repo."acme/pay-api"]\nurl = "pay.git"\n'
RULES = """\
p, a-eng,  role:engineer, acme/*,     edit, **,              allow,  -
p, r-auth, role:engineer, acme/*,     edit, **/auth/**,      review, role:senior=1
p, r-bill, role:engineer, acme/pay-*, edit, src/billing/**,  review, role:senior=2;role:billing-owner=1
p, d-env,  role:anyone,   **,         edit, **/.env*,        deny,   -
p, a-ask,  role:engineer, acme/shop,  request, **,           allow,  -
p, r-lone, role:engineer, acme/*,     read, docs/**,         review, role:senior=1
p, a-aud,  role:auditor,  **,         query-audit, **,       allow,  -
g, user:T0ACME/U0ALICE, role:engineer, acme/*
g, user:T0ACME/U0SAM,   role:senior, acme/shop
g, role:senior,     role:engineer, acme/*
g, role:engineer,   role:anyone,   **
g, user:T0ACME/U0CORA, role:auditor, **
"""


def bundle_of(rules: str = RULES, repos: bytes = REPOS) -> Bundle:
    return load({"model.conf": MODEL.encode(), "policy.csv": rules.encode(), "repos.toml": repos})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_of()


def effect(bundle: Bundle, path: str, *, who: str = ALICE, repo: str = "acme/shop") -> Effect:
    return bundle.decide(who, repo, Action.EDIT, (path,)).effect


def test_deny_beats_review_beats_allow_beats_nothing(bundle: Bundle) -> None:
    assert effect(bundle, "src/a.py") is Effect.ALLOW
    assert effect(bundle, "src/auth/a.py") is Effect.REVIEW
    assert effect(bundle, "src/auth/.env") is Effect.DENY
    assert bundle.decide(ALICE, "acme/shop", Action.DELIVER).effect is Effect.DENY


def test_a_review_alone_allows_nothing(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.READ, ("docs/a.md",))
    assert decision.effect is Effect.DENY
    assert decision.needs == ()
    assert "a review such as r-lone only adds to what another rule allows" in decision.reason


def test_the_worst_path_decides(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, ("a.py", "auth/b.py", "x/.env"))
    assert decision.effect is Effect.DENY
    assert [rule.id for rule in decision.rules] == ["d-env"]
    assert [path.effect for path in decision.paths] == [Effect.ALLOW, Effect.REVIEW, Effect.DENY]
    assert [rule.id for rule in decision.paths[1].rules] == ["a-eng", "r-auth"]


def test_needs_are_the_maximum_per_role(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/pay-api", Action.EDIT, ("src/auth/b.py", "src/billing/c.py"))
    assert decision.needs == (
        ApprovalRequirement(role="role:billing-owner", count=1),
        ApprovalRequirement(role="role:senior", count=2),
    )


def test_needs_do_not_depend_on_the_order_of_paths(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/pay-api", Action.EDIT, ("src/billing/c.py", "src/auth/b.py"))
    assert decision.needs == (
        ApprovalRequirement(role="role:billing-owner", count=1),
        ApprovalRequirement(role="role:senior", count=2),
    )


def test_roles_reach_as_far_as_their_grants(bundle: Bundle) -> None:
    assert bundle.roles(SAM, "acme/shop") == {"role:senior", "role:engineer", "role:anyone"}
    assert bundle.roles(SAM, "acme/pay-api") == frozenset()
    assert bundle.roles("user:T0OTHER/U0SAM", "acme/shop") == frozenset()
    assert bundle.holders("role:engineer", "acme/shop") == (ALICE, SAM)
    assert bundle.holders("role:engineer", "acme/pay-api") == (ALICE,)
    assert bundle.holders("role:nobody", "acme/shop") == ()


@pytest.mark.parametrize("repo", ["acme/unknown", "ACME/shop", "", "acme/shop/", "shop"])
def test_a_repository_that_nobody_registered_is_refused(bundle: Bundle, repo: str) -> None:
    decision = bundle.decide(ALICE, repo, Action.REQUEST)
    assert decision.effect is Effect.DENY
    assert decision.reason == f"{repo!r} is no repository of this policy"
    assert decision.counter_offer == "you may ask for work in acme/shop"
    assert bundle.roles(ALICE, repo) == frozenset()


def test_a_rule_about_one_person_reaches_no_unregistered_repository() -> None:
    personal = bundle_of("p, x, user:T0ACME/U0ALICE, **, edit, **, allow, -\n")
    assert effect(personal, "a.py") is Effect.ALLOW
    assert effect(personal, "a.py", repo="acme/unknown") is Effect.DENY


def test_everywhere_takes_a_grant_that_says_everywhere(bundle: Bundle) -> None:
    assert bundle.decide(CORA, EVERYWHERE, Action.QUERY_AUDIT).effect is Effect.ALLOW
    assert bundle.decide(ALICE, EVERYWHERE, Action.EDIT).effect is Effect.DENY


@pytest.mark.parametrize("subject", ["role:engineer", "role:senior", "", "user:", "user:T0ACME/U0ALICE ", "U0ALICE"])
def test_nobody_acts_as_a_role(bundle: Bundle, subject: str) -> None:
    assert effect(bundle, "a.py", who=subject) is Effect.DENY


@pytest.mark.parametrize("path", [".Env", "x/.ENV.local", "x/.env.", "x\\.env", "x/.env ", "x/．env", "x/.eNv\u00b9"])
def test_a_look_alike_of_a_denied_path_is_denied(bundle: Bundle, path: str) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, (path,))
    assert [rule.id for rule in decision.rules] == ["d-env"]


def test_a_look_alike_of_an_allowed_path_is_not_allowed() -> None:
    rules = "p, a, role:e, acme/shop, edit, docs/**, allow, -\ng, user:T0ACME/U0ALICE, role:e, acme/shop\n"
    narrow = bundle_of(rules)
    assert effect(narrow, "docs/a.md") is Effect.ALLOW
    for path in ("Docs/a.md", "docs./a.md", "docs\\a.md", "ｄocs/a.md"):
        assert effect(narrow, path) is Effect.DENY


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "a//b", "../x", "a/../secrets/x", "a/./b", "a\nb", "a\x00b", "a\u202eb", "\udcff", ""]
)
def test_what_is_no_path_is_denied_and_named(bundle: Bundle, path: str) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, (path, "a.py"))
    assert decision.effect is Effect.DENY
    assert "can't be the path of a file here" in decision.reason
    assert decision.reason.isprintable()


@pytest.mark.parametrize("path", ["./auth/x.py", "src/auth/", "./src/auth"])
def test_dots_and_slashes_at_the_ends_change_nothing(bundle: Bundle, path: str) -> None:
    assert effect(bundle, path) is Effect.REVIEW


# ---- sentences -----------------------------------------------------------------------------------------------------


def test_the_reason_names_rule_and_path(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, ("deploy/.env", "a.py"))
    assert decision.reason == "rule d-env denies edit of deploy/.env"
    assert decision.policy == bundle.digest
    assert decision.rules[0].line == 4
    assert decision.rules[0].text == "p, d-env, role:anyone, **, edit, **/.env*, deny, -"


def test_the_offer_says_what_else_may_be_edited(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, ("deploy/.env",))
    assert decision.counter_offer == (
        "in acme/shop you may edit any other path except **/.env*; **/auth/** with review by 1 senior"
    )


def test_the_offer_names_repositories_that_are_open(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/pay-api", Action.REQUEST)
    assert decision.reason == f"no rule lets {ALICE} ask for work in acme/pay-api"
    assert decision.counter_offer == "you may ask for work in acme/shop"


def test_the_offer_names_roles_that_may(bundle: Bundle) -> None:
    decision = bundle.decide(CORA, "acme/shop", Action.REQUEST)
    assert decision.counter_offer == "people with role:engineer may ask for work in acme/shop: ask one of them"
    nobody = bundle.decide(CORA, "acme/shop", Action.BREAK_GLASS)
    assert nobody.counter_offer.startswith("nobody may break the glass in acme/shop")


def test_an_allow_offers_nothing(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.REQUEST)
    assert decision.reason == "rule a-ask allows request in acme/shop"
    assert decision.counter_offer == ""


def test_long_answers_are_counted_not_listed(bundle: Bundle) -> None:
    decision = bundle.decide(ALICE, "acme/shop", Action.EDIT, tuple(f"{n}/.env" for n in range(9)))
    assert decision.reason == "rule d-env denies edit of 0/.env, 1/.env, 2/.env and 6 more paths"


def test_explain_shows_every_path_and_rule(bundle: Bundle) -> None:
    text = explain(bundle.decide(ALICE, "acme/shop", Action.EDIT, ("auth/a.py", "x.py")))
    assert "REVIEW" in text
    assert "needs 1 senior" in text
    assert "policy.csv:2  p, r-auth" in text
    assert "allow   x.py" in text
    assert bundle.digest in text


# ---- the bundle ----------------------------------------------------------------------------------------------------


def test_the_digest_is_of_names_and_contents() -> None:
    same, moved = bundle_of(), bundle_of(RULES + "# a comment\n")
    assert same.digest == bundle_of().digest
    assert moved.digest != same.digest
    files = dict(same.files)
    assert load({**files, "tests/a.toml": b""}).digest != load({**files, "tests/b.toml": b""}).digest


def test_repositories_are_found_by_name_and_alias(bundle: Bundle) -> None:
    assert bundle.repo("acme/shop").url == "shop.git"
    assert bundle.repo("Shop").name == "acme/shop"
    with pytest.raises(NotFound, match="acme/shop, acme/pay-api"):
        bundle.repo("nope")


def test_a_bundle_can_be_shared_by_threads() -> None:
    shared = bundle_of()
    ask = [(who, repo) for who in (ALICE, SAM, CORA, "user:T9/U9") for repo in ("acme/shop", "acme/pay-api")] * 25
    expected = [bundle_of().decide(who, repo, Action.EDIT, ("auth/x",)).effect for who, repo in ask[:8]] * 25
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda q: shared.decide(q[0], q[1], Action.EDIT, ("auth/x",)).effect, ask))
    assert found == expected
