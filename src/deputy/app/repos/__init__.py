"""``deputy repo …``."""
