"""``deputy init``, ``doctor``, ``serve``, ``bot`` and ``worker``."""
