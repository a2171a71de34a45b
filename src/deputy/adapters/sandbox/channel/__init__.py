"""The host's end of a sandbox: the wire, its frames, and the client that uses them."""
