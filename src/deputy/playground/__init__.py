"""A local Slack workspace and a scripted model server, for the demo and the tests."""
