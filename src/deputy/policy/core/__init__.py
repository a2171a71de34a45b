"""Rules and paths to a decision: Casbin, the path index, and the words for the answer."""
