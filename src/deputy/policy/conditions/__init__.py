"""Conditions of rules: times, sizes, counters."""
