"""Deputy processes that start from an image: a server that has imported everything forks one for each start.

A Deputy that is started a hundred times spends most of it on imports. ``ProcessImage`` keeps one process that has done
them, and ``program`` is a command line that behaves as if it were the forked process: it has its output, passes signals
on, dies when it dies, and by the same signal. Killing the command line kills the forked process.
"""

import array
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
LENGTH = 8
# Needs nothing of ours, so that it starts in a few hundredths of a second.
CLIENT = r"""
import array, json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
words = json.dumps({"argv": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}).encode()
streams = array.array("i", [1, 2])
server.sendmsg([len(words).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
server.sendall(words)
os.close(1)
answers = server.makefile("rb")
child = int(answers.readline())
def pass_on(number, frame):
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, pass_on)
status = int(answers.readline() or -signal.SIGKILL)
if status < 0:
    signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class ProcessImage:
    """A server that has imported ``module``; use it as a context. ``program`` starts ``module.main`` in a fork."""

    def __init__(self, module: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="deputy-image-")
        self._address = str(Path(self._folder.name) / "socket")
        self._module = module
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def program(self) -> tuple[str, ...]:
        """The command line of one process."""
        return (sys.executable, "-I", "-S", "-c", CLIENT, self._address)

    def __enter__(self) -> Self:
        command = (sys.executable, "-m", "tests.support.process_image", self._module, self._address)
        # Its standard input is how it hears that this process has ended.
        self._server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n", "the process image did not come up"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            assert self._server.stdin is not None
            self._server.stdin.close()
            self._server.wait(30)
            if self._server.stdout is not None:
                self._server.stdout.close()
        self._folder.cleanup()


def serve(module: str, address: str) -> None:
    """Fork a process for each client until standard input ends."""
    loaded = __import__(module, fromlist=["main"])
    clients: dict[int, tuple[socket.socket, int]] = {}  # by the child's process id
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            watched = [0, woken, listener, *(client for client, _ in clients.values())]
            ready, _, _ = select.select(watched, [], [])
            _reap(clients, woken)
            for child, (client, _) in list(clients.items()):
                if client in ready and child in clients and not client.recv(1):
                    os.kill(child, signal.SIGKILL)  # its command line is gone, and so is it
            if 0 in ready and not os.read(0, 1):
                for child in clients:
                    os.kill(child, signal.SIGKILL)
                return
            if listener in ready:
                client, _ = listener.accept()
                _start(loaded, client, clients, (woken, wake, listener.fileno()))


def _reap(clients: dict[int, tuple[socket.socket, int]], woken: int) -> None:
    """Tell the clients of children that have ended how they did."""
    with contextlib.suppress(BlockingIOError):
        os.read(woken, 1024)
    for child in list(clients):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            client, _ = clients.pop(child)
            with contextlib.suppress(OSError):  # the command line may have been killed first
                client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            client.close()


def _start(
    loaded: object, client: socket.socket, clients: dict[int, tuple[socket.socket, int]], own: tuple[int, ...]
) -> None:
    streams = array.array("i")
    length, ancillary, _, _ = client.recvmsg(LENGTH, socket.CMSG_LEN(2 * streams.itemsize))
    streams.frombytes(ancillary[0][2])
    asked = json.loads(_exactly(client, int.from_bytes(length, "big")))
    child = os.fork()
    if child:
        clients[child] = (client, child)
        for stream in streams:
            os.close(stream)
        client.sendall(b"%d\n" % child)
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, number in ((nothing, 0), (streams[0], 1), (streams[1], 2)):
        os.dup2(stream, number)
    for descriptor in {*own, *streams, nothing, client.fileno(), *(c.fileno() for c, _ in clients.values())} - {
        0,
        1,
        2,
    }:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["deputy", *asked["argv"]]
    status = 1
    try:
        loaded.main()  # type: ignore[attr-defined]
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _exactly(client: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        parts += client.recv(size - len(parts))
    return parts


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
