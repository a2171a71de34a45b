"""Tasks to figures: cycle time, review time, outcomes, cost."""

from deputy.insights.summary import Spread, Summary, spread, summary

__all__ = ["Spread", "Summary", "spread", "summary"]
