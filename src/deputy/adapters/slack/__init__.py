"""The Slack listener and the Slack side of the cards (slack-bolt)."""
