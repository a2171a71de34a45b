"""Canonical bytes, hash chain, verification."""
