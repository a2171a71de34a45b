"""Images with a repository's dependencies: built in a builder, found again by key."""
