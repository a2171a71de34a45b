"""A transcript and a budget to the next move."""
