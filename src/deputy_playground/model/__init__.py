"""A model server that speaks the Responses and Chat Completions protocols from a script."""
