"""What differs between two policy bundles, in answers and in tables."""
