"""What the start-up probe tries from inside a sandbox. These modules run in the sandbox: standard library only."""
