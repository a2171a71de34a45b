"""What the repository's checks say of a patch."""
