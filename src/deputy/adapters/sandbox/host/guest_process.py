"""Starts process 1 in a container: with the image's own Python, or with one that the environment brought."""

import json
from dataclasses import dataclass
from importlib.resources import files

from docker.api.client import APIClient

from deputy.adapters.sandbox.channel.wire import DockerWire

PYTHON_LABEL = "deputy.python"
IMAGES = "deputy-env-"
OWN_PYTHON = ("python3",)
# The oldest Python that process 1 runs in. ``guest/ruff.toml`` and docs/sandbox.md name it, too.
OLDEST_PYTHON = (3, 10)
# The interpreter of ``environment_python``'s archive. It has its own loader, so it works with any C library or none.
_RUNTIME = "/opt/deputy/runtime"
CARRIED_PYTHON = (f"{_RUNTIME}/ld.so", "--library-path", f"{_RUNTIME}/lib", f"{_RUNTIME}/bin/python3")

# Isolated from the image's settings. The program comes over stdin, because ``ps`` would print a command line.
_BOOTSTRAP = """
import json, sys, types
for name, text in json.loads(sys.stdin.buffer.readline()).items():
    sys.modules[name] = types.ModuleType(name)
    exec(text, sys.modules[name].__dict__)
sys.modules[name].SERVER().serve()
"""
_GUEST = "deputy.adapters.sandbox.guest"
# The modules of process 1, each after the modules that it imports.
_MODULES = ("tree", "workspace", "repository", "relay", "output", "inside")


@dataclass(frozen=True)
class Image:
    """What an image's name means at this moment: its id, its volumes, and the Python that runs process 1."""

    id: str
    volumes: tuple[str, ...]
    python: tuple[str, ...]


def look_up(api: APIClient, name: str) -> Image:
    """The image of this name. It is not cached: the name may mean another image the next time."""
    found = api.inspect_image(name)
    config = found["Config"]
    labels = config.get("Labels") or {}
    # Only environment images bring a Python. The label is ignored on any other image.
    carried = tuple(labels.get(PYTHON_LABEL, "").split()) if name.startswith(IMAGES) else ()
    return Image(str(found["Id"]), tuple(config.get("Volumes") or ()), carried or OWN_PYTHON)


def command(python: tuple[str, ...]) -> list[str]:
    """The command line of process 1, run by this Python."""
    return [*python, "-I", "-S", "-B", "-c", _BOOTSTRAP]


def program(*more: str) -> bytes:
    """The text of a sandbox's modules and of ``more``, as the bootstrap reads them. The last one has the ``SERVER``."""
    names = dict.fromkeys((*_MODULES, *more))
    texts = {f"{_GUEST}.{n}": files(_GUEST).joinpath(f"{n}.py").read_text("utf-8") for n in names}
    return json.dumps(texts).encode() + b"\n"


def started(api: APIClient, container: str, text: bytes) -> DockerWire:
    """Start a created container, send ``text`` as its program, and return the wire to its process 1."""
    # Opened before the start, so that no output of process 1 is lost.
    wire = DockerWire(api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}))
    try:
        api.start(container)
        wire.send(text)
    except BaseException:
        wire.close()
        raise
    return wire
