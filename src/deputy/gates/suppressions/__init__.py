"""Whether a patch silences the tools that check code."""
