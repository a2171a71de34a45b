"""bump_pin.py NAME VERSION: move a ``==`` pin in requirements*.txt, constraints*.txt and pyproject.toml.

Exit status: 0 changed, 2 wrong usage, 3 nothing to change (says why), 4 can't be changed without more than the pin.
"""

import difflib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

SKIPPED = {".git", ".venv", "venv", "node_modules", ".tox", "build", "dist", "site-packages"}
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\s*\[[^\]]*\])?(?P<gap>\s*)(?P<spec>[^;#\s][^;#]*)?")
PIN = re.compile(r"(===?)(\s*)([\w.!+*-]+)")


class Refused(Exception):
    """Why nothing was written; ``code`` is the exit status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def moved(requirement: str, name: str, version: str) -> str | None:
    """The requirement with its pin moved; None when it is another package's or has no single ``==`` pin."""
    match = REQUIREMENT.match(requirement)
    if match is None or normal(match["name"]) != normal(name):
        return None
    pins = PIN.findall(match["spec"] or "")
    if len(pins) != 1 or "," in (match["spec"] or ""):
        return None
    start = match.start("spec")
    return requirement[:start] + PIN.sub(rf"\g<1>\g<2>{version}", requirement[start:], count=1)


def files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or SKIPPED & set(path.relative_to(root).parts):
            continue
        if path.name == "pyproject.toml" or is_requirements(path):
            yield path


def is_requirements(path: Path) -> bool:
    named = re.fullmatch(r"[\w.-]*(requirements|constraints)[\w.-]*\.(txt|in)", path.name)
    return bool(named) or (path.parent.name == "requirements" and path.suffix in {".txt", ".in"})


def requirements_in(path: Path, text: str) -> list[str]:
    """Every requirement as it is written in the file, pip's options left out."""
    if path.name != "pyproject.toml":
        lines = (line.strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith(("#", "-"))]
    table = tomllib.loads(text)
    project = table.get("project", {})
    groups = [
        project.get("dependencies", []),
        *project.get("optional-dependencies", {}).values(),
        *table.get("dependency-groups", {}).values(),
        table.get("build-system", {}).get("requires", []),
    ]
    return [entry for group in groups for entry in group if isinstance(entry, str)]


def bumped(path: Path, text: str, name: str, version: str) -> str:
    """The file's text with the package's pins moved."""
    for requirement in dict.fromkeys(requirements_in(path, text)):
        after = moved(requirement, name, version)
        if after is None:
            continue
        if "--hash" in requirement or requirement.endswith("\\"):
            raise Refused(4, f"{path} pins {name} with hashes, which can't be looked up without the package registry.")
        if path.name == "pyproject.toml":
            for quote in "\"'":
                text = text.replace(f"{quote}{requirement}{quote}", f"{quote}{after}{quote}")
        else:
            lines = text.split("\n")
            text = "\n".join(
                line.replace(requirement, after) if line.strip() == requirement else line for line in lines
            )
    return text


def explain_nothing(root: Path, name: str, version: str) -> Refused:
    """Why no file changed: unknown, not pinned, or there already."""
    seen: dict[str, str] = {}
    for path in files(root):
        for requirement in requirements_in(path, path.read_text("utf-8")):
            match = REQUIREMENT.match(requirement)
            if match:
                seen.setdefault(normal(match["name"]), f"{requirement} in {path.relative_to(root)}")
    found = seen.get(normal(name))
    if found and moved(found.rpartition(" in ")[0], name, version):
        return Refused(3, f"{name} is at {version} already ({found}).")
    if found:
        return Refused(3, f'{name} is not pinned with "==" ({found}), so there is no pin to move.')
    near = difflib.get_close_matches(normal(name), seen, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return Refused(3, f"No requirements file or pyproject.toml names {name}.{hint}")


def bump(root: Path, name: str, version: str) -> list[str]:
    """Write the changes; returns lines that say what was done. Raises ``Refused`` before anything is written."""
    changes: dict[Path, str] = {}
    for path in files(root):
        try:
            before = path.read_bytes().decode("utf-8")
            after = bumped(path, before, name, version)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Refused(4, f"{path.relative_to(root)} can't be read: {error}") from None
        if after != before:
            changes[path] = after
    if not changes:
        raise explain_nothing(root, name, version)
    for path, text in changes.items():
        path.write_bytes(text.encode("utf-8"))
    said = [f"{path.relative_to(root)}: {name} is now {version}" for path in changes]
    stale = [lock for lock in LOCKS if (root / lock).is_file()]
    return said + [f"note: {lock} is out of step until it is made again where there is a network" for lock in stale]


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", argv[0]) or not re.fullmatch(r"\d[\w.!+-]*", argv[1]):
        print("usage: bump_pin.py NAME VERSION, for example: bump_pin.py requests 2.32.3", file=sys.stderr)
        return 2
    try:
        print("\n".join(bump(Path.cwd(), *argv)))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return refused.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
