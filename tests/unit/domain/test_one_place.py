"""What must mean one thing stands in one place: orders, merging, modes, address ranges, canonical JSON."""

import re
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.adapters.network.addresses import is_closed
from deputy.domain.changes import git_modes
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.decision import ApprovalRequirement, Effect, Severity
from deputy.domain.policy.effects import (
    effect_of_severity,
    is_stricter_effect,
    milder,
    stricter,
    strictest_effect,
    strictness,
)
from deputy.domain.text.canonical_json import canonical_json, digest_of_json
from deputy.gates.personal_data.numbers import is_public_address

SOURCE = Path(__file__).parents[3] / "src" / "deputy"
requirements = st.builds(
    ApprovalRequirement, role=st.sampled_from(("role:a", "role:b", "role:c")), count=st.integers(1, 5)
)


@given(st.lists(st.sampled_from(Effect), min_size=1))
def test_deny_beats_review_beats_allow(effects: list[Effect]) -> None:
    order = [Effect.DENY, Effect.REVIEW, Effect.ALLOW]
    assert strictest_effect(effects) is next(effect for effect in order if effect in effects)
    assert not any(is_stricter_effect(effect, strictest_effect(effects)) for effect in effects)


@given(st.sampled_from(Severity), st.sampled_from(Severity))
def test_of_two_severities_one_is_milder_and_one_stricter(one: Severity, other: Severity) -> None:
    assert {milder(one, other), stricter(one, other)} == {one, other}
    assert strictness(milder(one, other)) <= strictness(stricter(one, other))
    assert effect_of_severity(stricter(one, other)) is strictest_effect(map(effect_of_severity, (one, other)))


@given(st.lists(requirements), st.lists(requirements))
def test_merged_requirements_satisfy_each_group(
    one: list[ApprovalRequirement], other: list[ApprovalRequirement]
) -> None:
    merged = {requirement.role: requirement.count for requirement in merge_requirements(one, other)}
    assert all(merged[requirement.role] >= requirement.count for requirement in (*one, *other))
    assert merge_requirements(other, one) == merge_requirements(one, other) == merge_requirements((*one, *other))


@pytest.mark.parametrize(
    ("counts", "text"), [((), ""), ((1,), "1 a"), ((1, 2), "1 a and 2 b"), ((1, 2, 3), "1 a, 2 b and 3 c")]
)
def test_requirements_are_said_in_one_way(counts: tuple[int, ...], text: str) -> None:
    named = zip("abc", counts, strict=False)
    assert requirements_text([ApprovalRequirement(role=f"role:{name}", count=count) for name, count in named]) == text


def test_modes_are_spelt_out_in_one_module_and_in_the_guest_that_imports_nothing() -> None:
    known = {git_modes.FILE, git_modes.EXECUTABLE, git_modes.LINK, git_modes.GITLINK, git_modes.ABSENT}
    spelt = {
        path.relative_to(SOURCE).as_posix(): set(re.findall(r'"([01][0-9]{5})"', path.read_text()))
        for path in SOURCE.rglob("*.py")
    }
    elsewhere = {path for path, modes in spelt.items() if modes & known}
    assert elsewhere == {
        "domain/changes/git_modes.py",
        "adapters/sandbox/guest/tree.py",
        "adapters/sandbox/guest/workspace.py",
    }
    assert spelt["adapters/sandbox/guest/tree.py"] | spelt["adapters/sandbox/guest/workspace.py"] <= known


@given(st.ip_addresses(v=4).map(str))
def test_no_address_that_a_sandbox_may_not_reach_is_personal_data(address: str) -> None:
    if is_closed(address):
        assert not is_public_address(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "198.51.100.7", "203.0.113.255", "10.1.2.3", "100.64.0.1"])
def test_examples_and_inner_addresses_are_nobodys(address: str) -> None:
    assert ip_address(address)
    assert not is_public_address(address)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_equal_values_have_one_text_and_one_digest(value: dict[str, int | str | None]) -> None:
    shuffled = dict(reversed(value.items()))
    assert canonical_json(dict(value)) == canonical_json(dict(shuffled))
    assert digest_of_json(dict(value)) == digest_of_json(dict(shuffled))
    assert canonical_json(dict(value)).isascii()
