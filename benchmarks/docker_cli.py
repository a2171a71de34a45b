"""What one would run by hand instead: the ``docker`` command, on the sandbox image."""

import io
import subprocess
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from time import perf_counter
from typing import Final

IMAGE: Final = "deputy-sandbox:latest"


def run_bare(*options_and_command: str, stdin: bytes = b"") -> float:
    """Seconds of a ``docker run --rm``, start to end; ``CalledProcessError`` when it fails."""
    began = perf_counter()
    subprocess.run(
        ["docker", "run", "--rm", *options_and_command], input=stdin, capture_output=True, check=True, timeout=120
    )
    return perf_counter() - began


def time_until_said(word: bytes, *options_and_command: str, stdin: bytes) -> float:
    """Seconds until a ``docker run -i`` prints a line; then the container is removed, untimed."""
    name = f"deputy-bench-{token_hex(4)}"
    began = perf_counter()
    with subprocess.Popen(
        ["docker", "run", "--rm", "-i", "--name", name, *options_and_command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(stdin)
            process.stdin.close()
            said = process.stdout.readline()
            taken = perf_counter() - began
        finally:
            subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False, timeout=60)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
    if said.strip() != word:
        raise AssertionError(f"the container said {said!r}")
    return taken


def label_of(container: str, name: str) -> str:
    """What a container's label says; empty when it has none of that name."""
    shown = ["docker", "inspect", "--format", f'{{{{index .Config.Labels "{name}"}}}}', container]
    return subprocess.run(shown, capture_output=True, check=True, text=True, timeout=60).stdout.strip()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
