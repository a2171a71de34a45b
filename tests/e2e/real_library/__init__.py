"""A real third-party library as a repository that work is asked for: boltons, from its published source archive."""
