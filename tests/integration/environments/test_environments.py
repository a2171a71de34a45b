"""Environments on the real engine: what setup leaves is there for everybody, what it needed is gone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from docker.api.client import APIClient

from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.domain.errors import BadInput, Cancelled, Unavailable
from deputy.ports import BuildStep, EnvironmentSpec, SandboxSpec
from tests.support.environment_builds import (
    IMAGE,
    OWNER,
    REPO,
    SMALL,
    TREE,
    Steps,
    builders,
    eventually,
    ours,
    output_in,
    sh,
    spec,
)

pytestmark = pytest.mark.docker


def test_what_setup_makes_is_in_the_image_and_nothing_else_is(environments, sandboxes, engine):
    steps = Steps()
    wanted = spec(
        sh("cat README.md > /opt/made; ./run.sh; umask 077; mkdir /opt/private; echo hidden > /opt/private/file"),
        sh("cp /bin/true /usr/local/bin/raised; chmod u+s /usr/local/bin/raised; touch litter ~/.litter /tmp/litter"),
        sh("echo cached > $XDG_CACHE_HOME.txt; mkdir -p $XDG_CACHE_HOME/pip; echo cached > $XDG_CACHE_HOME/pip/wheel"),
        env={"SHOP_MODE": "fast"},
        path=("/opt/shop/bin",),
    )
    image = environments.build(wanted, steps)
    assert list(steps.texts)[-2:] == ["4/5 clean up", "5/5 save the image"]
    assert b"ran\n" in steps.output
    script = (
        "id -u; cat /opt/made /opt/private/file; echo $SHOP_MODE $PATH; find / -xdev -type f -perm /6000 2>/dev/null;"
        " ls -A /workspace /var/cache/deputy; test ! -w /opt/made"
    )
    lines = output_in(sandboxes, image, *sh(script)).splitlines()
    assert lines[:3] == ["1000", "hello", "hidden"]
    assert lines[3].startswith("fast /opt/shop/bin:/opt/deputy/venv/bin:")
    assert lines[4:] == ["/var/cache/deputy:", "", "/workspace:", "README.md", "run.sh"]
    made = engine.images.get(image)
    assert made.attrs["Config"]["User"] == "1000:1000"
    assert not made.attrs["Config"]["Entrypoint"]
    assert not made.labels["deputy.home"], "who runs it by hand shall not be swept"
    assert builders(engine) == []


def test_a_key_is_built_once_however_many_ask(environments):
    wanted, results, steps = spec(sh("sleep 1; echo once")), [], [Steps() for _ in range(4)]
    threads = [
        threading.Thread(target=lambda each=each: results.append(environments.build(wanted, each))) for each in steps
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert [each.output.count(b"once") for each in steps].count(1) == 1, "one of them built it, three waited"
    assert environments.find(REPO, wanted.key) == results[0]
    assert environments.find(REPO, wanted.key[:16] + "0" * 48) == "", "the whole key counts, not what the name shows"
    assert environments.find("acme/site", wanted.key) == ""


def test_a_failure_is_shared_by_callers_that_waited_for_it(environments):
    wanted, told, begun = spec(sh("echo begun; sleep 3; exit 7")), [], threading.Event()

    def build(step: Steps) -> None:
        with pytest.raises(BadInput) as caught:
            environments.build(wanted, step)
        told.append(str(caught.value))

    first, *others = [Steps(lambda step: begun.set() if step.output else None), Steps(), Steps()]
    threads = [threading.Thread(target=build, args=(each,)) for each in (first, *others)]
    threads[0].start()
    assert begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 3
    assert len(set(told)) == 1
    assert [each.output for each in others] == [b"", b""], "one of them tried it, two waited"
    build(later := Steps())
    assert later.output == b"begun\n", "who asks afterwards has it tried again"


def test_a_build_that_was_cancelled_is_made_by_the_next_one_in_line(environments):
    begun, go_on = threading.Event(), threading.Event()

    def stop(step: BuildStep) -> None:
        begun.set()
        if go_on.is_set():
            raise Cancelled("the task was cancelled")

    def cancelled() -> None:
        with pytest.raises(Cancelled):
            environments.build(wanted, Steps(stop))

    wanted, results = spec(sh("test -e /opt/x || sleep 2")), []
    threads = [
        threading.Thread(target=cancelled),
        threading.Thread(target=lambda: results.append(environments.build(wanted, Steps(lambda _: go_on.set())))),
    ]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert results == [environments.find(REPO, wanted.key)] != [""]


def test_kept_folders_are_found_through_links_and_lead_back(environments, sandboxes):
    setup = sh(
        "mkdir -p deps/one packages/app/deps lib; echo 1 > deps/one/a; ln -s one/a deps/inner; ln -s ../lib deps/back;"
        " echo 2 > packages/app/deps/b; echo 3 > lib/version.txt"
    )
    image = environments.build(spec(setup, keep=("deps", "packages/app/deps/", "deps/one", "lib/version.txt")), Steps())
    links = {path: f"/opt/deputy/kept/{path}" for path in ("deps", "packages/app/deps", "lib/version.txt")}
    script = "cat deps/one/a deps/inner packages/app/deps/b lib/version.txt; readlink deps/back; ! touch deps/mine"
    assert output_in(sandboxes, image, *sh(script + " 2>/dev/null"), links=links).split() == [
        "1",
        "1",
        "2",
        "3",
        "/workspace/lib",
    ]


@pytest.mark.parametrize(
    ("setup", "more", "sentence", "tail"),
    [
        (sh("echo first; echo why >&2; exit 7"), {}, "exit 7'`, ended with exit status 7", "first\nwhy"),
        (("no-such-program",), {}, "`no-such-program`, ended with exit status 127", "No such file"),
        (sh("echo slow; sleep 60"), {"timeout": 2}, "was stopped: the setup may take 2 s in all", "slow"),
        (("true",), {"keep": ("node_modules",)}, "can't be packed up", "the setup left no folder or file node_modules"),
        (("true",), {"keep": ("../etc",)}, "can't use the path", "not inside the workspace"),
        (sh("for n in 1 2; do head -c 9000000 /dev/zero > /opt/$n; done"), {"disk": 10**7}, "and 9 MB are allowed", ""),
    ],
)  # fmt: skip
def test_a_failure_names_the_command_and_shows_the_end_of_its_output(environments, engine, setup, more, sentence, tail):
    wanted = spec(setup, sh("echo never > /dev/null"), **more)
    before = {image.id for image in ours(engine)}
    with pytest.raises(BadInput) as caught:
        environments.build(wanted, Steps())
    assert sentence in caught.value.what
    assert tail in caught.value.why
    assert environments.find(REPO, wanted.key) == ""
    assert builders(engine) == []
    assert {image.id for image in ours(engine)} == before


def test_a_build_that_is_stopped_ends_at_once(environments, engine):
    def stop(step: BuildStep) -> None:
        if time.monotonic() - began > 1.0:
            raise Cancelled("the task was cancelled")

    began = time.monotonic()
    with pytest.raises(Cancelled):
        environments.build(spec(sh("sleep 50")), Steps(stop))
    assert builders(engine) == []


BUILD_AND_WAIT = """
import sys
from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.domain.policy.config import Environment
from deputy.ports import EnvironmentSpec
environment = Environment(setup=(("sleep", "100"),))
spec = EnvironmentSpec("acme/shop", "d" * 64, sys.argv[2], environment, {})
DockerEnvironments(owner=sys.argv[1]).build(spec, lambda _: None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_dies_in_a_build_leaves_nothing(engine, how):
    process = subprocess.Popen([sys.executable, "-c", BUILD_AND_WAIT, OWNER, IMAGE], stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: bool(builders(engine)))
        time.sleep(1)
        process.send_signal(how)
        process.wait(30)
    finally:
        process.kill()
    assert eventually(lambda: not builders(engine))


def test_a_builder_has_no_network_of_its_own_and_few_rights(environments):
    steps = Steps()
    script = (
        "tail -n +3 /proc/net/dev; grep CapEff /proc/self/status; mknod /opt/d c 1 3 2>&1; ls /run/deputy 2>&1; true"
    )
    environments.build(spec(sh(script)), steps)
    said = steps.output.decode()
    assert next(line.split(":")[0].strip() for line in said.splitlines() if ":" in line) == "lo"
    assert "eth0" not in said
    assert "CapEff:\t00000000000000eb" in said
    assert "mknod: /opt/d: Operation not permitted" in said
    assert "cannot access '/run/deputy'" in said


def test_the_sweep_leaves_builders_whose_time_is_not_up(environments, sandboxes, engine):
    started, go_on = threading.Event(), threading.Event()

    def wait(step: BuildStep) -> None:
        if step.number:
            started.set()
            go_on.wait(30)

    wanted = spec(("true",))
    thread = threading.Thread(target=lambda: environments.build(wanted, Steps(wait)))
    thread.start()
    assert started.wait(30)
    (name,) = builders(engine)
    assert sandboxes.sweep(lambda _: False) == ()
    go_on.set()
    thread.join()
    assert environments.find(REPO, wanted.key)
    left = engine.containers.create(
        IMAGE, "true", name=name, labels={"deputy.home": OWNER, "deputy.until": "1000000000"}
    )
    assert sandboxes.sweep(lambda _: False) == (left.id[:12],), "one that a crash left is swept when its time is up"


def test_old_images_go_unless_somebody_uses_them(environments, sandboxes, engine):
    repo = "acme/site"
    names = []
    for _ in range(4):
        one = spec(("true",))
        names.append(environments.build(EnvironmentSpec(repo, one.key, IMAGE, one.environment, TREE), Steps()))
    with sandboxes.start(SandboxSpec(f"deputy-prune-{os.getpid()}", "D-ENV1R0NM", names[1], TREE, limits=SMALL)):
        assert environments.prune(repo, 2) == (names[0],)
    assert environments.prune(repo, 2) == (names[1],)
    assert environments.prune(repo, 0) == (names[2],), "the newest always stays"
    assert [tag for image in ours(engine) for tag in image.tags if "acme-site" in tag] == [names[3]]
    others = {image.labels["deputy.environment.repo"] for image in ours(engine)} - {repo}
    assert environments.prune_others([*others, repo]) == ()
    with sandboxes.start(SandboxSpec(f"deputy-prune-{os.getpid()}", "D-ENV1R0NM", names[3], TREE, limits=SMALL)):
        assert environments.prune_others(others) == ()
    assert environments.prune_others(others) == (names[3],)
    assert others == {image.labels["deputy.environment.repo"] for image in ours(engine)}


def test_two_processes_that_build_the_same_leave_one_image(environments, engine):
    wanted, other = spec(sh("sleep 1"), disk=2**31), DockerEnvironments(owner=OWNER)
    threads = [threading.Thread(target=each.build, args=(wanted, Steps())) for each in (environments, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert environments.find(REPO, wanted.key)
    environments.prune(REPO, 100)
    assert all(image.tags for image in ours(engine))
    assert [image.labels["deputy.environment.key"] for image in ours(engine)].count(wanted.key) == 1


def test_an_image_made_anew_takes_the_place_of_the_old_one(environments, engine):
    wanted = spec(sh("date +%N > /opt/when"))
    image = environments.build(wanted, Steps())
    before = environments.base_id(image)
    with environments.set_aside(REPO, wanted.key):
        assert environments.find(REPO, wanted.key) == ""
    assert environments.base_id(image) == before, "nothing was built: the old one is back"
    with environments.set_aside(REPO, wanted.key):
        environments.build(wanted, Steps())
    assert environments.base_id(image) != before
    assert before not in {each.id for each in engine.images.list(all=True)}


WATCHED = ("commit", "export", "diff", "containers", "remove_container")


def test_the_engine_has_time_for_what_is_large(monkeypatch, environments):
    seen: list[tuple[str, int]] = []

    def watched(name: str) -> Callable[..., object]:
        real = getattr(APIClient, name)

        def call(api: APIClient, *args: object, **more: object) -> object:
            seen.append((name, api.timeout))
            return real(api, *args, **more)

        return call

    for name in WATCHED:
        monkeypatch.setattr(APIClient, name, watched(name))
    one = spec(("true",))
    environments.build(replace(one, secrets={"ACME_TOKEN": "nobodys-token"}), Steps())
    small = ("remove_container", 60)  # the container in which it was tried whether the image has a Python
    assert {name for name, seconds in seen if seconds >= 900} == {*WATCHED}
    assert {pair for pair in seen if pair[1] < 900} == {small}


def test_a_missing_base_is_named(environments):
    with pytest.raises(Unavailable, match=r"no-such-image is missing.*correct the repository's image"):
        environments.base_id("no-such-image")


def test_an_environment_that_was_removed_meanwhile_is_reported_as_such(sandboxes):
    gone = SandboxSpec(
        f"deputy-gone-{os.getpid()}", "D-ENV1R0NM", "deputy-env-gone:0123456789abcdef", TREE, limits=SMALL
    )
    with (
        pytest.raises(
            Unavailable, match="removed meanwhile: ask again, or build it with 'deputy repo build'"
        ) as caught,
        sandboxes.start(gone),
    ):
        pass
    assert "make setup" not in str(caught.value)
