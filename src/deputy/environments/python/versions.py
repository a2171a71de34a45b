"""Projects whose version comes from git: what their build needs where there is no history."""

from collections.abc import Iterator
from dataclasses import dataclass

from deputy.environments.files import Files, glob_of, table, text_of, texts
from deputy.environments.proposal import Finding, Topic
from deputy.environments.python.requirement_files import name_of

# Higher than what others may ask for: a low one would clash with packages that need the project itself.
_VERSION = "999.0"
_VARIABLES = {
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "vcs-versioning": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pbr": "PBR_VERSION",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "versioneer": "",
    "versioningit": "",
    "setuptools-git-versioning": "",
    "miniver": "",
    "dunamai": "",
}
_WRITTEN = (
    ("tool", "setuptools_scm", "version_file"),
    ("tool", "setuptools_scm", "write_to"),
    ("tool", "hatch", "build", "hooks", "vcs", "version-file"),
)


@dataclass(frozen=True)
class GitVersion:
    """A tool that takes the version from git: the file that names it, and the variable that answers in git's place."""

    tool: str
    file: str
    variable: str

    @property
    def given(self) -> tuple[str, ...]:
        """What goes before a command that builds the project."""
        return ("env", f"{self.variable}={_VERSION}") if self.variable else ()


def git_version(files: Files) -> GitVersion | None:
    """How the project's version comes from git, or None when it doesn't."""
    project = files.toml("pyproject.toml")
    required = {name_of(each) for each in texts(table(project, "build-system").get("requires"))}
    by_scm = table(project, "tool", "pdm", "version").get("source") == "scm"
    for tool, variable in _VARIABLES.items():
        if tool in required and (tool != "pdm-backend" or by_scm):
            return GitVersion(tool, "pyproject.toml", variable)
    for file in ("setup.py", "setup.cfg"):
        text = files.text(file).lower().replace("_", "-")
        if found := next((tool for tool in _VARIABLES if tool in text and tool != "pdm-backend"), ""):
            return GitVersion(found, file, _VARIABLES[found])
        if "use-scm-version" in text:
            return GitVersion("setuptools-scm", file, _VARIABLES["setuptools-scm"])
    return None


def git_wanted(files: Files) -> Iterator[Finding]:
    """Whether tools want a repository around them."""
    if version := git_version(files):
        why = f"{version.file} has {version.tool}, which takes the version from git"
        yield Finding(topic=Topic.GIT, text="one commit", why=why, file=version.file)
    if files.has(".pre-commit-config.yaml"):
        file = ".pre-commit-config.yaml"
        yield Finding(topic=Topic.GIT, text="one commit", why="pre-commit works in git repositories only", file=file)


def written_version(files: Files) -> Iterator[Finding]:
    """A module with the version that the build writes and git ignores: a sandbox would lack it."""
    project = files.toml("pyproject.toml")
    for keys in _WRITTEN:
        path = text_of(table(project, *keys[:-1]).get(keys[-1])).removeprefix("./")
        if glob_of(path) and not files.has(path):
            why = "the build writes it, and the code may import it"
            yield Finding(topic=Topic.KEEP, text=path, why=why, file="pyproject.toml")
