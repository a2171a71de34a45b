"""One attempt at a task, from its start to its outcome."""
