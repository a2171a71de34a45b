"""Files that run on their own, or rule what runs."""
