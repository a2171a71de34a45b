"""The engine, and what the tests of environments build on it: once for all tests of a session."""

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from tests.support.environment_builds import IMAGE, OWNER, ours

BARE = f"deputy-test-bare-{os.getpid()}:latest"
# A shell and a few programs of the sandbox image, and the libraries that they need: no Python, no apt, no users.
FILES = (
    *("/bin/sh", "/bin/cat", "/bin/mkdir", "/bin/sleep", "/usr/bin/id", "/bin/ls"),
    *("libc.so.6", "libselinux.so.1", "libpcre2-8.so.0"),
)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def environments(engine: docker.DockerClient) -> Iterator[DockerEnvironments]:
    yield DockerEnvironments(owner=OWNER)
    for image in ours(engine):
        with contextlib.suppress(docker.errors.NotFound):
            engine.images.remove(image.id, force=True)


@pytest.fixture
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=OWNER)
    yield made
    made.sweep(lambda _: False)


@pytest.fixture(scope="session")
def bare(engine: docker.DockerClient) -> Iterator[str]:
    container = engine.containers.create(IMAGE, "true")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in FILES:
            source = path if "/" in path else f"/usr/lib/x86_64-linux-gnu/{path}"
            _copy(container, source, archive, source.replace("/usr/lib/", "/lib/").replace("/usr/bin", "/bin"))
        _copy(container, "/lib64/ld-linux-x86-64.so.2", archive, "/lib64/ld-linux-x86-64.so.2")
    container.remove(force=True)
    repository, _, tag = BARE.partition(":")
    engine.api.import_image_from_data(packed.getvalue(), repository=repository, tag=tag)
    yield BARE
    engine.images.remove(BARE, force=True)


def _copy(container: docker.models.containers.Container, path: str, archive: tarfile.TarFile, name: str) -> None:
    """A file, wherever its links lead."""
    stream, about = container.get_archive(path)
    if about["linkTarget"] and about["linkTarget"] != path:
        _copy(container, about["linkTarget"], archive, name)
        return
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as given:
        member = given.getmembers()[0]
        if member.issym():
            folder = path.rpartition("/")[0]
            _copy(container, os.path.normpath(f"{folder}/{member.linkname}"), archive, name)
            return
        content = given.extractfile(member)
        member.name = name.lstrip("/")
        archive.addfile(member, content)
