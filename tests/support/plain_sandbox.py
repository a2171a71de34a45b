"""A plain sandbox for fast tests: a temporary folder and subprocesses. It seals nothing off."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from deputy.adapters.sandbox.channel.client import DeltaCaps, workspace_path
from deputy.adapters.sandbox.guest.tree import Refused, read_file, write_file
from deputy.adapters.sandbox.guest.workspace import Workspace
from deputy.domain.errors import BadInput, Cancelled, NotFound, OutOfBudget, SandboxFailed
from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports import Attempt, SandboxSpec, TreeDelta, TreeFile


class PlainSandbox:
    """Implements ``ports.Sandbox``. ``commands`` keeps what was run."""

    def __init__(self, spec: SandboxSpec, caps: DeltaCaps, forget: Callable[[], None]) -> None:
        self._spec, self._caps, self._forget = spec, caps, forget
        self._folder = tempfile.TemporaryDirectory(prefix="deputy-plain-")
        self._root = str(Path(self._folder.name).resolve())
        self._end = time.monotonic() + spec.limits.seconds
        self.commands: list[tuple[str, ...]] = []
        self.is_closed = False
        self._workspace = Workspace(self._root)
        for path, file in spec.tree.items():
            self._workspace.put(path, file.mode, file.blob, file.content)
        self._workspace.link(spec.links)
        self._workspace.settle()

    @property
    def name(self) -> str:
        return self._spec.name

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Callable[[bytes], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> CommandResult:
        self._be_open()
        if isinstance(argv, str) or not argv:
            raise BadInput("can't run this command", "a command is a list of words")
        seconds = min(timeout, self._end - time.monotonic())
        if seconds <= 0:
            raise OutOfBudget("the sandbox's time is used up")
        self.commands.append(tuple(argv))
        began = time.monotonic()
        try:
            child = subprocess.Popen(
                list(argv),
                cwd=Path(self._root, workspace_path(cwd)),
                env={**os.environ, **self._spec.env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return CommandResult(tuple(argv), 127, f"deputy: {error}\n".encode(), 0, 0.0)
        try:
            output, timed_out = self._follow(child, began + seconds, on_output, is_cancelled)
        except BaseException:
            self.close()
            raise
        text, cut = _capped(output, self._spec.limits.output)
        code = -9 if timed_out else child.returncode
        return CommandResult(tuple(argv), code, text, cut, time.monotonic() - began, timed_out)

    def _follow(
        self,
        child: "subprocess.Popen[bytes]",
        end: float,
        on_output: Callable[[bytes], None] | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> tuple[bytes, bool]:
        pipe = child.stdout
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
        output, timed_out = bytearray(), False
        try:
            while child.poll() is None:
                if is_cancelled and is_cancelled():
                    raise Cancelled("the task was cancelled", "what ran in its sandbox was killed")
                if time.monotonic() > end:
                    timed_out = True
                    break
                select.select([pipe], [], [], 0.02)
                _drain(pipe.fileno(), output, on_output)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        _drain(pipe.fileno(), output, on_output)
        pipe.close()
        return bytes(output), timed_out

    def read(self, path: str, *, limit: int = 1024**2) -> bytes:
        self._be_open()
        try:
            return read_file(self._root, workspace_path(path), limit)
        except Refused as refusal:
            raise NotFound(f"can't read {path!r}", refusal.why) from refusal

    def write(self, path: str, content: bytes) -> None:
        self._be_open()
        try:
            write_file(self._root, workspace_path(path), content)
        except Refused as refusal:
            raise BadInput(f"can't write {path!r}", refusal.why) from refusal

    def delta(self) -> TreeDelta:
        self._be_open()
        caps = self._caps
        try:
            found = list(self._workspace.changes(most_files=caps.files, most_bytes=caps.total, largest=caps.largest))
        except Refused as refusal:
            raise OutOfBudget("the change is too big to take out", refusal.why) from refusal
        written = sorted((TreeFile(path, mode, data) for path, mode, data in found if mode), key=lambda file: file.path)
        return TreeDelta(tuple(written), tuple(sorted(path for path, mode, _ in found if not mode)))

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._folder.cleanup()
            self._forget()

    def _be_open(self) -> None:
        if self.is_closed:
            raise SandboxFailed("the sandbox is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class PlainSandboxes:
    """Implements ``ports.Sandboxes``. ``started`` keeps every spec that was started; ``live`` what is open now."""

    def __init__(self, caps: DeltaCaps | None = None) -> None:
        self._caps = caps or DeltaCaps()
        self.live: dict[str, tuple[SandboxSpec, PlainSandbox]] = {}
        self.started: list[SandboxSpec] = []

    def start(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> PlainSandbox:
        if is_cancelled and is_cancelled():
            raise Cancelled("the task was cancelled")
        if spec.name in self.live:
            self.live[spec.name][1].close()
        sandbox = PlainSandbox(spec, self._caps, lambda: self.live.pop(spec.name, None) and None)
        self.live[spec.name] = (spec, sandbox)
        self.started.append(spec)
        return sandbox

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        dead = sorted(name for name, (spec, _) in self.live.items() if not is_live(spec.task))
        for name in dead:
            self.live[name][1].close()
        return tuple(dead)

    def remaining(self, task: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, (spec, _) in self.live.items() if spec.task == task))

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        del wanted  # a folder is made in no time

    def probe(self) -> tuple[Attempt, ...]:
        return ()

    def check(self) -> str:
        return "plain folders (for tests)"

    def close(self) -> None:
        """Nothing waits."""


def _drain(fd: int, output: bytearray, on_output: Callable[[bytes], None] | None) -> None:
    # Bounded: an endless output must not outrun the caller's deadline.
    for _ in range(64):
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            return
        output += data
        if on_output:
            on_output(data)


def _capped(output: bytes, limit: int) -> tuple[bytes, int]:
    cut = len(output) - 2 * (limit // 2)
    if cut <= 0:
        return output, 0
    mark = b"\n[... %d bytes left out ...]\n" % cut
    return output[: limit // 2] + mark + output[-(limit // 2) :], cut
