"""Git mirrors, workspaces without history, patches computed between trees."""

from deputy.adapters.repos.git_repos import GitRepos

__all__ = ["GitRepos"]
