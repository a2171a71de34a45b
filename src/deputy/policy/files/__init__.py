"""The files of a policy bundle, read strictly."""
