"""The audit trail as pure functions: canonical bytes, chain, Merkle tree, checkpoints, verification, query language."""

from deputy.audit.chain import COLUMNS, GENESIS, SALT_BYTES, Head, Personal, Row, chain_hash, event_of, instant, seal
from deputy.audit.merkle import Checkpoint, merkle_root, parse_checkpoint
from deputy.audit.query import Query, parse_query
from deputy.audit.story import describe, story
from deputy.audit.verification import Damage, Harm, Verdict, verify

__all__ = [
    "COLUMNS",
    "GENESIS",
    "SALT_BYTES",
    "Checkpoint",
    "Damage",
    "Harm",
    "Head",
    "Personal",
    "Query",
    "Row",
    "Verdict",
    "chain_hash",
    "describe",
    "event_of",
    "instant",
    "merkle_root",
    "parse_checkpoint",
    "parse_query",
    "seal",
    "story",
    "verify",
]
