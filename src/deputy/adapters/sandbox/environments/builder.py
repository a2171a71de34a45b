"""A builder: a container with a writable root, in which an environment's steps run. It is committed as an image."""

import errno
import json
import secrets as random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import docker.errors
from pydantic import JsonValue

from deputy.adapters.sandbox.channel.channel import Answer, Channel
from deputy.adapters.sandbox.channel.client import DeltaCaps, SandboxClient
from deputy.adapters.sandbox.engine import labels
from deputy.adapters.sandbox.engine.engine import DockerEngine
from deputy.adapters.sandbox.engine.gateway import refuse_remote
from deputy.adapters.sandbox.engine.hardening import WORKSPACE, HostOptions, host_options, seccomp_profile
from deputy.adapters.sandbox.host.guest_process import command, look_up, program, started
from deputy.domain.errors import BadInput
from deputy.ports import KEPT_FOLDER, SandboxLimits, SandboxSpec, Tree

SECRETS_FOLDER = "/run/secrets"
# What package managers need of root: files of any owner (CHOWN, DAC_OVERRIDE, FOWNER), and to become the user that a
# service's own scripts run as (SETGID, SETUID). KILL is process 1's, for what has become another user.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "KILL")
MEMORY = 4 * 1024**3
_PROCESSES = 1024
_OUTPUT = 256 * 1024
_INODES = 2_000_000
_SCRATCH = "rw,exec,nosuid,nodev,mode=1777,size=1g"
# In place of an image's volumes, which would be host folders without a limit. No image holds their content.
_VOLUME = "rw,exec,nosuid,nodev,mode=0755,size=1g"
_SECRETS = "rw,noexec,nosuid,nodev,mode=0700,size=1m"
_FILE_SECONDS = 600.0
_ALLOWANCE = 1 << 20
# Added to the setup's own time, for packing up a large image.
_SPARE_SECONDS = 1800
_START_SECONDS = 60
_NO_SUCH_COMMAND = 400
# Longer than for a sandbox: thousands of files on a disk are removed.
_GONE_SECONDS = 180.0
_AF_NETLINK, _NETLINK_AUDIT = 16, 9


class BuilderClient(SandboxClient):
    """The host's end of a builder's channel, with the requests that only builders answer. All can be cancelled."""

    def __init__(
        self, spec: SandboxSpec, channel: Channel, destroy: Callable[[], None], is_cancelled: Callable[[], bool] | None
    ) -> None:
        super().__init__(spec, channel, destroy, DeltaCaps())
        self._is_cancelled = is_cancelled

    def look(self, paths: Sequence[str]) -> frozenset[str]:
        """The paths among these that exist in the builder."""
        found = self._tell("look", paths=list(paths)).header.get("found")
        return frozenset(str(path) for path in found) if isinstance(found, list) else frozenset()

    def lay_secrets(self, values: Mapping[str, str]) -> None:
        """Make these the files below /run/secrets, and no others."""
        contents = [value.encode() for value in values.values()]
        self._tell("secrets", b"".join(contents), names=list(values), sizes=[len(content) for content in contents])

    def keep(self, paths: Sequence[str]) -> None:
        """Move these folders and files of the workspace into the image; ``BadInput`` when one is not there."""
        self._tell("keep", paths=list(paths), into=KEPT_FOLDER)

    def end(self, drop: Sequence[str]) -> None:
        """Empty the workspace and the folders ``drop``, and prepare the rest to be a sandbox's image."""
        self._tell("end", drop=list(drop))

    def _tell(self, op: str, body: bytes = b"", **fields: JsonValue) -> Answer:
        with self._exchange():
            *_, last = self._channel.ask(
                {"op": op, **fields},
                body,
                seconds=_FILE_SECONDS,
                most_bytes=_ALLOWANCE,
                is_cancelled=self._is_cancelled,
            )
        if last.header.get("t") == "error":
            raise BadInput("the environment can't be packed up", last.reason())
        return last


class Builders:
    """Makes builders on an engine, for one installation."""

    def __init__(self, engine: DockerEngine, *, owner: str, runtime: str | None = None) -> None:
        self._engine, self._owner, self._runtime = engine, owner, runtime

    @contextmanager
    def open(
        self,
        image: str,
        tree: Tree,
        *,
        python: tuple[str, ...],
        seconds: int,
        disk: int,
        is_cancelled: Callable[[], bool] | None = None,
        carried: bytes = b"",
        gateway: str = "",
    ) -> Iterator[tuple[BuilderClient, str]]:
        """A started builder with the tree as its workspace, and its container's id. It is removed afterwards.

        ``carried`` is an archive that is put into its root before it starts. ``is_cancelled`` is asked while files are
        laid out in it, and while it is packed up. A failure to remove it hides no other error: the builder ends when
        its connection is closed, and the sweep removes it later.
        """
        api = self._engine.api
        limits = SandboxLimits(
            memory=MEMORY,
            cpus=float(self._engine.cpus),
            processes=_PROCESSES,
            disk=disk,
            inodes=_INODES,
            seconds=seconds + _SPARE_SECONDS,
            output=_OUTPUT,
        )
        spec = SandboxSpec(_name(), "", image, tree, limits=limits, gateway=gateway)
        container = self._create(spec, command(python))
        wire = None
        try:
            if carried:
                api.put_archive(container, "/", carried)
            wire = started(api, container, program("builder_inside"))
            builder = BuilderClient(
                spec, Channel(wire), lambda: self._engine.remove(container, _GONE_SECONDS), is_cancelled
            )
            builder.fill(spec, is_cancelled)
            yield builder, container
        finally:
            self._engine.discard(container, _GONE_SECONDS)
            if wire:
                wire.close()

    def starts(self, image: str, argv: Sequence[str]) -> bool:
        """Whether a command of the image succeeds, in a sealed container with nothing else inside."""
        api = self._engine.api
        spec = SandboxSpec(_name(), "", image, {}, limits=SandboxLimits(seconds=_START_SECONDS))
        container = self._create(spec, list(argv), has_stdin=False)
        try:
            api.start(container)
            return bool(api.wait(container, timeout=_START_SECONDS)["StatusCode"] == 0)
        except docker.errors.APIError as error:
            if error.status_code == _NO_SUCH_COMMAND:
                return False
            raise
        finally:
            self._engine.discard(container)

    def _create(self, spec: SandboxSpec, entrypoint: list[str], *, has_stdin: bool = True) -> str:
        api = self._engine.api
        refuse_remote(api, spec.gateway)
        created = api.create_container(
            image=spec.image,
            entrypoint=entrypoint,
            command=[],
            name=spec.name,
            labels=labels.of_builder(self._owner, spec),
            user="0:0",
            working_dir=WORKSPACE,
            hostname="builder",
            stdin_open=has_stdin,
            network_disabled=True,
            # The image's own would run next to the commands, as root, and see their secrets. No image inherits it.
            healthcheck={"test": ["NONE"]},
            host_config=api.create_host_config(**self._options(spec, removes_itself=has_stdin)),
        )
        return cast("str", created["Id"])

    def _options(self, spec: SandboxSpec, *, removes_itself: bool) -> dict[str, Any]:
        """A sandbox's options, except for a writable root, a few capabilities, and a workspace on disk."""
        sealed: HostOptions = host_options(spec.limits, self._engine.cpus, self._runtime, spec.gateway)
        volumes = look_up(self._engine.api, spec.image).volumes
        return {
            **sealed,
            "cap_add": list(CAPABILITIES),
            "read_only": False,
            "security_opt": ["no-new-privileges", f"seccomp={_seccomp_profile()}"],
            "auto_remove": removes_itself,
            "tmpfs": {**dict.fromkeys(volumes, _VOLUME), "/tmp": _SCRATCH, SECRETS_FOLDER: _SECRETS},  # noqa: S108 (in the sandbox)
        }


def _seccomp_profile() -> str:
    """A sandbox's profile, except that audit sockets look absent: programs that add users fail when denied them."""
    profile = json.loads(seccomp_profile())
    family, protocol = (
        {"index": index, "value": value, "valueTwo": 0, "op": "SCMP_CMP_EQ"}
        for index, value in ((0, _AF_NETLINK), (2, _NETLINK_AUDIT))
    )
    refusal = {"action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPROTONOSUPPORT, "args": [family, protocol]}
    profile["syscalls"].append({"names": ["socket"], **refusal})
    return json.dumps(profile)


def _name() -> str:
    return f"deputy-build-{random.token_hex(6)}"
