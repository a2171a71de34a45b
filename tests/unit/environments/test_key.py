"""The key of an environment's image: any change that matters changes it, and nothing else does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.policy.config import Environment
from deputy.environments import inputs_of, key

BASE = "sha256:" + "a" * 64
WORDS = st.text("abcx-_./", min_size=1, max_size=8)
MANY = st.lists(WORDS, max_size=3).map(tuple)
NAMES = ("requirements.txt", "package-lock.json", "src/a.py", "docs/x.md", "api/pyproject.toml")
FILES = st.dictionaries(st.sampled_from(NAMES), st.text("0123456789abcdef", min_size=4, max_size=4))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "packages": MANY,
    "setup": st.lists(MANY, max_size=3).map(tuple),
    "network": MANY,
    "path": MANY,
    "env": st.dictionaries(WORDS, WORDS, max_size=3),
    "secrets": MANY,
    "keep": MANY,
}
ENVIRONMENTS = st.builds(Environment, **FIELDS, inputs=st.just(()))


def test_a_key_is_a_digest_that_stays() -> None:
    # A released key that changed would have every image built again.
    environment = Environment(packages=("git",), setup=(("npm", "ci"),), inputs=("package-lock.json",))
    files = {"package-lock.json": "1" * 40, "README.md": "2" * 40}
    assert key(environment, BASE, files) == "b90e10280d50e76dfcc773ea182f0895e4b97cc120a69688ee7fe9f5227a0ddf"


@given(ENVIRONMENTS, FILES)
def test_it_is_64_hexadecimal_digits(environment: Environment, files: dict[str, str]) -> None:
    found = key(environment, BASE, files)
    assert len(found) == 64
    assert set(found) <= set("0123456789abcdef")


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_counts(field: str) -> None:
    @given(ENVIRONMENTS, FIELDS[field], FILES)
    def law(environment: Environment, value: object, files: dict[str, str]) -> None:
        other = environment.model_copy(update={field: value})
        is_same = getattr(environment, field) == value
        assert (key(environment, BASE, files) == key(other, BASE, files)) is is_same

    law()


@given(ENVIRONMENTS, FILES, FILES)
def test_what_setup_reads_counts_and_nothing_else(
    environment: Environment, files: dict[str, str], others: dict[str, str]
) -> None:
    is_same = inputs_of(environment, files) == inputs_of(environment, others)
    assert (key(environment, BASE, files) == key(environment, BASE, others)) is is_same


@given(ENVIRONMENTS, FILES, st.integers(1, 10**6))
def test_order_and_time_do_not_count(environment: Environment, files: dict[str, str], timeout: int) -> None:
    backwards = dict(reversed(files.items()))
    other = environment.model_copy(update={"timeout": timeout, "env": dict(reversed(environment.env.items()))})
    assert key(environment, BASE, files) == key(other, BASE, backwards)


def test_the_base_image_counts() -> None:
    assert key(Environment(), BASE, {}) != key(Environment(), BASE[:-1] + "b", {})


def test_inputs_are_those_that_are_named() -> None:
    files = {"requirements.txt": "1", "api/uv.lock": "2", "src/a.py": "3", "Makefile": "4"}
    assert inputs_of(Environment(inputs=("Makefile", "src/**")), files) == {"Makefile": "4", "src/a.py": "3"}
    assert inputs_of(Environment(), files) == {"requirements.txt": "1", "api/uv.lock": "2"}


def test_the_order_of_commands_counts() -> None:
    one, two = ("pip", "install", "a"), ("pip", "install", "b")
    assert key(Environment(setup=(one, two)), BASE, {}) != key(Environment(setup=(two, one)), BASE, {})


def test_a_changed_setup_script_makes_another_environment():
    environment = Environment(setup=(("sh", "scripts/setup.sh"),))
    assert key(environment, "b", {"scripts/setup.sh": "1"}) != key(environment, "b", {"scripts/setup.sh": "2"})
