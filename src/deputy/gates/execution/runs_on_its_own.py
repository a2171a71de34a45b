"""Files that machines act on without anybody asking: on push, on checkout, on opening a folder, on build."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.review.scans import NOT_AUDITED, Scan, Sighting
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles
from deputy.gates.framework.sightings import AUDITOR, plain, rule_of, scan_of

# Lower case: paths are folded before they are matched.
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ci": (
            ".github/**", "**/.gitlab-ci*.y*ml", ".gitlab/**", ".circleci/**", "**/jenkinsfile*", "**/.travis.y*ml",
            "**/.drone.y*ml", "**/.drone.star", "**/.drone.jsonnet", "**/azure-pipelines*.y*ml", ".azure-pipelines/**",
            "**/bitbucket-pipelines.y*ml", "**/appveyor.y*ml", "**/.appveyor.y*ml", ".buildkite/**", ".woodpecker/**",
            ".woodpecker.y*ml", ".gitea/**", ".forgejo/**", ".cirrus.y*ml", ".cirrus.star", "**/cloudbuild.y*ml",
            "**/cloudbuild.json", ".ci/**", "**/.readthedocs.y*ml", "**/renovate.json*", "**/.renovaterc*",
            "**/netlify.toml", "**/vercel.json", "**/dependabot.y*ml", "**/buildspec*.y*ml", "**/.tekton/**",
            "**/.semaphore/**", "**/action.y*ml", ".builds/**", ".build.y*ml", "**/codemagic.y*ml", "**/bitrise.y*ml",
            "**/wercker.y*ml", "**/.teamcity/**", "**/concourse*.y*ml", "**/.harness/**", "**/.mergify.y*ml",
            ".mergify/**", "**/.releaserc*", "**/.goreleaser.y*ml", "**/amplify.y*ml",
            "**/fly.toml", "**/render.yaml", "**/procfile", "**/skaffold.y*ml",
        ),
        "build": (
            "**/makefile", "**/makefile.*", "**/gnumakefile", "**/*.mk", "**/*.mak", "**/justfile", "**/.justfile",
            "**/*.just", "**/taskfile*.y*ml", "**/rakefile", "**/*.rake", "**/build.gradle*", "**/settings.gradle*",
            "**/init.gradle*", "**/*.gradle", "**/gradlew", "**/gradlew.bat", "**/gradle.properties",
            "**/gradle/wrapper/**", "**/buildsrc/**", "**/mvnw", "**/mvnw.cmd", "**/.mvn/**", "**/build.rs",
            "**/binding.gyp", "**/cmakelists.txt", "**/*.cmake", "**/cmakepresets.json", "**/meson.build",
            "**/configure.ac", "**/sconstruct", "**/pom.xml", "**/build.xml", "**/dodo.py", "**/wscript", "**/*.bzl",
            "**/build", "**/build.bazel", "**/workspace", "**/workspace.bazel", "**/workspace.bzlmod",
            "**/module.bazel", "**/.bazelrc", "**/.bazeliskrc", "**/.bazelversion", "**/.buckconfig", "**/buck",
            "**/earthfile", "**/tiltfile", "**/flake.nix", "**/shell.nix", "**/default.nix", "**/devenv.nix",
            "**/noxfile.py", "**/tox.ini", "**/tox.toml", "**/magefile.go", "**/build.sbt", "**/project/plugins.sbt",
            "**/directory.build.props", "**/directory.build.targets", "**/build.zig", "**/nx.json", "**/turbo.json",
        ),
        "container": (
            "**/dockerfile*", "**/*.dockerfile", "**/containerfile*", "**/docker-compose*.y*ml", "**/compose*.y*ml",
            "**/docker-bake.*", "**/.dockerignore", "**/.devcontainer/**", "**/devcontainer.json",
            "**/.devcontainer.json", "**/vagrantfile", "**/.gitpod.y*ml", "**/.gitpod.dockerfile", "**/devfile.y*ml",
            "**/.devfile.y*ml",
        ),
        "hook": (
            "**/.pre-commit-config.y*ml", "**/.pre-commit-hooks.y*ml", "**/.husky/**", "**/.huskyrc*",
            "**/.githooks/**", "**/lefthook*.y*ml", "**/.lefthook*.y*ml", "**/lefthook*.toml", "**/lefthook*.json",
            "**/.lefthook/**", "**/.lintstagedrc*", "**/.overcommit.yml", "**/.envrc", "**/.autoenv", "**/.autoenv.zsh",
            "**/mise*.toml", "**/.mise*.toml", "**/.mise/**", "**/mise/config.toml", "**/.tool-versions",
        ),
        "editor": (
            "**/.vscode/**", "**/.idea/**", "**/.fleet/**", "**/.zed/**", "**/.run/**", "**/*.code-workspace",
            "**/.vimrc", "**/.gvimrc", "**/.nvimrc", "**/.exrc", "**/.nvim.lua", "**/.lvimrc", "**/.vim/**",
            "**/.dir-locals.el", "**/.dir-locals-2.el", "**/.cursor/**", "**/*.sublime-project",
            "**/.gdbinit", "**/.lldbinit", "**/.vs/**", "**/.helix/**",
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


def judge(case: PatchUnderReview) -> Iterator[Finding]:
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
