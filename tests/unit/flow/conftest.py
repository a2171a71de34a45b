"""A Deputy of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deputy_under_test import DeputyUnderTest


@pytest.fixture
def deputy(tmp_path: Path) -> Iterator[DeputyUnderTest]:
    deputy = DeputyUnderTest(tmp_path)
    yield deputy
    deputy.close()
