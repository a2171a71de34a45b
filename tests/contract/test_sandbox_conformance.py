"""What every sandbox must do, whatever it is made of: start, run, stream, limits, files, delta, kill, clean up."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deputy.adapters.sandbox.channel.client import DeltaCaps
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.errors import BadInput, Cancelled, NotFound, OutOfBudget, SandboxFailed
from deputy.ports import Sandbox, Sandboxes, SandboxLimits, SandboxSpec, Tree, TreeDelta, TreeFile
from tests.support.plain_sandbox import PlainSandboxes
from tests.support.runtimes import further_runtimes, refusal
from tests.support.trees import tree_of

TASK = "D-C0NF0RM0"
CAPS = DeltaCaps(files=20, total=200_000, largest=100_000)
FILES = {
    "README.md": (b"hello\n", 0o644),
    "src/app.py": (b"print('app')\n", 0o644),
    "run.sh": (b"#!/bin/sh\necho ran\n", 0o755),
    "kept/__pycache__/old.pyc": (b"was in the tree", 0o644),
}


def spec(name: str = f"deputy-{TASK}-conform-{os.getpid()}", *, tree: Tree | None = None, **limits: int) -> SandboxSpec:
    small = {"memory": 256 * 1024**2, "disk": 32 * 1024**2, "inodes": 4000, **limits}
    return SandboxSpec(
        name, TASK, "", tree_of(FILES) if tree is None else tree, {"FROM_SPEC": "yes"}, SandboxLimits(**small)
    )


MADE_OF = ["plain", *(pytest.param(name, marks=pytest.mark.docker) for name in ("docker", *further_runtimes()))]


@pytest.fixture(params=MADE_OF)
def sandboxes(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    made: Sandboxes = PlainSandboxes(CAPS) if request.param == "plain" else docker(request.param)
    yield made
    made.sweep(lambda _: False)


def docker(runtime: str) -> DockerSandboxes:
    """The adapter with the engine's default runtime, or with another one in which the probe lets tasks run."""
    further = None if runtime == "docker" else runtime
    if further and (said := refusal(further)):
        pytest.skip(said)
    return DockerSandboxes(owner=f"test-conformance-{os.getpid()}", caps=CAPS, runtime=further)


@pytest.fixture
def sandbox(sandboxes: Sandboxes) -> Iterator[Sandbox]:
    with sandboxes.start(spec()) as started:
        yield started


def sh(sandbox: Sandbox, script: str, **options: float) -> bytes:
    result = sandbox.run(["sh", "-c", script], **options)  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return result.output


# ---------------------------------------------------------------------------------------------------- start, run


def test_the_workspace_is_what_was_in_the_tree(sandbox: Sandbox) -> None:
    assert sh(sandbox, "cat README.md src/app.py && ./run.sh") == b"hello\nprint('app')\nran\n"


def test_check_says_what_is_ready(sandboxes: Sandboxes) -> None:
    assert "\n" not in sandboxes.check()


def test_an_exit_code_is_the_commands(sandbox: Sandbox) -> None:
    result = sandbox.run(["sh", "-c", "exit 7"])
    assert (result.exit_code, result.argv, result.timed_out) == (7, ("sh", "-c", "exit 7"), False)


def test_a_signal_is_a_negative_exit_code(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", "kill -TERM $$"]).exit_code == -15


def test_a_missing_command_is_the_commands_failure_not_the_sandboxes(sandbox: Sandbox) -> None:
    result = sandbox.run(["no-such-command-here"])
    assert result.exit_code == 127
    assert b"no-such-command-here" in result.output
    assert sh(sandbox, "echo still here") == b"still here\n"


def test_a_missing_folder_is_the_commands_failure(sandbox: Sandbox) -> None:
    assert sandbox.run(["true"], cwd="no/such/folder").exit_code == 127


def test_words_stay_words(sandbox: Sandbox) -> None:
    argv = ["printf", "%s|", "two words", "$HOME", "`id`", "a\nb", "é"]
    assert sandbox.run(argv).output.decode() == "two words|$HOME|`id`|a\nb|é|"


def test_stdin_is_empty(sandbox: Sandbox) -> None:
    assert sh(sandbox, "cat; echo end", timeout=5) == b"end\n"


def test_folder_and_environment(sandbox: Sandbox) -> None:
    result = sandbox.run(["sh", "-c", "basename $PWD; echo $FROM_SPEC $FROM_RUN"], cwd="src", env={"FROM_RUN": "too"})
    assert result.output == b"src\nyes too\n"


def test_stdout_and_stderr_come_together_in_order(sandbox: Sandbox) -> None:
    assert sh(sandbox, "echo one; echo two >&2; echo three") == b"one\ntwo\nthree\n"


def test_any_bytes_come_out(sandbox: Sandbox) -> None:
    assert sandbox.run(["python3", "-c", "import os; os.write(1, bytes(range(256)))"]).output == bytes(range(256))


@pytest.mark.parametrize("argv", ["echo hi", []])
def test_a_command_is_a_list_of_words(sandbox: Sandbox, argv: list[str]) -> None:
    with pytest.raises(BadInput):
        sandbox.run(argv)


# ---------------------------------------------------------------------------------------------------- stream, limits


def test_output_is_streamed_while_the_command_runs(sandbox: Sandbox) -> None:
    seen: list[tuple[float, bytes]] = []
    sandbox.run(
        ["sh", "-c", "echo first; sleep 0.6; echo second"],
        on_output=lambda data: seen.append((time.monotonic(), data)),
    )
    assert b"".join(data for _, data in seen) == b"first\nsecond\n"
    assert seen[-1][0] - seen[0][0] > 0.3


def test_output_keeps_head_and_tail_and_says_how_much_is_gone(sandboxes: Sandboxes) -> None:
    with sandboxes.start(spec(output=1000)) as sandbox:
        result = sandbox.run(["python3", "-c", "print('H' * 5000 + 'm' * 5000 + 'T' * 5000, end='')"])
    assert result.output.startswith(b"H" * 500 + b"\n[... 14000 bytes left out")
    assert result.output.endswith(b"T" * 500)
    assert result.truncated == 14000


def test_short_output_is_whole(sandboxes: Sandboxes) -> None:
    with sandboxes.start(spec(output=1000)) as sandbox:
        result = sandbox.run(["python3", "-c", "print('x' * 1000, end='')"])
    assert (result.output, result.truncated) == (b"x" * 1000, 0)


def test_a_timeout_kills_and_keeps_what_was_printed(sandbox: Sandbox) -> None:
    result = sandbox.run(["sh", "-c", "echo before; sleep 60"], timeout=0.5)
    assert (result.timed_out, result.output, result.exit_code < 0) == (True, b"before\n", True)
    assert sh(sandbox, "echo next") == b"next\n"


def test_background_processes_end_with_their_command(sandbox: Sandbox) -> None:
    sh(sandbox, "(sleep 0.7; echo late > late.txt) & echo started")
    time.sleep(1)
    assert b"late.txt" not in sh(sandbox, "ls")


def test_an_endless_output_is_cut_off_by_the_timeout(sandbox: Sandbox) -> None:
    result = sandbox.run(["yes"], timeout=0.5)
    assert result.timed_out
    assert result.truncated > 0


def test_a_sandboxs_life_is_limited(sandboxes: Sandboxes) -> None:
    with sandboxes.start(spec(seconds=1)) as sandbox:
        assert sandbox.run(["sleep", "30"], timeout=20).timed_out
        with pytest.raises(OutOfBudget):
            sandbox.run(["true"])


# ---------------------------------------------------------------------------------------------------- cancel, close


def test_cancelling_kills_and_closes(sandbox: Sandbox) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(Cancelled):
        sandbox.run(["sleep", "60"], is_cancelled=cancelled.is_set)
    with pytest.raises(SandboxFailed):
        sandbox.run(["true"])


def test_an_error_in_the_listener_closes_the_sandbox(sandbox: Sandbox) -> None:
    def listener(_: bytes) -> None:
        raise ConnectionError("the card can't be updated")

    with pytest.raises(ConnectionError):
        sandbox.run(["sh", "-c", "echo one; sleep 1; echo two"], on_output=listener)
    with pytest.raises(SandboxFailed):
        sandbox.run(["true"])


def test_close_is_harmless_the_second_time(sandbox: Sandbox) -> None:
    sandbox.close()
    sandbox.close()
    for use in (lambda: sandbox.run(["true"]), lambda: sandbox.read("README.md"), sandbox.delta):
        with pytest.raises(SandboxFailed):
            use()


def test_the_same_name_replaces_a_left_over(sandboxes: Sandboxes) -> None:
    first = sandboxes.start(spec())
    sh(first, "echo dirty > dirty.txt")
    with sandboxes.start(spec()) as second:
        assert b"dirty" not in sh(second, "ls")


def test_sweep_removes_what_no_live_task_owns(sandboxes: Sandboxes) -> None:
    name = spec().name
    sandbox = sandboxes.start(spec())
    assert sandboxes.sweep(lambda task: task == TASK) == ()
    assert sh(sandbox, "echo alive") == b"alive\n"
    assert sandboxes.sweep(lambda task: task != TASK) == (name,)
    assert sandboxes.sweep(lambda _: False) == ()


# ---------------------------------------------------------------------------------------------------- files


def test_read_and_write(sandbox: Sandbox) -> None:
    sandbox.write("new/deep/file.bin", b"\x00\xff\n")
    assert sandbox.read("new/deep/file.bin") == b"\x00\xff\n"
    sandbox.write("run.sh", b"#!/bin/sh\necho again\n")
    assert sh(sandbox, "./run.sh") == b"again\n"


def test_read_is_bounded(sandbox: Sandbox) -> None:
    sandbox.write("big", b"x" * 5000)
    assert sandbox.read("big", limit=100) == b"x" * 100


@pytest.mark.parametrize("path", ["missing", "src", "link-out", "link-up/README.md", "pipe"])
def test_what_is_not_a_file_inside_is_not_found(sandbox: Sandbox, path: str) -> None:
    sh(sandbox, "ln -s /etc/hostname link-out; ln -s .. link-up; mkfifo pipe")
    with pytest.raises(NotFound):
        sandbox.read(path)


@pytest.mark.parametrize("path", ["link-out/x", "loop", "src", "README.md/x", "pipe"])
def test_writing_never_leaves_the_workspace(sandbox: Sandbox, path: str) -> None:
    sh(sandbox, "ln -s /tmp link-out; ln -s loop loop; mkfifo pipe")
    with pytest.raises(BadInput):
        sandbox.write(path, b"x")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "nul\0", "x" * 5000])
def test_paths_are_judged_before_the_sandbox_sees_them(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(BadInput):
        sandbox.read(path)
    with pytest.raises(BadInput):
        sandbox.write(path, b"")
    with pytest.raises(BadInput):
        sandbox.run(["true"], cwd=path)


# ---------------------------------------------------------------------------------------------------- delta


def test_nothing_changed_is_an_empty_delta(sandbox: Sandbox) -> None:
    sh(sandbox, "cat README.md; touch README.md; echo same > x; rm x")
    delta = sandbox.delta()
    assert (delta.written, delta.deleted) == ((), ())


def test_the_delta_has_new_changed_deleted_linked_and_remoded_files(sandbox: Sandbox) -> None:
    sh(sandbox, "echo more >> README.md; rm src/app.py; echo new > src/new.py; chmod +x src/new.py; chmod -x run.sh")
    sh(sandbox, "ln -s ../README.md src/link; mkdir empty; mkfifo pipe")
    delta = sandbox.delta()
    assert delta.written == (
        TreeFile("README.md", "100644", b"hello\nmore\n"),
        TreeFile("run.sh", "100644", FILES["run.sh"][0]),
        TreeFile("src/link", "120000", b"../README.md"),
        TreeFile("src/new.py", "100755", b"new\n"),
    )
    assert delta.deleted == ("src/app.py",)


def test_a_change_of_the_same_size_and_time_is_seen(sandbox: Sandbox) -> None:
    sh(sandbox, "printf 'HELLO\\n' > README.md; touch -d @0 README.md")
    assert sandbox.delta().written == (TreeFile("README.md", "100644", b"HELLO\n"),)


def test_tools_litter_is_left_out_unless_it_was_in_the_tree(sandbox: Sandbox) -> None:
    sh(sandbox, "mkdir -p src/__pycache__ .pytest_cache .ruff_cache; echo > src/__pycache__/a.pyc; echo > x.pyc")
    sh(
        sandbox,
        "echo > .pytest_cache/v; echo > .ruff_cache/v; echo > .coverage; echo changed > kept/__pycache__/old.pyc",
    )
    assert [file.path for file in sandbox.delta().written] == ["kept/__pycache__/old.pyc"]


def test_the_tools_repository_is_left_out(sandbox: Sandbox) -> None:
    sh(sandbox, "git init -q . 2>/dev/null; git add -A; echo '[x]' >> .git/config")
    assert sandbox.delta().written == ()


def test_a_file_may_become_a_folder_and_back(sandbox: Sandbox) -> None:
    sh(sandbox, "rm README.md; mkdir README.md; echo in > README.md/x; rm -r src; echo file > src")
    delta = sandbox.delta()
    assert [file.path for file in delta.written] == ["README.md/x", "src"]
    assert delta.deleted == ("README.md", "src/app.py")


def test_a_folder_swapped_for_a_link_is_not_followed(sandbox: Sandbox) -> None:
    sh(sandbox, "rm -r src; ln -s /etc src")
    delta = sandbox.delta()
    assert [(file.path, file.mode) for file in delta.written] == [("src", "120000")]
    assert delta.deleted == ("src/app.py",)


def test_locked_files_are_taken_all_the_same(sandbox: Sandbox) -> None:
    sh(sandbox, "mkdir locked; echo x > locked/file; chmod 000 locked/file; chmod 000 locked")
    assert [file.path for file in sandbox.delta().written] == ["locked/file"]


@pytest.mark.parametrize("mode", ["000", "200", "300", "400", "600", "644", "055"])
def test_folders_that_can_not_be_listed_or_entered_are_looked_into_all_the_same(sandbox: Sandbox, mode: str) -> None:
    sh(sandbox, f"mkdir -p a/b/c only/folders; touch a/x a/b/y a/b/c/z only/folders/w; chmod {mode} a/b/c a/b a")
    sh(sandbox, f"chmod {mode} only/folders only; rm README.md; chmod {mode} src .")
    delta = sandbox.delta()
    assert [file.path for file in delta.written] == ["a/b/c/z", "a/b/y", "a/x", "only/folders/w"]
    assert delta.deleted == ("README.md",)


@pytest.mark.parametrize(
    "script",
    [
        'python3 -c \'import os\nfor _ in range(30): os.mkdir(200 * "d"); os.chdir(200 * "d")\'',
        'python3 -c \'import os\nfor _ in range(20): os.mkdir(200 * "d"); os.chdir(200 * "d")\nopen(200 * "f", "w")\'',
        "head -c 150000 /dev/zero > one-too-large",
        "truncate -s 30M sparse",
        "for n in 1 2 3; do head -c 90000 /dev/zero > $n; done",
        "for n in $(seq 30); do echo $n > f$n; done",
    ],
    ids=["deep", "long", "largest", "sparse", "total", "files"],
)
def test_a_delta_over_the_caps_is_refused_and_the_sandbox_goes_on(sandbox: Sandbox, script: str) -> None:
    sh(sandbox, script)
    with pytest.raises(OutOfBudget):
        sandbox.delta()
    assert sh(sandbox, "echo fine") == b"fine\n"


def test_names_that_are_not_plain_come_out_as_they_are(sandbox: Sandbox) -> None:
    sh(sandbox, "touch 'sp ace' 'new\nline' 'back\\slash' 'é' 'quo\"te'")
    assert [file.path for file in sandbox.delta().written] == ["back\\slash", "new\nline", 'quo"te', "sp ace", "é"]


def test_links_in_the_tree_are_not_a_change(sandboxes: Sandboxes) -> None:
    with sandboxes.start(spec(tree=tree_of(FILES, {"link": "README.md", "dangling": "nowhere"}))) as sandbox:
        assert sandbox.delta().written == ()
        sh(sandbox, "ln -sf src/app.py link")
        assert sandbox.delta().written == (TreeFile("link", "120000", b"src/app.py"),)


def test_a_commit_is_made_inside_where_tools_want_one(sandboxes: Sandboxes) -> None:
    with sandboxes.start(replace(spec(), git=True)) as sandbox:
        if b".git" not in sh(sandbox, "ls -A"):
            pytest.skip("plain folders have no repository")
        assert sh(sandbox, "git log --format=%s && git status --short") == b"base\n"
        assert sandbox.delta() == TreeDelta()


def test_links_lead_into_the_image_and_are_no_part_of_the_result(sandboxes: Sandboxes) -> None:
    links = {"node_modules": "/usr/lib", "deep/kept": "/usr/share", "README.md": "/etc"}
    with sandboxes.start(replace(spec(), links=links)) as sandbox:
        assert sh(sandbox, "readlink node_modules deep/kept; cat README.md") == b"/usr/lib\n/usr/share\nhello\n"
        assert sandbox.delta() == TreeDelta()
        sh(
            sandbox,
            "rm node_modules; mkdir node_modules; echo x > node_modules/x; echo new >> README.md; echo y > deep/y",
        )
        assert [file.path for file in sandbox.delta().written] == ["README.md", "deep/y"]


def test_a_large_file_goes_in_whole(sandboxes: Sandboxes) -> None:
    content = bytes(range(256)) * 4 * 1024 * 3 + b"end"
    with sandboxes.start(spec(tree=tree_of({"big": (content, 0o755), "after": (b"x", 0o644)}))) as sandbox:
        assert sandbox.read("big", limit=2 * len(content)) == content
        assert sh(sandbox, "ls -l big | cut -c1-10; cat after") == b"-rwxr-xr-x\nx"
        assert sandbox.delta() == TreeDelta()


def test_an_empty_tree_is_an_empty_workspace(sandboxes: Sandboxes) -> None:
    with sandboxes.start(spec(tree=tree_of({}))) as sandbox:
        assert sandbox.delta().written == ()
        sandbox.write("first", b"1")
        assert [file.path for file in sandbox.delta().written] == ["first"]
