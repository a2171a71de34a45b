"""The Docker engine: the connection, the labels, the hardening of containers."""
