"""What people send: messages, commands, clicks, and what becomes of them."""
