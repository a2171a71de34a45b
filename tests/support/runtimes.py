"""The OCI runtimes that the engine lists besides its default one, and whether tasks may run in them here."""

import json
import os
import subprocess
from functools import cache

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.app.composition.sealing import sealing
from deputy.domain.errors import DeputyError


@cache
def further_runtimes() -> tuple[str, ...]:
    """Their names; none where no engine answers."""
    asked = ["docker", "info", "--format", '{"all": {{json .Runtimes}}, "first": {{json .DefaultRuntime}}}']
    try:
        said = json.loads(subprocess.run(asked, capture_output=True, timeout=20, check=True).stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    # Those with a dot are other names of the default one.
    return tuple(sorted(name for name in said["all"] or () if name != said["first"] and "." not in name))


@cache
def refusal(runtime: str) -> str:
    """Why tasks may not run in it here, in the adapter's or the probe's words; empty when they may."""
    sandboxes = DockerSandboxes(owner=f"test-runtimes-{os.getpid()}", runtime=runtime)
    try:
        sealing(sandboxes.probe())
    except DeputyError as error:
        return str(error)
    finally:
        sandboxes.sweep(lambda _: False)
    return ""
