"""One sandbox, from the host's side."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

import structlog
from pydantic import JsonValue

from deputy.adapters.sandbox.channel.channel import LENGTHS, Answer, Channel, broken, refuse_cancelled
from deputy.adapters.sandbox.channel.filling import pieces
from deputy.adapters.sandbox.engine.gateway import unreachable
from deputy.domain.changes.git_modes import EXECUTABLE, FILE, LINK
from deputy.domain.errors import BadInput, DeputyError, NotFound, OutOfBudget, SandboxFailed
from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports import SandboxSpec, Tree, TreeDelta, TreeFile

log = structlog.get_logger(__name__)

_GRACE_SECONDS = 15.0
_FILE_SECONDS = 60.0
_FILL_SECONDS = 120.0
_FRAME_ALLOWANCE = 1 << 20
_PATH_LIMIT = 4096
_MODES = frozenset({FILE, EXECUTABLE, LINK})


@dataclass(frozen=True)
class DeltaCaps:
    """Bounds of a delta: how many changed files, their bytes together, and the bytes of the largest one."""

    files: int = 5_000
    total: int = 64 * 1024**2
    largest: int = 16 * 1024**2


def workspace_path(path: str) -> str:
    """A relative path inside the workspace, checked by its text alone; ``BadInput`` otherwise."""
    parts = path.split("/")
    proper = path and not path.startswith("/") and "\0" not in path and ".." not in parts
    if not proper or len(path.encode("utf-8", "surrogatepass")) > _PATH_LIMIT:
        raise BadInput(f"can't use the path {path[:100]!r}", "it is not inside the workspace", "give a relative path")
    return str(PurePosixPath(path))


def changed_path(answer: Answer) -> str:
    """The path of a changed file, refused unless it is one that git could store."""
    path = answer.text("path")
    if not path or len(path) > _PATH_LIMIT or "\0" in path or any(p in ("", ".", "..") for p in path.split("/")):
        raise broken("a changed path is not a relative one")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            "can't take the result out", f"the path {path[:100]!r} is not UTF-8", "rename or delete that file"
        ) from error
    return path


class SandboxClient:
    """Implements ``ports.Sandbox`` over a channel. ``destroy`` kills and removes the container, and checks it."""

    def __init__(self, spec: SandboxSpec, channel: Channel, destroy: Callable[[], None], caps: DeltaCaps) -> None:
        self._spec, self._channel, self._destroy, self._caps = spec, channel, destroy, caps
        self._end = time.monotonic() + spec.limits.seconds
        self._filled: Tree = {}
        self._is_closed = self._is_gone = False

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self._spec.name

    def fill(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> None:
        """Become the sandbox that the spec asks for: only the difference to the present workspace is sent.

        ``OutOfBudget`` when it doesn't fit. Raises ``Cancelled``; the sandbox is closed then.
        """
        request: dict[str, JsonValue] = {
            "op": "fill",
            "git": spec.git,
            "links": dict(spec.links),
            "gateway": bool(spec.gateway),
        }
        with self._exchange():
            ticket = self._channel.begin(request)
            for header, body in pieces(self._filled, spec.tree):
                refuse_cancelled(is_cancelled)
                self._channel.send(header, body)
            self._channel.send({})
            last = _last(
                self._channel.answers(
                    ticket, seconds=_FILL_SECONDS, most_bytes=_FRAME_ALLOWANCE, is_cancelled=is_cancelled
                )
            )
        self._spec, self._filled = spec, spec.tree
        self._end = time.monotonic() + spec.limits.seconds
        if last.header.get("t") == "error":
            if last.header.get("kind") == "offline":
                raise unreachable(last.reason())
            if last.header.get("kind") != "over":
                raise broken(last.reason())
            raise OutOfBudget(
                "the workspace does not fit into the sandbox", last.reason(), "raise its disk or inode limit"
            )

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
        """Run a command; see ``ports.Sandbox``. A sandbox whose command was cancelled is closed."""
        seconds = min(timeout, self._end - time.monotonic())
        if seconds <= 0:
            raise OutOfBudget("the sandbox's time is used up", f"it had {self._spec.limits.seconds} s in all")
        limit = self._spec.limits.output
        request: dict[str, JsonValue] = {
            "op": "run",
            "argv": _arguments(argv),
            "cwd": workspace_path(cwd),
            "env": dict(env or {}),
            "timeout": seconds,
            "limit": limit,
        }
        with self._exchange():
            for answer in self._channel.ask(
                request,
                seconds=seconds + _GRACE_SECONDS,
                # The live output, at worst in frames of one byte, and then the result.
                most_bytes=(1 + LENGTHS.size) * limit + limit + _FRAME_ALLOWANCE,
                is_cancelled=is_cancelled,
            ):
                if answer.header.get("t") == "out" and on_output:
                    on_output(answer.body)
            _refuse_failure(answer)
            return _result(tuple(argv), answer)

    def read(self, path: str, *, limit: int = 1024**2) -> bytes:
        """A workspace file's bytes, at most ``limit``; ``NotFound`` when it isn't a readable file inside."""
        request: dict[str, JsonValue] = {"op": "read", "path": workspace_path(path), "limit": limit}
        with self._exchange():
            last = _last(self._channel.ask(request, seconds=_FILE_SECONDS, most_bytes=limit + _FRAME_ALLOWANCE))
            if last.header.get("t") == "done":
                return last.body
        raise NotFound(f"can't read {path[:200]!r}", last.reason())

    def write(self, path: str, content: bytes) -> None:
        """Write a workspace file, making folders; ``BadInput`` when the path leaves the workspace."""
        request: dict[str, JsonValue] = {"op": "write", "path": workspace_path(path)}
        with self._exchange():
            last = _last(self._channel.ask(request, content, seconds=_FILE_SECONDS, most_bytes=_FRAME_ALLOWANCE))
        if last.header.get("t") == "error":
            raise BadInput(f"can't write {path[:200]!r}", last.reason())

    def delta(self) -> TreeDelta:
        """What changed against the spec's tree; ``OutOfBudget`` over the caps."""
        caps = self._caps
        request: dict[str, JsonValue] = {
            "op": "delta",
            "most_files": caps.files,
            "most_bytes": caps.total,
            "largest": caps.largest,
        }
        most_bytes = caps.total + _FRAME_ALLOWANCE + caps.files * 64
        written: dict[str, TreeFile] = {}
        deleted: dict[str, None] = {}
        with self._exchange():
            for answer in self._channel.ask(request, seconds=_FILE_SECONDS, most_bytes=most_bytes):
                if answer.header.get("t") == "file":
                    file = _tree_file(answer)
                    written[file.path] = file
                elif answer.header.get("t") == "gone":
                    deleted[changed_path(answer)] = None
                if len(written) + len(deleted) > caps.files:
                    raise broken("it lists too many changed files")
        if answer.header.get("t") == "error":
            _refuse_delta(answer)
        return TreeDelta(tuple(written[path] for path in sorted(written)), tuple(sorted(deleted)))

    def close(self) -> None:
        """Kill and remove it, and make sure that it is gone. A second call does nothing."""
        if not self._is_gone:
            self._is_closed = True
            self._destroy()
            self._is_gone = True

    def discard(self) -> None:
        """Close it without raising: a failure to remove it must hide no other error. The sweep removes it later."""
        # Tried once only: the first attempt has waited for the engine already.
        if self._is_closed:
            return
        try:
            self.close()
        except DeputyError as error:
            log.warning("sandbox.left", name=self.name, error=str(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc == (None, None, None):
            self.close()
        else:
            self.discard()

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """An exchange that breaks off leaves the channel out of sync, so the sandbox is closed then."""
        if self._is_closed:
            raise SandboxFailed("the sandbox is closed", "it was cancelled, failed or left", "start a new one")
        try:
            yield
        except BaseException:
            self.discard()
            raise


def _last(answers: Iterator[Answer]) -> Answer:
    *_, last = answers
    return last


def _arguments(argv: Sequence[str]) -> list[JsonValue]:
    if isinstance(argv, str) or not argv or any("\0" in part for part in argv):
        raise BadInput("can't run this command", "a command is a list of words without NUL characters")
    return list(argv)


def _refuse_failure(answer: Answer) -> None:
    if answer.header.get("t") == "error":
        raise broken(answer.reason())


def _refuse_delta(answer: Answer) -> None:
    if answer.header.get("kind") != "over":
        raise broken(answer.reason())
    raise OutOfBudget("the change is too big to take out", answer.reason(), "ask for a smaller change")


def _result(argv: tuple[str, ...], answer: Answer) -> CommandResult:
    return CommandResult(
        argv=argv,
        exit_code=int(answer.number("exit")),
        output=answer.body,
        truncated=int(answer.number("cut")),
        seconds=float(answer.number("seconds")),
        timed_out=answer.header.get("timed_out") is True,
    )


def _tree_file(answer: Answer) -> TreeFile:
    mode = answer.text("mode")
    if mode not in _MODES:
        raise broken("a changed file has a mode that git does not know")
    return TreeFile(changed_path(answer), mode, answer.body)
