"""Files that look like secrets: what should never enter a sandbox."""

import re
from collections.abc import Iterator

from deputy.environments.files import Files, glob_of
from deputy.environments.proposal import Finding, Topic

_EXAMPLE = re.compile(r"example|sample|template|dist|default|test|ci\b", re.IGNORECASE)
_ENV = re.compile(r"(?:^|/)\.env(?:\.[^/]+)?\Z|(?:^|/)[^/]+\.env\Z")
_NAMES = re.compile(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.pypirc|\.netrc|\.git-credentials|\.htpasswd|\.vault[-_]pass(?:word)?"
    r"|credentials\.json|secrets?\.(?:ya?ml|json|toml|ini)|[^/]+\.(?:p12|pfx|jks|keystore|kdbx|tfstate)|master\.key)\Z"
)
_FOLDERS = re.compile(r"((?:^|.*/)\.?(?:secrets|\.aws|\.ssh|\.gnupg))/")
_LOOKED_INTO = re.compile(r"(?:^|/)(?:\.npmrc|[^/]+\.(?:pem|key)|[^/]*service[-_]?account[^/]*\.json)\Z")
_INSIDE = re.compile(r"PRIVATE KEY-----|_authToken\s*=\s*(?!\$\{)\S|\"private_key\"")
_TESTS = re.compile(r"(?:test|dummy|mock|fake|fixture|sample|example|docs)[^/]*/", re.IGNORECASE)
_CODE = re.compile(r"\.(?:py|[cm]?[jt]sx?|go|rs|rb|java|md)\Z")
_MAX, _SHOWN = 20, 3


def secrets(files: Files) -> Iterator[Finding]:
    """Globs of what looks like a secret, and a note about what does and that tests may need."""
    globs = {glob: why for path in files.paths if (why := _why(files, path)) and (glob := _glob(path))}
    ours = {glob: why for glob, why in globs.items() if not _TESTS.search(glob)}
    for glob, why in list(ours.items())[:_MAX]:
        yield Finding(topic=Topic.HIDDEN, text=glob, why=why, file=glob if files.has(glob) else "")
    others = [glob for glob in globs if glob not in ours]
    if others:
        rest = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        named = ", ".join(others[:_SHOWN]) + rest
        text = f"{named}: kept visible, because tests may need it; add it to hidden if it is a real secret"
        yield Finding(topic=Topic.NOTE, text=text, why="it looks like a secret", file=others[0])


def _why(files: Files, path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    if _ENV.search(path) and not _EXAMPLE.search(name):
        return "variables of a machine are in it"
    if _NAMES.search(path):
        return "such files hold secrets"
    if (folder := _FOLDERS.match(path)) and not _CODE.search(path):
        return f"what is in {folder[1]}/ is meant to be secret"
    if _LOOKED_INTO.search(path) and _INSIDE.search(files.text(path)):
        return "a key or a token is in it"
    return ""


def _glob(path: str) -> str:
    """A glob for the path; a folder of secrets as a whole."""
    folder = _FOLDERS.match(path)
    return f"{whole}/**" if folder and (whole := glob_of(folder[1])) else glob_of(path)
