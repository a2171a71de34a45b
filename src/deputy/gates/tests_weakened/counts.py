"""Tests, assertions and skips of one file, whatever its language, in one form that both sides of a patch have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class TestMeasure:
    """How much one test asks. ``line`` is where it starts.

    ``asserts`` counts the assertions that can fail. ``cases`` is how many parameter sets it runs with, None where only
    running it would tell. ``broad`` counts the expected exceptions that any mistake would raise, ``matched`` those
    whose message is compared. ``slack`` is the largest tolerance by its name; what counts places is negative, so that
    a larger number is always the looser one.
    """

    __test__ = False  # not a test class, whatever pytest makes of its name

    line: int
    asserts: int = 0
    cases: int | None = 1
    broad: int = 0
    matched: int = 0
    slack: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class TestFacts:
    """The measure of each test (``Class.name``), and how many skips or expected failures there are."""

    __test__ = False

    tests: Mapping[str, TestMeasure] = field(default_factory=lambda: MappingProxyType({}))
    skips: int = 0
    first_skip: int = 0
