"""A local Slack workspace for the demo and the tests: Web API, Socket Mode and a page in the browser."""
