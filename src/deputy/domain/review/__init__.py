"""What is found in a patch, the evidence about it, and the people who decide on it."""
