"""A Slack and two model APIs written from the vendors' public documentation only: they know nothing of Deputy."""
