"""Which policy a task is under, and the facts that its conditions look at."""
