"""The start-up probe on real containers: it finds nothing in a task's sandbox, and each way of weakening one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.api.client import APIClient

from deputy.adapters.sandbox.engine import hardening
from deputy.adapters.sandbox.engine.labels import PROBING
from deputy.adapters.sandbox.host import launcher, probing
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.app.composition.sealing import sealing
from deputy.domain.errors import DeputyError, Unavailable
from deputy.ports import Attempt, SandboxSpec

pytestmark = pytest.mark.docker

Options = dict[str, Any]
Weaken = Callable[[Options], None]


@pytest.fixture
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=f"test-probe-{os.getpid()}")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture
def weaken(monkeypatch: pytest.MonkeyPatch) -> Weaken:
    """Change the engine's options of every sandbox from now on.

    A key ``create:x`` is an option of the container itself, ``host:X`` one that only the engine's own words have.
    """

    def change(changes: Options) -> None:
        def of(kind: str) -> Options:
            return {name.removeprefix(kind): value for name, value in changes.items() if name.startswith(kind)}

        options = {name: value for name, value in changes.items() if ":" not in name}
        real_options, real_create = hardening.host_options, APIClient.create_container

        def create(self: APIClient, **given: Any) -> Any:
            given["host_config"].update(of("host:"))
            return real_create(self, **{**given, **of("create:")})

        monkeypatch.setattr(launcher, "host_options", lambda *args: {**real_options(*args), **options})
        monkeypatch.setattr(APIClient, "create_container", create)

    return change


def is_open(attempts: tuple[Attempt, ...]) -> dict[str, str]:
    return {attempt.name: attempt.message for attempt in attempts if not attempt.is_refused}


def test_a_sandbox_as_tasks_get_it_is_shut_in_every_way(sandboxes: DockerSandboxes) -> None:
    attempts = sandboxes.probe()
    assert is_open(attempts) == {}
    assert [attempt.name for attempt in attempts] == list(probing.names())
    assert sealing(attempts) == f"{len(attempts)} of {len(attempts)} attempts refused"
    assert len(attempts) >= 37
    assert sandboxes.sweep(lambda _: False) == ()


_SECCOMP = f"seccomp={hardening.seccomp_profile()}"
WEAKENINGS: dict[str, tuple[Options, set[str]]] = {
    "a network": (
        {"network_mode": "bridge", "create:network_disabled": False},
        {"a network interface", "an outside address", "a name", "the metadata address"},
    ),
    "a capability": ({"cap_add": ["NET_RAW"]}, {"capabilities"}),
    "docker's own capabilities": ({"cap_drop": []}, {"capabilities"}),
    "root's group": ({"create:user": "1000:0"}, {"root"}),
    "the engine's socket": (
        {"binds": ["/var/run/docker.sock:/var/run/docker.sock"]},
        {"the engine's socket", "folders of the host"},
    ),
    "the engine's socket elsewhere": (
        {"binds": ["/var/run/docker.sock:/srv/tool"]},
        {"sockets of other programs", "folders of the host"},
    ),
    "no filter": (
        {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
        {"unfiltered system calls", "namespaces of its own", "perf", "other protocols", "pairs of other sockets"},
    ),
    "docker's own filter": ({"security_opt": ["no-new-privileges"]}, {"the hypervisor's sockets", "other protocols"}),
    "rights that can be raised": ({"security_opt": [_SECCOMP]}, {"raised rights"}),
    "a writable root": ({"read_only": False}, {"the root file system"}),
    "a folder of the host": ({"binds": ["/usr/share/doc:/mnt:ro"]}, {"folders of the host"}),
    "a device": ({"devices": ["/dev/kmsg:/dev/kmsg:r"]}, {"devices"}),
    "a disk": ({"devices": ["/dev/loop-control:/dev/sda:rw"]}, {"devices"}),
    "the host's shared memory": ({"ipc_mode": "host", "shm_size": None}, {"the host's shared memory"}),
    "kernel files that engines hide": (
        {"host:MaskedPaths": [], "host:ReadonlyPaths": []},
        {"hidden kernel files"},
    ),
    "no limit of processes": ({"pids_limit": -1}, {"processes beyond its limit"}),
    "no limit of memory": (
        {"mem_limit": None, "memswap_limit": None, "mem_swappiness": None},
        {"memory beyond its limit"},
    ),
    "no share of the processor": ({"nano_cpus": 0}, {"processor beyond its share"}),
    "no bounds": ({"ulimits": []}, {"bounds of each process"}),
    "no quota": (
        {"tmpfs": dict.fromkeys(("/workspace", "/tmp"), "rw,exec,uid=1000,gid=1000")},
        {"disk beyond its limit", "files beyond its limit"},
    ),
    "docker's own root": (
        {"create:user": "0:0", "security_opt": ["seccomp=unconfined"], "cap_drop": [], "read_only": False},
        {
            "root",
            "capabilities",
            "raw sockets",
            "packet sockets",
            "new devices",
            "root's files",
            "the root file system",
        },
    ),
}


@pytest.mark.parametrize(("changes", "expected"), WEAKENINGS.values(), ids=WEAKENINGS.keys())
def test_a_weakened_sandbox_is_found_out(
    sandboxes: DockerSandboxes, weaken: Weaken, changes: Options, expected: set[str]
) -> None:
    weaken(changes)
    attempts = sandboxes.probe()
    assert expected <= is_open(attempts).keys(), is_open(attempts)
    with pytest.raises(Unavailable, match="The sandboxes are not sealed: possible from inside: "):
        sealing(attempts)


def test_where_there_is_a_network_nothing_is_sent(sandboxes: DockerSandboxes, weaken: Weaken) -> None:
    weaken({"network_mode": "bridge", "create:network_disabled": False})
    found = is_open(sandboxes.probe())
    assert found["a network interface"] == "eth0"
    sending = ("the engine's bridge", "an outside address", "the metadata address", "a name server", "a name", "a ping")
    assert {found[name] for name in sending} == {"not tried, since there is an interface: eth0"}


def test_a_sandbox_in_the_hosts_process_namespace_does_not_run_at_all(
    sandboxes: DockerSandboxes, weaken: Weaken
) -> None:
    weaken({"pid_mode": "host"})
    with pytest.raises(DeputyError):
        sealing(sandboxes.probe())


def test_a_probe_under_way_is_not_swept_away_by_another_process(sandboxes: DockerSandboxes) -> None:
    spec = SandboxSpec(f"{PROBING}{os.getpid()}", "", "", {}, limits=probing.LIMITS)
    with sandboxes.start(spec) as sandbox:
        assert sandboxes.sweep(lambda _: False) == ()
        assert sandbox.run(["echo", "here"]).output == b"here\n"
