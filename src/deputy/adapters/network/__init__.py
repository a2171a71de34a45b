"""The only way out of a sandbox: a proxy that connects to allowed hosts."""
