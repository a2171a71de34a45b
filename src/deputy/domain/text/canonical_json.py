"""JSON that is the same for equal values, for digests. The audit trail has a form of its own: ``audit.chain``."""

import hashlib
import json

from pydantic import JsonValue

from deputy.domain.identifiers import Digest


def canonical_json(value: JsonValue) -> str:
    """The value as ASCII text: keys sorted, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of_json(value: JsonValue) -> Digest:
    """SHA-256 of the canonical text, in hexadecimal."""
    return Digest(hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest())
