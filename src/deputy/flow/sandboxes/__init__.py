"""Sandboxes as the workflows use them: their images, their network, their end."""
