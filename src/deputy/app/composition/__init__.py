"""The composition root: settings in, running Deputy out."""
