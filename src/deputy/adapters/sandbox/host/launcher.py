"""How process 1 starts in an image: by the image's own Python, or by one that came with the environment."""

import json
from dataclasses import dataclass
from importlib.resources import files

from docker.api.client import APIClient

from deputy.adapters.sandbox.channel.wire import DockerWire

PYTHON_LABEL = "deputy.python"
IMAGES = "deputy-env-"
OWN_PYTHON = ("python3",)
# The interpreter of environment_python's archive: its own loader, so that it works beside any C library, or none.
_RUNTIME = "/opt/deputy/runtime"
CARRIED_PYTHON = (f"{_RUNTIME}/ld.so", "--library-path", f"{_RUNTIME}/lib", f"{_RUNTIME}/bin/python3")

# Isolated from the image's settings. The program comes over stdin: on the command line every ``ps`` would print it.
_BOOTSTRAP = """
import json, sys, types
for name, text in json.loads(sys.stdin.buffer.readline()).items():
    sys.modules[name] = types.ModuleType(name)
    exec(text, sys.modules[name].__dict__)
sys.modules[name].SERVER().serve()
"""
_GUEST = "deputy.adapters.sandbox.guest"
# What process 1 is made of, each after what it imports.
_MODULES = ("tree", "workspace", "repository", "relay", "output", "inside")


@dataclass(frozen=True)
class Image:
    """What an image's name means at this moment: its id, the folders it wants as volumes, and process 1's Python."""

    id: str
    volumes: tuple[str, ...]
    python: tuple[str, ...]


def look_up(api: APIClient, name: str) -> Image:
    """The image of this name. Nothing of it is remembered: a name may mean another image the next time."""
    found = api.inspect_image(name)
    config = found["Config"]
    labels = config.get("Labels") or {}
    # Only images of ours carry a Python: what others say of theirs is not believed.
    carried = tuple(labels.get(PYTHON_LABEL, "").split()) if name.startswith(IMAGES) else ()
    return Image(str(found["Id"]), tuple(config.get("Volumes") or ()), carried or OWN_PYTHON)


def command(python: tuple[str, ...]) -> list[str]:
    """Process 1, run by this Python."""
    return [*python, "-I", "-S", "-B", "-c", _BOOTSTRAP]


def program(*more: str) -> bytes:
    """A sandbox's modules and these, the one with the last ``SERVER`` at the end, as the bootstrap reads them."""
    names = dict.fromkeys((*_MODULES, *more))
    texts = {f"{_GUEST}.{n}": files(_GUEST).joinpath(f"{n}.py").read_text("utf-8") for n in names}
    return json.dumps(texts).encode() + b"\n"


def started(api: APIClient, container: str, text: bytes) -> DockerWire:
    """Start a created container with ``text`` as its program; the wire to its process 1, closed when that fails."""
    # Opened before the start, so that nothing that process 1 says is lost.
    wire = DockerWire(api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}))
    try:
        api.start(container)
        wire.send(text)
    except BaseException:
        wire.close()
        raise
    return wire
