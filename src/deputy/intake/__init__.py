"""Slack text and thread to a task specification, one question, or a refusal."""
