"""What text may hold: secrets, hidden characters, names of hosts."""
