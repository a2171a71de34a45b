"""docs/policy-tools.md: the repository's own policy that it shows can be used, and every key is explained."""

import re
from pathlib import Path

import pytest

from deputy.policy import parse_repo_policy
from deputy.policy.repo_policy import RepoGate, RepoLimits, RepoRule, _File

TEXT = (Path(__file__).parents[3] / "docs" / "policy-tools.md").read_text()


def test_the_example_of_an_own_policy_can_be_used() -> None:
    own = parse_repo_policy(re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0].encode())
    assert (len(own.rules), len(own.hidden), len(own.gates), own.limits.agent_turns) == (2, 1, 1, 20)


@pytest.mark.parametrize(
    "key", sorted({*RepoRule.model_fields, *RepoGate.model_fields, *RepoLimits.model_fields, "hidden"})
)
def test_every_key_is_explained(key: str) -> None:
    table = TEXT[TEXT.index("| key | holds |") :]
    assert f"`{key}`" in table


def test_no_other_key_exists() -> None:
    assert set(_File.model_fields) == {"rule", "hidden", "gate", "limits"}
