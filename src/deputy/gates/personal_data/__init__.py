"""Personal data in what a patch adds."""
