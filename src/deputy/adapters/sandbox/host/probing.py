"""The host's side of the start-up probe. It makes a sandbox try what must not work, and reads the answer as hostile."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.resources import files

from pydantic import TypeAdapter, ValidationError

from deputy.adapters.sandbox.channel.channel import SandboxEnded, broken, printable
from deputy.adapters.sandbox.guest.probes.bounds import MEMORY, PROCESSES, Bounds
from deputy.adapters.sandbox.guest.probes.program import attempts
from deputy.adapters.sandbox.guest.probes.trying import NO_ANSWER
from deputy.domain.errors import SandboxFailed
from deputy.ports import Attempt, Sandbox, SandboxLimits

# Small limits are reached quickly. They are set in the same way as a task's. The number of processes leaves room for
# gVisor, whose kernel is a program with threads of its own.
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
_MESSAGE_LIMIT = 200
_RISKY = (PROCESSES, MEMORY)
_ENDED = "the whole sandbox ended"
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
    """The names of all attempts, in order."""
    return tuple(attempts(Bounds(0, 0, 0, 0, [""]), 1))


def probe(start: Callable[[], Sandbox], scratch: Sequence[str]) -> tuple[Attempt, ...]:
    """Make every attempt, in sandboxes that ``start`` starts with ``LIMITS`` and an empty workspace.

    ``scratch`` are the folders that a sandbox may write to, the workspace first. ``SandboxFailed`` when a sandbox fails
    without an answer, or its answer is malformed.
    """
    with ExitStack() as stack:
        sandbox = stack.enter_context(start())
        found = try_in(sandbox, [name for name in names() if name not in _RISKY], scratch)
        for name in _RISKY:
            attempt = _try_risky(sandbox, name, scratch)
            if attempt.message.startswith((NO_ANSWER, _FAILED)):
                # It was neither refused nor done, as happens on a busy machine: one more try in a new sandbox.
                sandbox = stack.enter_context(start())
                attempt = _try_risky(sandbox, name, scratch)
            if attempt.message.startswith((_ENDED, _FAILED)):
                sandbox = stack.enter_context(start())
            found += (attempt,)
    return found


def _try_risky(sandbox: Sandbox, name: str, scratch: Sequence[str]) -> Attempt:
    """Make an attempt that may end its sandbox. That counts as refused; any other failure of the sandbox does not."""
    try:
        return try_in(sandbox, [name], scratch)[0]
    except SandboxEnded:
        # Some runtimes are one process with the limit on all of it: exceeding the limit ends the whole sandbox.
        return Attempt(name, is_refused=True, message=_ENDED)
    except SandboxFailed as error:
        return Attempt(name, is_refused=False, message=f"{_FAILED}: {error.why}"[:_MESSAGE_LIMIT])


def try_in(sandbox: Sandbox, wanted: Sequence[str], scratch: Sequence[str]) -> tuple[Attempt, ...]:
    """Make the attempts with these names in the sandbox."""
    bounds = Bounds(LIMITS.processes, LIMITS.memory, LIMITS.disk, LIMITS.inodes, list(scratch))
    question = json.dumps({"names": list(wanted), "bounds": bounds._asdict()})
    result = sandbox.run(["python3", "-I", "-c", _BOOTSTRAP, program(), question], timeout=_SECONDS)
    if result.exit_code != 0 or result.truncated:
        raise broken(f"the probe failed: {printable(result.output[-_MESSAGE_LIMIT:].decode('utf-8', 'replace'))}")
    return parse_answer(result.output, wanted)


def parse_answer(output: bytes, wanted: Sequence[str]) -> tuple[Attempt, ...]:
    """The probe's answer. ``SandboxFailed`` unless it has one result for each attempt, in order, and no others."""
    try:
        lines = _LINES.validate_json(output, strict=True)
    except ValidationError as error:
        raise broken("the probe's answer can't be read") from error
    if [name for name, _, _ in lines] != list(wanted):
        raise broken("the probe's answer does not match the question")
    return tuple(Attempt(name, refused, printable(message)[:_MESSAGE_LIMIT]) for name, refused, message in lines)


def program() -> str:
    """The text of the program's modules, as the bootstrap reads them."""
    texts = {_PACKAGE: ""}
    for name in _MODULES:
        texts[f"{_PACKAGE}.{name}"] = files(_PACKAGE).joinpath(f"{name}.py").read_text("utf-8")
    return json.dumps(texts)
