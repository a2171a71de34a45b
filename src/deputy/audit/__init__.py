"""The audit trail as pure functions: canonical bytes, chain, Merkle tree, checkpoints, verification, query language."""

from deputy.audit.chain import COLUMNS, GENESIS, SALT_BYTES, Head, Personal, Row, chain_hash, event_of, instant, seal
from deputy.audit.verification import Damage, Harm, Verdict, verify

__all__ = [
    "COLUMNS",
    "GENESIS",
    "SALT_BYTES",
    "Damage",
    "Harm",
    "Head",
    "Personal",
    "Row",
    "Verdict",
    "chain_hash",
    "event_of",
    "instant",
    "seal",
    "verify",
]
