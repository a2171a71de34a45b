"""A question and a policy bundle to a decision."""
