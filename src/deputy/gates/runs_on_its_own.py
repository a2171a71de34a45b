"""Files that machines act on without anybody asking: on push, on checkout, on opening a folder, on build."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from deputy.domain.values import Finding, Severity
from deputy.gates.case import Case, found, resembles

# Lower case: paths are folded before they are matched.
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ci": (
            ".github/**", ".gitlab-ci.yml", ".gitlab/**", ".circleci/**", "**/jenkinsfile*", ".travis.yml",
            ".drone.yml",
            "azure-pipelines*.yml", ".azure-pipelines/**", "bitbucket-pipelines.yml", "appveyor.yml", ".buildkite/**",
            ".woodpecker/**", ".woodpecker.yml", ".gitea/**", ".forgejo/**", ".cirrus.yml", "cloudbuild.y*ml", ".ci/**",
            "**/.readthedocs.y*ml", "**/renovate.json*", "**/.renovaterc*", "netlify.toml", "vercel.json",
            "**/dependabot.yml",
        ),
        "build": (
            "**/makefile", "**/makefile.*", "**/gnumakefile", "**/*.mk", "**/justfile", "**/.justfile",
            "**/taskfile.y*ml",
            "**/rakefile", "**/build.gradle*", "**/build.rs", "**/binding.gyp", "**/cmakelists.txt", "**/*.cmake",
            "**/pom.xml", "**/build.xml", "**/dodo.py", "**/wscript", "**/*.bzl", "**/build.bazel",
            "**/workspace.bazel",
        ),
        "container": (
            "**/dockerfile*", "**/*.dockerfile", "**/containerfile*", "**/docker-compose*.y*ml", "**/compose*.y*ml",
            "**/.dockerignore", ".devcontainer/**", "**/devcontainer.json", "**/.devcontainer.json", "**/vagrantfile",
        ),
        "hook": (
            "**/.pre-commit-config.y*ml", "**/.pre-commit-hooks.y*ml", ".husky/**", ".githooks/**", "**/lefthook.y*ml",
            "**/.lefthook.y*ml", "**/.lintstagedrc*", "**/.envrc", "**/.autoenv", "**/mise.toml", "**/.mise.toml",
        ),
        "editor": (
            "**/.vscode/**", "**/.idea/**", "**/.fleet/**", "**/.zed/**", "**/*.code-workspace", "**/.vimrc",
            "**/.exrc",
            "**/.nvim.lua", "**/.dir-locals.el", "**/.cursor/**",
        ),
        "git": ("**/.gitattributes", "**/.gitconfig", "**/.git-blame-ignore-revs"),
    }
)  # fmt: skip
_FIX = "leave it out, or say in the request why it must change"


def judge(case: Case) -> Iterator[Finding]:
    """Ask for review wherever the patch touches, or removes, such a file."""
    for file in case.files:
        for kind, patterns in _KINDS.items():
            if resembles(patterns, file.path):
                message = f"A {kind} file is {file.kind}: it acts without anybody asking it to"
                yield found(f"runs-on-its-own/{kind}", Severity.REVIEW, message, file.path, fix=_FIX)
