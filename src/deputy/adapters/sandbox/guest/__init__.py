"""What runs inside a container. It imports the standard library and this folder only."""
