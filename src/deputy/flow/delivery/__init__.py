"""From a checked patch to its files in the thread."""
