"""Who is next: a fair order of the waiting, within limits, and everybody's place in it."""
