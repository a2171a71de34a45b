"""The Merkle root against RFC 6962's own definition, and the checkpoint text."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.audit import Checkpoint, Head, merkle_root, parse_checkpoint
from deputy.domain.errors import BadInput

CHECKPOINT = Checkpoint("deputy.example/acme", Head(3, "ab" * 32), b"\x07" * 32)


def reference(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + reference(leaves[:split]) + reference(leaves[split:])).digest()


# Roots over the first leaves of the test vectors that certificate-transparency implementations share.
VECTOR = [bytes.fromhex(leaf) for leaf in ("", "00", "10", "2021", "3031", "40414243")]


def test_the_known_vectors() -> None:
    assert merkle_root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle_root(VECTOR[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(VECTOR[:6]).hex() == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_law_one_pass_gives_the_defined_root(leaves: list[bytes]) -> None:
    assert merkle_root(iter(leaves)) == reference(leaves)


def test_a_checkpoint_reads_back() -> None:
    assert CHECKPOINT.text().split("\n")[:3] == ["deputy.example/acme", "3", base64.b64encode(b"\x07" * 32).decode()]
    assert parse_checkpoint(CHECKPOINT.text()) == CHECKPOINT
    assert parse_checkpoint(CHECKPOINT.text() + "\n— deputy.example/acme c2ln\n") == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one line",
        CHECKPOINT.text().replace("\n3\n", "\n03\n"),
        CHECKPOINT.text().replace("\n3\n", "\nthree\n"),
        CHECKPOINT.text().replace("Bw", "!!"),
        CHECKPOINT.text().replace("chain ", "chained "),
        CHECKPOINT.text().replace("ab", "zz"),
        CHECKPOINT.text().removeprefix("deputy.example/acme"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="This checkpoint can't be read"):
        parse_checkpoint(text)
