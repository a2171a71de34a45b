"""Searches a builder for the setup's secrets, on the host, before it is committed as an image."""

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import IO, cast

from docker.api.client import APIClient

from deputy.adapters.sandbox.channel.channel import CANCEL_SECONDS, seldom
from deputy.adapters.sandbox.environments.secrets import Finder, pieces_of
from deputy.domain.errors import BadInput
from deputy.ports import EnvironmentSpec

_DELETED = 2


def refuse_leaks(api: APIClient, container: str, spec: EnvironmentSpec, is_cancelled: Callable[[], bool]) -> None:
    """``BadInput`` names the first changed file that holds a secret, in its content, its name or its target.

    ``is_cancelled`` is asked while the files are read; an error that it raises ends the search.
    """
    finder = Finder(spec.secrets)
    changed = {str(change["Path"]).lstrip("/") for change in api.diff(container) or () if change["Kind"] != _DELETED}
    with closing(api.export(container)) as exported:
        for path, secret in _leaks(_asking(exported, is_cancelled), changed, finder):
            raise BadInput(
                f"the environment of {spec.repo} can't be kept",
                f"its setup left the secret {secret} in /{path}",
                "have the setup remove that file, or read the secret from /run/secrets where it is needed",
            )
    if secret := finder.find([_settings(spec.environment.env)]):
        raise BadInput(
            f"the environment of {spec.repo} can't be kept",
            f"its env in repos.toml holds the secret {secret}",
            "take it out there",
        )


def _asking(pieces: Iterable[bytes], is_cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """The same pieces. ``is_cancelled`` is asked now and then, and may raise."""
    ask = seldom(is_cancelled, CANCEL_SECONDS)
    for piece in pieces:
        ask()
        yield piece


def _settings(env: Mapping[str, str]) -> bytes:
    return "\n".join(f"{name}={value}" for name, value in env.items()).encode()


def _leaks(exported: Iterable[bytes], changed: set[str], finder: Finder) -> Iterator[tuple[str, str]]:
    """Changed paths that hold a secret, and the secret's name. The archive is read as a stream."""
    stream = cast("IO[bytes]", _Stream(exported))
    with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            path = member.name.removeprefix("./").rstrip("/")
            if path not in changed and _is_text(path):
                continue
            names = b"\n".join(_bytes(name) for name in (path, member.linkname))
            file = archive.extractfile(member) if member.isfile() else None
            if secret := finder.find([names]) or (file and finder.find(pieces_of(file.read))):
                yield _fit_to_show(path, finder), secret


def _fit_to_show(path: str, finder: Finder) -> str:
    """The path, cut back to a folder whose name holds no secret."""
    while path and finder.find([_bytes(path)]):
        path = path.rpartition("/")[0]
    return _bytes(path).decode("utf-8", "backslashreplace") or "(a name that holds it)"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8. The engine's list of changes is JSON, which misspells all other names."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Stream:
    """A readable file made of pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), b""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; ``b""`` at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
