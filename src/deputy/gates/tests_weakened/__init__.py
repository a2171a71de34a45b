"""Whether a patch makes the tests ask for less."""
