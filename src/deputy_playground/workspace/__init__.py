"""The workspace: channels, messages, files, views."""
