"""A tree change and its evidence to a gate report."""
