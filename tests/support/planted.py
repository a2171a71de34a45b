"""Credentials that nobody ever issued, put together when a test runs, so that none stands in the repository."""

import random
import string

LETTERS = string.ascii_letters + string.digits


def word(length: int, seed: int, letters: str = LETTERS) -> str:
    dice = random.Random(seed)
    return "".join(dice.choice(letters) for _ in range(length))


def github_token(seed: int = 1) -> str:
    return f"{'gh'}p_{word(36, seed)}"


def slack_token(seed: int = 1) -> str:
    return f"{'xo'}xb-{word(12, seed, string.digits)}-{word(12, seed + 1, string.digits)}-{word(24, seed)}"


def private_key(seed: int = 1) -> str:
    """A block in the form of a private key; its content is noise."""
    body = "\n".join(word(64, 100 * seed + line, LETTERS + "+/") for line in range(24))
    return f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{body}\n-----END RSA {'PRIVATE'} KEY-----\n"
