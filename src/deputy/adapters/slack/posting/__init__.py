"""What Deputy shows in Slack: cards, replies, files."""
