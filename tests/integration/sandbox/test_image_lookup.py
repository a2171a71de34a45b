"""What an image's name means is looked up at every start: it may be another image by then."""

import io
import os
from collections.abc import Callable, Iterator

import docker
import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import SandboxLimits, SandboxSpec
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

OWNER = f"test-images-{os.getpid()}"
NAME = f"deputy-test-images-{os.getpid()}:latest"
SMALL = SandboxLimits(memory=256 * 1024**2, disk=16 * 1024**2, inodes=2000)
TREE = tree_of({"README.md": (b"hello\n", 0o644)})


@pytest.fixture
def tagged() -> Iterator[Callable[[str], None]]:
    """Gives the name to an image with these further lines."""
    client = docker.from_env()

    def build(lines: str) -> None:
        client.images.build(fileobj=io.BytesIO(f"FROM deputy-sandbox:latest\n{lines}".encode()), tag=NAME, rm=True)

    made: set[str] = set()

    def tag(lines: str) -> None:
        build(lines)
        made.add(client.images.get(NAME).id)

    yield tag
    for image in made:
        client.images.remove(image, force=True)
    client.close()


def test_the_volumes_of_an_image_made_anew_are_memory_too(tagged: Callable[[str], None]) -> None:
    sandboxes = DockerSandboxes(owner=OWNER, default_image=NAME)
    spec = SandboxSpec(f"deputy-d-1mages00-1-{OWNER}", "D-1MAGES00", "", TREE, {}, SMALL)
    mounted = ["sh", "-c", "grep -E ' /(data|more) ' /proc/mounts | cut -d' ' -f1-3"]
    tagged("LABEL test=one\n")
    with sandboxes.start(spec) as sandbox:
        assert sandbox.run(mounted).output == b""
    tagged('LABEL test=two\nVOLUME ["/data", "/more"]\n')
    with sandboxes.start(spec) as sandbox:
        assert sorted(sandbox.run(mounted).output.splitlines()) == [b"tmpfs /data tmpfs", b"tmpfs /more tmpfs"]
    sandboxes.close()
