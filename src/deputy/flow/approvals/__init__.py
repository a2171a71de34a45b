"""Waits for people, and what they are told."""
