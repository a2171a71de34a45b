"""What is wrong in a policy bundle, file by file."""
