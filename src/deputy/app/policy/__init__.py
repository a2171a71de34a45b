"""``deputy policy …``."""
