"""Logs and reports to facts."""
