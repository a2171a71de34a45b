"""Where a link in a tree leads, by the tree alone: no file system is asked."""

from collections import deque
from collections.abc import Mapping

_HOPS = 40  # as many links as Linux follows


def stays_inside(path: str, links: Mapping[str, str]) -> bool:
    """Whether following the link at ``path`` never leaves the tree. ``links`` maps each link's path to its target.

    Links on the way are followed as a kernel would: ``a/..`` is not the root when ``a`` is itself a link elsewhere.
    """
    place: list[str] = path.split("/")[:-1]
    ahead = deque(links[path].split("/"))
    hops = 1
    if links[path].startswith("/"):
        return False
    while ahead:
        step = ahead.popleft()
        if step in {"", "."}:
            continue
        if step == "..":
            if not place:
                return False
            place.pop()
            continue
        place.append(step)
        target = links.get("/".join(place))
        if target is None:
            continue
        hops += 1
        if hops > _HOPS or target.startswith("/"):
            return False
        place.pop()
        ahead.extendleft(reversed(target.split("/")))
    return True
