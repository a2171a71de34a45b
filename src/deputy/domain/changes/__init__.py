"""The difference between two trees, and what its paths mean."""
