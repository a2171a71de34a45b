"""Gateways: each has a folder with a socket and a thread that serves it. Both are gone when it is closed."""

import asyncio
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deputy.adapters.network.proxy import Bounds, Proxy
from deputy.adapters.network.rules import read_rules
from deputy.adapters.network.tally import Tally
from deputy.domain.errors import Unavailable
from deputy.ports import NetworkUse

SOCKET = "gateway.sock"
_LONGEST_SOCKET = 107  # what fits into sockaddr_un, without its final NUL
_NAME_BYTES = 4
_BACKLOG = 128
_LOCK = ".lock"


@dataclass(frozen=True)
class Opened:
    """Implements ``ports.OpenGateway``. Its traffic can be asked after it was closed, too."""

    folder: str
    tally: Tally

    def uses(self) -> tuple[NetworkUse, ...]:
        """The traffic so far, by host and port, with refusals."""
        return self.tally.uses()


class Gateways:
    """Implements ``ports.Gateway``. ``folder`` is Deputy's own, made if it is not there.

    ``internal`` names hosts (or ``*.example.org``) that may be reached although their addresses are private or this
    host's own. With a port (``packages.example.org:8081``) that port is allowed, too, next to 80 and 443. Folders that
    a crashed process left are removed at the start.
    """

    def __init__(self, folder: Path, internal: Sequence[str] = (), *, bounds: Bounds | None = None) -> None:
        self._internal, self._bounds = tuple(internal), bounds or Bounds()
        read_rules((), self._internal)  # reports a mistake in the settings at the start
        self._folder = _short_enough(folder)
        self._sweep()

    @contextmanager
    def open(self, hosts: Sequence[str]) -> Iterator[Opened]:
        """A proxy that connects to these hosts and no others, until the block is left.

        ``BadInput`` names a bad host, ``Unavailable`` says that there is no place for the socket.
        """
        rules = read_rules(hosts, self._internal)
        tally = Tally(rules.hosts)
        with ExitStack() as stack:
            try:
                place = stack.enter_context(self._place())
                listener = stack.enter_context(_listening(place / SOCKET))
                stack.enter_context(_served(Proxy(rules, self._bounds, tally), listener))
            except OSError as error:
                remedy = "check DEPUTY_HOME and the limit of open files"
                raise Unavailable("can't open a gateway", error.strerror or str(error), remedy) from error
            yield Opened(str(place), tally)

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """A new folder. Its lock file, next to it, is held while the gateway is open and this process lives."""
        place = self._folder / secrets.token_hex(_NAME_BYTES)
        with ExitStack() as stack:
            with self._alone():
                stack.callback(os.close, _lock(place.with_suffix(_LOCK)))
                stack.callback(_remove, place)
                place.mkdir()
                place.chmod(0o755)
            yield place

    def _sweep(self) -> None:
        """Remove the folders whose locks are free: their processes are gone."""
        with self._alone():
            for lock in self._folder.glob(f"*{_LOCK}"):
                try:
                    held = _lock(lock)
                except BlockingIOError:
                    continue
                try:
                    _remove(lock.with_suffix(""))
                finally:
                    os.close(held)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from sweeping while a folder is made and its lock is not taken yet."""
        held = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
        finally:
            os.close(held)


def _lock(path: Path) -> int:
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(held)
        raise
    return held


def _remove(place: Path) -> None:
    """Remove a folder, and its lock last: the lock is how a later sweep finds what is left."""
    shutil.rmtree(place, ignore_errors=True)
    place.with_suffix(_LOCK).unlink(missing_ok=True)


def _short_enough(folder: Path) -> Path:
    """Make the folder and return it; or one below the temporary folder, if a socket's path would be too long."""
    folder = folder.absolute()
    if len(os.fsencode(folder / ("0" * 2 * _NAME_BYTES) / SOCKET)) > _LONGEST_SOCKET:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir(), f"deputy-{name}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    # Another user may have made that name in the temporary folder first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(
            f"can't keep gateways in {folder}", "it is not a folder of this user", "remove it, or shorten DEPUTY_HOME"
        )
    return folder


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o666)  # the sandbox's user may be any user of this host; only the sandbox gets the folder
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener


@contextmanager
def _served(proxy: Proxy, listener: socket.socket) -> Iterator[None]:
    """Serve in a thread, which has ended when the block is left."""
    stopping: Future[Callable[[], object]] = Future()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        stopping.set_result(lambda: loop.call_soon_threadsafe(stop.set))
        await proxy.serve(listener, stop)

    def work() -> None:
        try:
            asyncio.run(serve())
        except OSError as error:
            if stopping.done():
                raise
            stopping.set_exception(error)  # out of files or memory at the start

    thread = threading.Thread(target=work, name="gateway", daemon=True)
    thread.start()
    stop = stopping.result()
    try:
        yield
    finally:
        stop()
        thread.join()
