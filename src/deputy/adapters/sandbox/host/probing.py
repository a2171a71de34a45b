"""The start-up probe, from the host: has a box try what must not work in it, and reads its answer as hostile."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.resources import files

from pydantic import TypeAdapter, ValidationError

from deputy.adapters.sandbox.channel.channel import BoxEnded, broken, printable
from deputy.adapters.sandbox.guest.probes.bounds import MEMORY, PROCESSES, Bounds
from deputy.adapters.sandbox.guest.probes.program import attempts
from deputy.adapters.sandbox.guest.probes.trying import NO_ANSWER
from deputy.domain.errors import SandboxFailed
from deputy.ports import Attempt, Sandbox, SandboxLimits

# Small, so that it is quick to find out whether they hold; the way that they are set is the tasks' own. gVisor's kernel
# is a program, whose threads count.
LIMITS = SandboxLimits(
    memory=128 * 1024**2,
    cpus=1.0,
    processes=96,
    disk=8 * 1024**2,
    inodes=300,
    seconds=120,
    output=64 * 1024,
)
_SECONDS = 60.0
_SAID_LIMIT = 200
_RISKY = (PROCESSES, MEMORY)
_ENDED = "the whole box ended"
_FAILED = "it failed, and was not refused"
_PACKAGE = "deputy.adapters.sandbox.guest.probes"
_MODULES = ("trying", "network", "kernel", "files", "bounds", "program")
# The package's own name comes first and is empty.
_BOOTSTRAP = """
import json, sys, types
for name, text in json.loads(sys.argv[1]).items():
    sys.modules[name] = types.ModuleType(name)
    exec(text, sys.modules[name].__dict__)
sys.modules[name].main(sys.argv[2])
"""
_LINES = TypeAdapter(list[tuple[str, bool, str]])


def names() -> tuple[str, ...]:
    """What is tried, in order."""
    return tuple(attempts(Bounds(0, 0, 0, 0, [""]), 1))


def probe(start: Callable[[], Sandbox], scratch: Sequence[str]) -> tuple[Attempt, ...]:
    """Make every attempt, in boxes that ``start`` starts with ``LIMITS`` and an empty workspace.

    ``scratch`` are the folders that a box may write to, the workspace first. ``SandboxFailed`` when a box fails before
    it has answered, or answers something else.
    """
    with ExitStack() as stack:
        box = stack.enter_context(start())
        found = asked(box, [name for name in names() if name not in _RISKY], scratch)
        for name in _RISKY:
            attempt = _risked(box, name, scratch)
            if attempt.said.startswith((NO_ANSWER, _FAILED)):
                # Neither refused nor done: a machine that is busy gets a second chance to refuse it.
                box = stack.enter_context(start())
                attempt = _risked(box, name, scratch)
            if attempt.said.startswith((_ENDED, _FAILED)):
                box = stack.enter_context(start())
            found += (attempt,)
    return found


def _risked(box: Sandbox, name: str, scratch: Sequence[str]) -> Attempt:
    """The attempt, which may end its box: that is a refusal, and no other failure of a box is one."""
    try:
        return asked(box, [name], scratch)[0]
    except BoxEnded:
        # Where a runtime is a program that itself is limited, what exceeds the limit ends all of it.
        return Attempt(name, is_shut=True, said=_ENDED)
    except SandboxFailed as error:
        return Attempt(name, is_shut=False, said=f"{_FAILED}: {error.why}"[:_SAID_LIMIT])


def asked(box: Sandbox, wanted: Sequence[str], scratch: Sequence[str]) -> tuple[Attempt, ...]:
    """The attempts with these names, made in the box."""
    bounds = Bounds(LIMITS.processes, LIMITS.memory, LIMITS.disk, LIMITS.inodes, list(scratch))
    question = json.dumps({"names": list(wanted), "bounds": bounds._asdict()})
    result = box.run(["python3", "-I", "-c", _BOOTSTRAP, _program(), question], timeout=_SECONDS)
    if result.exit_code != 0 or result.truncated:
        raise broken(f"the probe failed: {printable(result.output[-_SAID_LIMIT:].decode('utf-8', 'replace'))}")
    return answered(result.output, wanted)


def answered(output: bytes, wanted: Sequence[str]) -> tuple[Attempt, ...]:
    """The probe's answer. ``SandboxFailed`` unless it says of each attempt how it ended, and of nothing else."""
    try:
        lines = _LINES.validate_json(output, strict=True)
    except ValidationError as error:
        raise broken("the probe's answer can't be read") from error
    if [name for name, _, _ in lines] != list(wanted):
        raise broken("the probe's answer is not to what was asked")
    return tuple(Attempt(name, is_shut, printable(said)[:_SAID_LIMIT]) for name, is_shut, said in lines)


def _program() -> str:
    """The program's modules, as the bootstrap reads them."""
    texts = {_PACKAGE: ""}
    for name in _MODULES:
        texts[f"{_PACKAGE}.{name}"] = files(_PACKAGE).joinpath(f"{name}.py").read_text("utf-8")
    return json.dumps(texts)
