"""What path globs say of each other: is one contained in another, do they overlap, which path tells them apart.

Exact, by running the globs' automata side by side over one alphabet: the characters that they name, ``/``, and one
letter for all others. Only paths of non-empty segments count, as git has no others. ``a/**`` contains ``a``, as it does
everywhere here (``domain.globs``).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deputy.domain.changes.globs import matches

# Far beyond what globs of real policies need; a product that grows past it is answered as if nothing were found.
_MAX_STATES = 20_000
_FILLERS = "xyzabcdefghijklmnopqrstuvw0123456789_-~一丁七万"
_SLASH = "/"

_State = frozenset[int]


@dataclass(frozen=True)
class _Automaton:
    """``moves[state]`` maps a symbol to next states; ``None`` stands for every character but ``/``, ``""`` for all."""

    moves: tuple[tuple[tuple[str | None, int], ...], ...]
    free: tuple[frozenset[int], ...]
    end: int

    def start(self) -> _State:
        return self.free[0]

    def step(self, states: _State, char: str) -> _State:
        reached: set[int] = set()
        for state in states:
            for symbol, target in self.moves[state]:
                if symbol in {char, ""} or (symbol is None and char != _SLASH):
                    reached |= self.free[target]
        return frozenset(reached)


def contained(inner: str, outer: str) -> bool:
    """Whether every path that ``inner`` matches is matched by ``outer``."""
    if outer in {"**", inner}:
        return True
    return matches(outer, sample(inner)) and example([inner], [outer]) is None


def overlapping(one: str, other: str) -> bool:
    """Whether some path is matched by both."""
    return matches(one, sample(other)) or matches(other, sample(one)) or example([one, other]) is not None


def sample(glob: str) -> str:
    """Some path that the glob matches, found at once: what it doesn't match tells most globs apart from this one."""
    return glob.replace("**", "x").replace("*", "x").replace("?", "x")


@lru_cache(maxsize=8192)
def _example(inside: tuple[str, ...], outside: tuple[str, ...]) -> str | None:
    automata = [_automaton(glob) for glob in (*inside, *outside)]
    named = sorted({char for glob in (*inside, *outside) for char in glob} - set("*?/"))
    filler = next(char for char in _FILLERS if char not in named)
    wanted = [position < len(inside) for position in range(len(automata))]
    return _search(automata, wanted, [filler, *named])


def example(inside: Sequence[str], outside: Iterable[str] = ()) -> str | None:
    """A shortest path that all of ``inside`` match and none of ``outside``; None when there is none."""
    return _example(tuple(inside), tuple(dict.fromkeys(outside)))


def _search(automata: Sequence[_Automaton], wanted: Sequence[bool], letters: Sequence[str]) -> str | None:
    """Breadth first over the product of the automata; ``letters`` are tried in order, then the slash."""
    start = (tuple(automaton.start() for automaton in automata), False)
    seen, queue = {start}, deque([(start, "")])
    while queue and len(seen) < _MAX_STATES:
        (states, in_segment), path = queue.popleft()
        if in_segment and all(
            (automaton.end in state) is want for automaton, state, want in zip(automata, states, wanted, strict=True)
        ):
            return path
        for char in (*letters, _SLASH) if in_segment else letters:
            following = tuple(automaton.step(state, char) for automaton, state in zip(automata, states, strict=True))
            if any(want and not state for state, want in zip(following, wanted, strict=True)):
                continue
            node = (following, char != _SLASH)
            if node not in seen:
                seen.add(node)
                queue.append((node, path + char))
    return None


@lru_cache(maxsize=4096)
def _automaton(glob: str) -> _Automaton:
    """The glob's automaton; state 0 is its start. Follows ``domain.globs.compile_glob`` step by step."""
    builder = _Builder()
    segments = [segment for segment, following in _pairs(glob.split(_SLASH)) if (segment, following) != ("**", "**")]
    needs_slash = False
    for position, segment in enumerate(segments):
        if segment != "**":
            if needs_slash:
                builder.read(_SLASH)
            builder.segment(segment)
            needs_slash = True
        elif position == len(segments) - 1:
            builder.rest(after_slash=needs_slash)
        else:
            if needs_slash:
                builder.read(_SLASH)
            builder.folders()
            needs_slash = False
    return builder.done()


def _pairs(segments: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(segments, (*segments[1:], ""), strict=True)


class _Builder:
    """Adds states one after the other; ``last`` is where reading goes on."""

    def __init__(self) -> None:
        self._moves: list[list[tuple[str | None, int]]] = [[]]
        self._skips: list[set[int]] = [set()]
        self.last = 0

    def _new(self) -> int:
        self._moves.append([])
        self._skips.append(set())
        return len(self._moves) - 1

    def read(self, symbol: str | None) -> None:
        """One character: this one, or (None) any but the slash."""
        following = self._new()
        self._moves[self.last].append((symbol, following))
        self.last = following

    def segment(self, text: str) -> None:
        for char in text:
            if char == "*":
                self._moves[self.last].append((None, self.last))
                self._fresh()
            else:
                self.read(None if char == "?" else char)

    def _fresh(self) -> None:
        """Go on in a state of its own, so that a loop belongs to its star alone."""
        following = self._new()
        self._skips[self.last].add(following)
        self.last = following

    def folders(self) -> None:
        """``(?:.*/)?``: nothing, or anything that ends with a slash."""
        start, loop, following = self.last, self._new(), self._new()
        self._skips[start] |= {loop, following}
        self._moves[loop] += [("", loop), (_SLASH, following)]
        self.last = following

    def rest(self, *, after_slash: bool) -> None:
        """``(?:/.*)?`` after something, ``.*`` at the start of a segment."""
        loop, following = self._new(), self._new()
        if after_slash:
            self._moves[self.last].append((_SLASH, loop))
            self._skips[self.last].add(following)
        else:
            self._skips[self.last].add(loop)
        self._moves[loop].append(("", loop))
        self._skips[loop].add(following)
        self.last = following

    def done(self) -> _Automaton:
        free = tuple(self._closure(state) for state in range(len(self._moves)))
        return _Automaton(tuple(tuple(moves) for moves in self._moves), free, self.last)

    def _closure(self, state: int) -> frozenset[int]:
        reached, queue = {state}, [state]
        while queue:
            for following in self._skips[queue.pop()] - reached:
                reached.add(following)
                queue.append(following)
        return frozenset(reached)
