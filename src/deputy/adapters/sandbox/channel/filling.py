"""How a tree goes into a sandbox: the frames that turn the present workspace into the wanted one."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from deputy.ports import StoredFile, Tree

PIECE = 1 << 20
FILES_IN_A_PIECE = 500

Frame = tuple[Mapping[str, JsonValue], bytes]


def pieces(before: Tree, after: Tree) -> Iterator[Frame]:
    """The frames, each of about ``PIECE`` bytes at most: first the files to remove, then new and changed ones."""
    kept = _kept(before, after)
    gone: list[JsonValue] = [path for path in before if path not in kept]
    for start in range(0, len(gone), FILES_IN_A_PIECE):
        yield {"gone": gone[start : start + FILES_IN_A_PIECE]}, b""
    yield from _new({path: file for path, file in after.items() if path not in kept})


def _kept(before: Tree, after: Tree) -> Collection[str]:
    """The paths that are the same in both. A warm sandbox often has the wanted tree already, or almost."""
    if before is after:
        return before.keys()
    return {path for path, file in before.items() if (other := after.get(path)) is file or _is_same(file, other)}


def _is_same(file: StoredFile, other: StoredFile | None) -> bool:
    return other is not None and file.blob == other.blob and file.mode == other.mode


def _new(files: Tree) -> Iterator[Frame]:
    listed: list[JsonValue] = []
    contents: list[bytes] = []
    size = 0
    for path, file in files.items():
        if len(file.content) > PIECE:
            yield from _large(path, file)
            continue
        if listed and (size + len(file.content) > PIECE or len(listed) == FILES_IN_A_PIECE):
            yield {"files": listed}, b"".join(contents)
            listed, contents, size = [], [], 0
        listed.append([path, file.mode, file.blob, len(file.content)])
        contents.append(file.content)
        size += len(file.content)
    if listed:
        yield {"files": listed}, b"".join(contents)


def _large(path: str, file: StoredFile) -> Iterator[Frame]:
    yield {"files": [[path, file.mode, file.blob, PIECE]]}, file.content[:PIECE]
    for start in range(PIECE, len(file.content), PIECE):
        yield {"more": path}, file.content[start : start + PIECE]
