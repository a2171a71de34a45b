"""Python: what its many files say that work needs."""
