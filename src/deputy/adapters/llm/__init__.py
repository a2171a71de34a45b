"""Model adapters: OpenAI Responses and Chat Completions."""
