"""RFC 6962's Merkle tree over the trail's bodies, and the checkpoint text that commits to it.

The text follows C2SP's tlog-checkpoint: origin, number of rows, root in base64, then one extension line of ours with
the hash that the chain ended in. Whoever keeps it can later tell whether the trail was cut or rewritten.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from deputy.audit.chain import Head, leaf_hash
from deputy.domain.errors import BadInput

_EXTENSION = "chain "
_LINES = 4


@dataclass(frozen=True)
class Checkpoint:
    """What a trail looked like. ``origin`` names the installation; ``root`` is the Merkle root over the first rows."""

    origin: str
    head: Head
    root: bytes

    def text(self) -> str:
        """The lines that are signed and published."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.head.seq}\n{root}\n{_EXTENSION}{self.head.hash}\n"


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The Merkle tree hash (RFC 6962, 2.1) of the leaves, in one pass and with memory for one branch."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, node = 1, leaf_hash(leaf)
        while peaks and peaks[-1][0] == size:
            size, node = size * 2, _join(peaks.pop()[1], node)
        peaks.append((size, node))
    if not peaks:
        return hashlib.sha256().digest()
    node = peaks.pop()[1]
    while peaks:
        node = _join(peaks.pop()[1], node)
    return node


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text (what follows its lines, such as signatures, is left alone); ``BadInput`` otherwise."""
    lines = text.split("\n")
    try:
        origin, size, root, extension = lines[:_LINES]
        digest = base64.b64decode(root, validate=True)
    except (ValueError, binascii.Error):
        raise _unreadable() from None
    chain = extension.removeprefix(_EXTENSION)
    is_whole = origin and re.fullmatch(r"0|[1-9][0-9]{0,17}", size) and len(digest) == hashlib.sha256().digest_size
    if not is_whole or not extension.startswith(_EXTENSION) or not re.fullmatch(r"[0-9a-f]{64}", chain):
        raise _unreadable()
    return Checkpoint(origin, Head(int(size), chain), digest)


def _unreadable() -> BadInput:
    return BadInput(
        "this checkpoint can't be read",
        "it has not the lines origin, number of rows, root, chain",
        "give the text as `deputy audit checkpoint` printed it",
    )
