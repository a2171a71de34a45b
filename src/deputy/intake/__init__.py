"""Slack text → ``TaskSpec``, or the one question to ask, or a sentence why not. Pure."""

from deputy.intake.recipes import commands_for
from deputy.intake.understand import Understanding, Unusable, answer, control, parse

__all__ = ["Understanding", "Unusable", "answer", "commands_for", "control", "parse"]
