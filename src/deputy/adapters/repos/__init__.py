"""Git mirrors, workspaces without history, patches computed between trees."""
