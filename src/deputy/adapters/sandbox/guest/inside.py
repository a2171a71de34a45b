"""Process 1 of a sandbox: runs commands and moves files for the host, over its own stdin and stdout.

The host sends this file's text and those that it needs over stdin, so the two ends never disagree.
Standard library only, for Python 3.10 or newer. One frame is two big-endian 32-bit lengths, a JSON header and raw
bytes. Each reply repeats the request's unguessable ``id``. Nothing here is trusted by the host.

One thread, on purpose: a sandbox that has used up its process limit can't start another. After every command,
everything else in the sandbox is killed, so no file operation here races against the sandbox's own code.
"""

# Commands come from the host; there are no threads.
# ruff: noqa: S603

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from deputy.adapters.sandbox.guest.output import CHUNK, Output
from deputy.adapters.sandbox.guest.relay import Relay
from deputy.adapters.sandbox.guest.repository import forget_repository, make_repository
from deputy.adapters.sandbox.guest.tree import Refused, read_file, write_file
from deputy.adapters.sandbox.guest.workspace import Workspace

ROOT = "/workspace"
LENGTHS = struct.Struct(">II")
PR_SET_DUMPABLE = 4
F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
KILL_SECONDS = 10.0

Field = str | int | float | bool | list[str] | dict[str, str]
Header = dict[str, Field]


def kill_everything() -> None:
    """Kill and reap every other process of the sandbox.

    One ``kill(-1)`` is atomic: a fork fails while a signal is pending.
    """
    # Outside a container this would end the user's session.
    if os.getpid() != 1:
        raise Refused("failed", "not process 1")
    end = time.monotonic() + KILL_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)
    raise Refused("failed", "a process can't be killed")


class GuestServer:
    """Answers the host's requests, one after the other."""

    def __init__(self) -> None:
        self.workspace = Workspace(ROOT)
        self.has_gateway = Relay.is_wanted()
        self.libc = ctypes.CDLL(None)
        self.wake, wake = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake, False)
        # Work trees come through this pipe: a larger one needs fewer reads. The kernel limits pipes per user.
        with contextlib.suppress(OSError):
            fcntl.fcntl(0, F_SETPIPE_SZ, PIPE_BYTES)
        # Kept open: only a dumpable process may open its own /proc files.
        self.score = os.open("/proc/self/oom_score_adj", os.O_RDWR)
        self.own_score = os.read(self.score, 16)
        # Immune to ptrace and /proc/1/fd from inside.
        self.libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        # The kernel gives process 1 only signals that it handles. Ignored signals would be inherited by commands.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def actions(self) -> dict[str, Callable[[Header, bytes], None]]:
        """The requests that the host may send, by name."""
        return {"fill": self.fill, "run": self.run, "read": self.read, "write": self.write, "delta": self.delta}

    def serve(self) -> None:
        """Answer requests until the host goes away."""
        actions = self.actions()
        while True:
            header, body = receive()
            self.id = str(header["id"])
            try:
                actions[str(header["op"])](header, body)
            except Refused as refusal:
                self.reply("error", kind=refusal.kind, why=refusal.why[:1000])
            except (OSError, MemoryError, RecursionError) as error:
                self.reply("error", kind="failed", why=f"{type(error).__name__}: {error}"[:1000])

    def reply(self, t: str, body: bytes = b"", **fields: Field) -> None:
        """Send one frame of the answer; ``t`` is its kind."""
        send({"id": self.id, "t": t, **fields}, body)

    def fill(self, header: Header, _: bytes) -> None:
        """Receive the changes of the workspace; an empty frame ends them.

        None of the sandbox's own code has run yet.
        """
        trouble: OSError | None = None
        has_changed = False
        self.workspace.unlink()
        while (piece := receive()) != ({}, b""):
            has_changed = True
            # After an error the remaining frames still have to be read.
            if trouble is None:
                try:
                    self.lay_out(*piece)
                except OSError as error:
                    trouble = error
        if trouble is not None:
            raise Refused("over", f"{trouble.strerror}: {trouble.filename or ROOT}")
        if header.get("gateway") and not (self.has_gateway and Relay.is_answered()):
            raise Refused("offline", "nobody answers at its socket inside the sandbox")
        has_git = bool(header.get("git"))
        was_made = has_git and make_repository(ROOT, has_changed=has_changed)
        if was_made:
            kill_everything()  # the git in PATH is the image's: what it started must end
        if not has_git:
            forget_repository(ROOT)
        self.workspace.link(cast("dict[str, str]", header["links"]))
        if has_changed or was_made or not self.workspace.trusts_stamps:
            self.workspace.settle(was_read=was_made)
            gc.freeze()  # the records of the files stay; searching them for cycles takes longer than most requests
        self.reply("done", files=len(self.workspace.known))

    def lay_out(self, piece: Header, body: bytes) -> None:
        """Apply one frame: files to remove, the next piece of a large file, or new files with their bytes in a row."""
        for path in cast("list[str]", piece.get("gone", [])):
            self.workspace.remove(path)
        if "more" in piece:
            self.workspace.append(str(piece["more"]), body)
        start = 0
        for path, mode, blob, size in cast("list[tuple[str, str, str, int]]", piece.get("files", [])):
            self.workspace.put(path, mode, blob, body[start : start + size])
            start += size

    def read(self, header: Header, _: bytes) -> None:
        """Send a file."""
        self.reply("done", read_file(ROOT, str(header["path"]), int(str(header["limit"]))))

    def write(self, header: Header, body: bytes) -> None:
        """Store a file."""
        write_file(ROOT, str(header["path"]), body)
        self.reply("done")

    def delta(self, header: Header, _: bytes) -> None:
        """Send the changed files, one in each frame."""
        caps = {name: int(str(header[name])) for name in ("most_files", "most_bytes", "largest")}
        for path, mode, data in self.workspace.changes(**caps):
            self.reply("file" if mode else "gone", data, path=path, mode=mode)
        self.reply("done")

    def run(self, header: Header, _: bytes) -> None:
        """Run a command to its end or timeout, and kill every process that it left."""
        relay = Relay() if self.has_gateway else None
        try:
            self.run_with(relay, header)
        finally:
            if relay:
                relay.close()

    def run_with(self, relay: Relay | None, header: Header) -> None:
        """Run a command. The relay, if there is one, connects it to the gateway meanwhile."""
        began = time.monotonic()
        source, sink = os.pipe()
        try:
            child = self.spawn(header, sink)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.reply("done", f"deputy: {error}\n".encode(), exit=127, cut=0, seconds=0.0, timed_out=False)
            os.close(source)
            return
        finally:
            os.close(sink)
        output = Output(source, int(str(header["limit"])), lambda data: self.reply("out", data))
        code = self.watch(child.pid, output, began + float(str(header["timeout"])), relay)
        kill_everything()
        # All writers are dead, so this ends; a pipe holds a megabyte at most.
        for _attempt in range(64):
            if not output.pump():
                break
        output.show_rest()
        os.close(source)
        text, cut = output.kept.result()
        seconds = time.monotonic() - began
        self.reply("done", text, exit=-9 if code is None else code, cut=cut, seconds=seconds, timed_out=code is None)

    def spawn(self, header: Header, sink: int) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, writing to ``sink``.

        Raises what ``Popen`` raises.
        """
        # Forking Python takes four times as long as spawning it, so nothing runs between fork and exec. The score is
        # inherited: the sandbox's own code is what the kernel shall end first when memory is short. Its group is niced
        # at once, so that process 1 is scheduled before it.
        os.write(self.score, b"1000")
        try:
            child = subprocess.Popen(
                cast("list[str]", header["argv"]),
                cwd=Path(ROOT, str(header["cwd"])),
                env={**os.environ, **cast("dict[str, str]", header["env"])},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        finally:
            # If the engine lowered the score with a privilege, it can't be lowered again: process 1 keeps this score.
            with contextlib.suppress(PermissionError):
                os.write(self.score, self.own_score)
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PGRP, child.pid, 10)
        return child

    def watch(self, pid: int, output: Output, end: float, relay: Relay | None) -> int | None:
        """Pass output on until the command ends; its exit code, or None when its time was up first."""
        poll = relay.poll if relay else select.poll()
        for fd in (0, self.wake, output.source):
            poll.register(fd, select.POLLIN)
        while (now := time.monotonic()) < end:
            for fd, _ in poll.poll(min(end - now, output.show_due(now)) * 1000):
                if fd == 0:
                    sys.exit(0)  # the host sends nothing during a command, so it is gone
                if fd == self.wake:
                    os.read(self.wake, CHUNK)
                elif fd == output.source:
                    if not output.pump():
                        poll.unregister(fd)
                elif relay:
                    relay.handle(fd)
            code = reap(pid)
            if code is not None:
                return code
        return None


def reap(pid: int) -> int | None:
    """Reap every ended process; the exit code of ``pid`` when it was among them."""
    code = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not ended:
            return code
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)


# ----------------------------------------------------------------------------------------------------- the frames


def exactly(source: IO[bytes], size: int) -> bytes:
    """The next ``size`` bytes. When the host is gone, process 1 ends, and the sandbox with it."""
    data = source.read(size)
    if len(data) < size:
        sys.exit(0)
    return data


def receive() -> tuple[Header, bytes]:
    """The host's next frame."""
    head, body = LENGTHS.unpack(exactly(sys.stdin.buffer, LENGTHS.size))
    return json.loads(exactly(sys.stdin.buffer, head)), exactly(sys.stdin.buffer, body)


def send(header: Header, body: bytes) -> None:
    """Write one frame."""
    head = json.dumps(header).encode()
    sys.stdout.buffer.write(LENGTHS.pack(len(head), len(body)) + head + body)
    sys.stdout.buffer.flush()


# What the host's bootstrap starts as process 1.
SERVER = GuestServer


if __name__ == "__main__":
    GuestServer().serve()
