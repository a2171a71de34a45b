"""Sandboxes from the host: started, kept ready, probed, removed."""
