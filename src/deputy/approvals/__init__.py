"""A requirement and votes to a standing."""
