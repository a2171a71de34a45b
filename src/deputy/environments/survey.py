"""The survey: what a repository's own files say that work in it needs. It reads, decides nothing and never raises."""

from collections.abc import Callable, Iterable, Iterator

from deputy.environments.files import Files, glob_of, table
from deputy.environments.hosts import other_hosts
from deputy.environments.languages.node import node
from deputy.environments.languages.others import go, java, ruby, rust
from deputy.environments.proposal import Finding, Proposal, Topic
from deputy.environments.python.survey import python
from deputy.environments.python.versions import git_wanted
from deputy.environments.secrets import secrets
from deputy.environments.written import build_machine, written_checks

_LANGUAGES = (python, node, go, rust, ruby, java)
_MANIFESTS = ("*/pyproject.toml", "*/setup.py", "*/package.json", "*/go.mod", "*/Cargo.toml", "*/Gemfile", "*/pom.xml")
_MEMBERS = ("*/*/pyproject.toml",)  # of a workspace of uv
# Folders whose manifests are seldom worked on by themselves.
_ASIDE = frozenset(
    {
        "docs",
        "doc",
        "examples",
        "example",
        "tests",
        "test",
        "testing",
        "fixtures",
        "vendor",
        "third_party",
        "node_modules",
    }
)


def survey(paths: Iterable[str], read: Callable[[str], bytes | None]) -> Proposal:
    """What the tree seems to need. ``paths`` are all its paths; ``read`` gives a file's bytes, or None."""
    files = Files(paths, read)
    found = [finding for language in _LANGUAGES for finding in language(files)]
    found += other_hosts(files, found)
    found += written_checks(files, found)
    if any(finding.topic is not Topic.LANGUAGE for finding in found):
        found += build_machine(files)
    found += [*git_wanted(files), *secrets(files), *_unread(files, found)]
    return Proposal(findings=tuple(_once(_named_apart(_writable(found)))))


def _unread(files: Files, found: list[Finding]) -> Iterator[Finding]:
    """What a survey sees and can do nothing about."""
    if files.has(".gitmodules"):
        text = "submodules are not fetched: their folders are empty in a sandbox"
        yield Finding(topic=Topic.NOTE, text=text, why="there is .gitmodules", file=".gitmodules")
    if "filter=lfs" in files.text(".gitattributes"):
        text = "large files are kept elsewhere (Git LFS): a sandbox has their pointers only"
        yield Finding(topic=Topic.NOTE, text=text, why="filter=lfs", file=".gitattributes")
    yield from _below(files, found)
    if not any(finding.topic is Topic.CHECKS for finding in found):
        text = "no check was found: every patch will ask for review until there is one"
        yield Finding(topic=Topic.NOTE, text=text, why="nothing says how it is tested")


def _below(files: Files, found: list[Finding]) -> Iterator[Finding]:
    """Projects that do not stand at the top; what a project there reads anyway belongs to it."""
    read = {finding.text for finding in found if finding.topic is Topic.INPUTS}
    has_top = any(finding.topic is Topic.LANGUAGE for finding in found)
    members = _MEMBERS if table(files.toml("pyproject.toml"), "tool", "uv", "workspace") else ()
    other = [path for path in files.matching(*_MANIFESTS, *members) if path not in read]
    if table(files.toml("Cargo.toml"), "workspace"):
        other = [path for path in other if not path.endswith("/Cargo.toml")]
    if has_top:
        other = [path for path in other if path.split("/")[0] not in _ASIDE]
    if other:
        told = "only what stands at the top is set up" if has_top else "the top has no project"
        text = f"{told}; {', '.join(other[:4])} may be projects of their own: write setup and checks for them"
        yield Finding(topic=Topic.NOTE, text=text, why="only the top folder is looked at", file=other[0])


def _writable(found: Iterable[Finding]) -> Iterator[Finding]:
    """Paths as the globs that settings want; one that can be no glob is left out."""
    for finding in found:
        if finding.topic is not Topic.INPUTS:
            yield finding
        elif glob := glob_of(finding.text):
            yield finding.model_copy(update={"text": glob})


def _named_apart(found: Iterable[Finding]) -> Iterator[Finding]:
    """A name of its own for each check: the second language's tests are ``tests-2``."""
    taken: set[str] = set()
    for finding in found:
        each = finding.check
        if each is None:
            yield finding
            continue
        names = (each.name, *(f"{each.name}-{number}" for number in range(2, len(taken) + 3)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield finding.model_copy(update={"check": each.model_copy(update={"name": name})})


def _once(found: Iterable[Finding]) -> Iterator[Finding]:
    """Each text of a topic once, but commands as often as they are to run."""
    seen: set[tuple[Topic, str]] = set()
    for finding in found:
        key = (finding.topic, finding.text)
        if key not in seen or finding.topic in {Topic.SETUP, Topic.CHECKS}:
            yield finding
        seen.add(key)
