"""The page in the browser, and what a person does on it."""
