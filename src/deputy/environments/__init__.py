"""What a repository needs to be worked on: read off its files, and the key that an environment's image is kept under."""
