"""Blobs and checkpoints, as files."""
