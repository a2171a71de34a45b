"""The image that a repository's sandboxes start from, at one commit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deputy.domain.config import RepoConfig
from deputy.flow.world import World
from deputy.ports import BuildStep


@dataclass(frozen=True)
class Prepared:
    """What a sandbox of a repository starts with: its image, variables, and links into the image (``SandboxSpec``)."""

    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def prepare(
    world: World, repo: RepoConfig, commit: str, on_step: Callable[[BuildStep], None] = lambda _: None
) -> Prepared:
    """The repository's image for a commit, built now if it has to be."""
    del commit, on_step
    return Prepared(repo.image or world.image, repo.env)
