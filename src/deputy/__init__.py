"""Deputy: small coding requests from Slack threads, done by a governed agent."""
