"""Whether a reviewer can see what a patch does."""
