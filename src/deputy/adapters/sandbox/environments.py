"""Environments on a Docker engine: images with a repository's dependencies inside, found again by key."""

from collections.abc import Callable

from deputy.domain.errors import Unavailable
from deputy.ports import BuildStep, EnvironmentSpec


class DockerEnvironments:
    """Implements ``ports.Environments``. ``owner`` names this installation, as for the sandboxes."""

    def __init__(self, *, owner: str, base_url: str | None = None, runtime: str | None = None) -> None:
        self._owner, self._base_url, self._runtime = owner, base_url, runtime

    def base_id(self, image: str) -> str:
        """What the image is, by content."""
        return image

    def find(self, repo: str, key: str) -> str:
        """The name of the image that was built for this key; empty when there is none."""
        del repo, key
        return ""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        """Build it and return the image's name."""
        del on_step
        raise Unavailable(f"the environment of {spec.repo} can't be built", "building is not there yet")

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        """Remove all but the newest images of a repository that nothing uses; returns their names."""
        del repo, keep
        return ()
