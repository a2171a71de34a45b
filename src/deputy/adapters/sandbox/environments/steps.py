"""The steps of one environment's build, in a builder: packages, setup commands, kept folders, packing up."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from deputy.adapters.sandbox.channel.client import workspace_path
from deputy.adapters.sandbox.engine.gateway import environment as network_of
from deputy.adapters.sandbox.environments.builder import MEMORY, BuilderClient
from deputy.adapters.sandbox.environments.progress import Progress
from deputy.adapters.sandbox.environments.secrets import Redactor
from deputy.domain.errors import BadInput, SandboxFailed
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence import presentable
from deputy.ports import BuildStep, EnvironmentSpec

TAIL = 2000
# Seconds between two measurements: the engine has to walk through everything that was written.
MEASURE_SECONDS = 3.0
_COMMAND = 300
_AGAIN = f"try again; a step that breaks off each time may need more memory than a builder has ({MEMORY // 1024**3} GB)"
# On the builder's disk, not in its memory; emptied before the image is made.
CACHE = "/var/cache/deputy"
DROPPED = (CACHE, "/var/lib/apt/lists", "/var/cache/apt", "/var/log/apt")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Programs with certificates of their own use the image's instead, which may include a site's own authority.
_CERTIFICATE_VARIABLES = (
    *("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("npm_config_cafile", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO"),
)
_BASICS = {
    "HOME": "/tmp",  # noqa: S108 (in the sandbox; the same as in every sandbox, and never part of the image)
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "XDG_CACHE_HOME": CACHE,
    "npm_config_cache": f"{CACHE}/npm",
    "npm_config_update_notifier": "false",
}
_APT_OPTIONS = (
    *("-o", "APT::Sandbox::User=root"),
    *("-o", "Dpkg::Use-Pty=0"),
    *("-o", "Dpkg::Options::=--force-unsafe-io"),
    *("-o", "Dpkg::Options::=--path-exclude=/usr/share/man/*"),
    *("-o", "Dpkg::Options::=--path-exclude=/usr/share/doc/*"),
    *("-o", "Dpkg::Options::=--path-include=/usr/share/doc/*/copyright"),
    *("-o", "Acquire::Languages=none"),
    *("-o", "Acquire::Retries=2"),
)


@dataclass(frozen=True)
class Planned:
    """A step: the text that is shown, and the function that does it."""

    text: str
    act: Callable[[], None]


class Steps:
    """Runs the steps of a build, one by one, and reports them.

    ``used`` returns how many bytes the image adds to its base so far. ``path`` is the base image's PATH.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        builder: BuilderClient,
        *,
        path: str,
        used: Callable[[], int],
        progress: Progress,
    ) -> None:
        self._spec, self._builder, self._path, self._used, self._progress = spec, builder, path, used, progress
        self._redactor = Redactor(spec.secrets)
        self._end = time.monotonic() + spec.environment.timeout
        self._measured = time.monotonic()

    def run(self, last: Planned) -> None:
        """Run all steps, then ``last``. ``BadInput`` names the step that failed and shows the end of its output.

        ``SandboxFailed`` names the step at which the builder or its engine failed: the setup made no mistake then.
        """
        steps = (*self._planned(), last)
        for number, step in enumerate(steps, 1):
            self._progress.begin(BuildStep(number, len(steps), step.text))
            try:
                step.act()
            except SandboxFailed as error:
                raise SandboxFailed(self._sentence("broke off"), error.why, _AGAIN) from error
            self._measure()

    def _measure(self) -> None:
        self._measured = time.monotonic()
        if (used := self._used()) > self._spec.disk:
            raise self._failed(
                f"made the image {used // 1024**2} MB larger, and {self._spec.disk // 1024**2} MB are allowed",
                "",
                "install less, or raise environment_disk in limits.toml",
            )

    def _planned(self) -> Sequence[Planned]:
        environment = self._spec.environment
        steps = []
        if environment.packages:
            steps.append(Planned(f"Debian packages: {', '.join(environment.packages)}", self._packages))
        steps += [Planned(_shown(argv), lambda argv=argv: self._setup(argv)) for argv in environment.setup]  # type: ignore[misc]
        if environment.keep:
            steps.append(
                Planned(f"keep {', '.join(environment.keep)}", lambda: self._builder.keep(kept(environment.keep)))
            )
        steps.append(Planned("clean up", self._clean_up))
        return steps

    def _clean_up(self) -> None:
        self._builder.lay_secrets({})
        self._builder.end(DROPPED)

    # ------------------------------------------------------------------------------------------------ packages

    def _packages(self) -> None:
        if not self._builder.look(["/usr/bin/apt-get"]):
            raise self._failed(
                "could not run",
                f"{self._spec.base} has no apt-get",
                "use setup commands of its own package manager in place of packages",
            )
        network = network_of(self._spec.gateway)
        options = [*_APT_OPTIONS, "-o", f"Acquire::http::Proxy={network.get('http_proxy', 'DIRECT')}"]
        env = {**_BASICS, **network}
        self._command(["apt-get", *options, "-q", "update"], env)
        names = self._spec.environment.packages
        self._command(["apt-get", *options, "-q", "-y", "--no-install-recommends", "install", "--", *names], env)
        self._command(["apt-get", "clean"], env)

    # ------------------------------------------------------------------------------------------------ setup

    def _setup(self, argv: Sequence[str]) -> None:
        """Run a setup command, with the secrets in its environment and as files below /run/secrets (in memory)."""
        environment, secrets = self._spec.environment, self._spec.secrets
        certificates = self._certificates()
        env = {
            **_BASICS,
            **certificates,
            **network_of(self._spec.gateway),
            **environment.env,
            **secrets,
            "PATH": self._search_path(),
        }
        self._builder.lay_secrets(secrets)
        self._command(argv, env)

    def _search_path(self) -> str:
        return ":".join((*self._spec.environment.path, self._path))

    def _certificates(self) -> dict[str, str]:
        return dict.fromkeys(_CERTIFICATE_VARIABLES, CERTIFICATES) if self._builder.look([CERTIFICATES]) else {}

    # ------------------------------------------------------------------------------------------------ commands

    def _command(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._out_of_time("")
        done = self._builder.run(argv, timeout=left, env=env, on_output=self._show, is_cancelled=self._beat)
        if rest := self._redactor.rest():
            self._progress.report(rest)
        if done.timed_out:
            raise self._out_of_time(self._tail(done))
        if done.exit_code:
            raise self._failed(f"ended with exit status {done.exit_code}", self._tail(done), "")

    def _beat(self) -> bool:
        if time.monotonic() - self._measured > MEASURE_SECONDS:
            self._measure()
        return self._progress.is_cancelled()

    def _show(self, data: bytes) -> None:
        if shown := self._redactor.feed(data):
            self._progress.report(shown)

    def _tail(self, done: CommandResult) -> str:
        text = presentable(self._redactor.redact(done.output), 10**6).strip()
        return text if len(text) <= TAIL else "…" + text[-TAIL:]

    def _out_of_time(self, tail: str) -> BadInput:
        seconds = self._spec.environment.timeout
        return self._failed(f"was stopped: the setup may take {seconds} s in all", tail, "raise its timeout")

    def _failed(self, how: str, why: str, remedy: str) -> BadInput:
        correct = "correct the environment in repos.toml or the files that its setup reads"
        return BadInput(self._sentence(how), why, remedy or correct)

    def _sentence(self, how: str) -> str:
        now = self._progress.now
        words = self._redactor.redact(now.text.encode()).decode()
        return (
            f"the environment of {self._spec.repo} can't be built: step {now.number} of {now.total}, `{words}`, {how}"
        )


def _shown(argv: Sequence[str]) -> str:
    return presentable(shlex.join(argv), _COMMAND).replace("\n", " ")


def kept(folders: Sequence[str]) -> tuple[str, ...]:
    """The folders to keep as workspace paths, without those inside others; ``BadInput`` for a bad path."""
    paths = sorted({workspace_path(folder) for folder in folders})
    if "." in paths:
        raise BadInput("the whole workspace can't be kept", "", "name the folders that the setup makes")
    parents = [{str(parent) for parent in PurePosixPath(path).parents} for path in paths]
    return tuple(path for path, above in zip(paths, parents, strict=True) if not above & set(paths))
