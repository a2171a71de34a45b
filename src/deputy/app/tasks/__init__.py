"""``deputy task …``, ``deputy audit …`` and ``deputy insights``."""
