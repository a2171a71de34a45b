"""Requests that ask for harm, found by the rules of ``refusals.toml``."""
