"""Trees and the differences between them, in the host's own repositories."""
