"""What policy is asked, what it is made of, and what it answers."""
