"""Files that machines act on without anybody asking: on push, on checkout, on opening a folder, on build."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from deputy.domain.scans import NOT_AUDITED, Scan, Sighting
from deputy.domain.values import Finding, Severity
from deputy.gates.case import Case, found, resembles
from deputy.gates.sightings import AUDITOR, plain, rule_of, scan_of

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
_UNREAD = "read the file in full before you sign off"
_FIX = "leave it out, or say in the request why it must change"


# What zizmor's most frequent rules ask for; for the others its own pages say it.
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "template-injection": "pass the value in `env:` and quote it in the script",
        "unpinned-uses": "pin the action to a full commit digest",
        "unpinned-images": "pin the image to a digest",
        "excessive-permissions": "set `permissions:` to what each job needs, `contents: read` for most",
        "dangerous-triggers": "use `pull_request`, or never check out what strangers wrote",
        "artipacked": "set `persist-credentials: false` on the checkout",
        "secrets-inherit": "hand over only the secrets that the workflow needs, by name",
        "cache-poisoning": "do not restore caches in a job that publishes",
        "github-env": "do not write what strangers control to the environment files",
        "insecure-commands": "use the environment files instead of workflow commands",
        "hardcoded-container-credentials": "read the password from a secret",
        "dependabot-execution": "leave `insecure-external-code-execution` off",
        "dependabot-cooldown": "set a cooldown of a week or more",
        "use-trusted-publishing": "publish by trusted publishing instead of a stored token",
    }
)


def judge(case: Case) -> Iterator[Finding]:
    """Ask for review wherever the patch touches, or removes, such a file; and of what a scanner saw in workflows."""
    for file in case.files:
        for kind, patterns in _KINDS.items():
            if resembles(patterns, file.path):
                message = f"A {kind} file is {file.kind}: it acts without anybody asking it to"
                yield found(f"runs-on-its-own/{kind}", Severity.REVIEW, message, file.path, fix=_FIX)
    yield from _audit(scan_of(case))


def _audit(scan: Scan) -> Iterator[Finding]:
    for sighting in scan.sightings:
        if sighting.scanner == AUDITOR:
            yield _seen(sighting)
    for reason in scan.failed:
        if reason.startswith(AUDITOR):
            message = f"Nobody has audited the workflows that the patch changes ({reason})"
            yield found(f"runs-on-its-own/{NOT_AUDITED}", Severity.REVIEW, message, fix=_UNREAD)


def _seen(sighting: Sighting) -> Finding:
    if sighting.rule == NOT_AUDITED:
        message = f"{AUDITOR} could not audit this file ({sighting.message})"
        return found(f"runs-on-its-own/{NOT_AUDITED}", Severity.REVIEW, message, sighting.path, fix=_UNREAD)
    fix = _REMEDIES.get(sighting.rule, f"see docs.zizmor.sh/audits/#{plain(sighting.rule)}")
    rule = rule_of("runs-on-its-own", sighting)
    message = f"{AUDITOR}: {sighting.message}"
    return found(rule, Severity.REVIEW, message, sighting.path, line=sighting.line, fix=fix)
