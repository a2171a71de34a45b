"""Slack's Web API and event delivery, as far as Deputy uses them."""
