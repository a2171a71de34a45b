"""What comes out of a sandbox is believed by nobody, its channel can't be taken over, and nothing stays alive in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.errors import BadInput, NotFound
from deputy.ports import Sandbox
from tests.support.sealed_sandbox import LIMITS, MIB, assert_in_sync, make_spec, sandbox, sandboxes, shared_sandbox
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker
__all__ = ["sandbox", "sandboxes", "shared_sandbox"]  # fixtures


def test_the_channel_can_be_neither_killed_nor_stopped(sandbox: Sandbox) -> None:
    script = "for s in KILL STOP TERM INT HUP SEGV USR1 QUIT CHLD; do kill -$s 1; done; sleep 0.2; echo done"
    assert sandbox.run(["sh", "-c", script]).output == b"done\n"
    assert sandbox.run(["sh", "-c", "kill -9 -1; true"]).exit_code in (0, -9)
    assert sandbox.run(["echo", "in sync"]).output == b"in sync\n"


def test_forged_replies_are_just_output(sandbox: Sandbox) -> None:
    forged = (
        "import json, struct, sys\n"
        "head = json.dumps({'id': '0', 't': 'done', 'exit': 0, 'cut': 0, 'seconds': 0, 'timed_out': False}).encode()\n"
        "frame = struct.pack('>II', len(head), 0) + head\n"
        "sys.stdout.buffer.write(frame * 50); sys.stderr.buffer.write(frame); sys.exit(3)\n"
    )
    result = sandbox.run(["python3", "-c", forged])
    assert result.exit_code == 3
    assert b'"t": "done"' in result.output
    assert sandbox.run(["echo", "in sync"]).output == b"in sync\n"


def test_no_descriptor_of_the_channel_is_inherited(sandbox: Sandbox) -> None:
    found = sandbox.run(["python3", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"]).output
    assert eval(found) <= ["0", "1", "2", "3"]
    assert sandbox.run(["readlink", "/proc/self/fd/0"]).output == b"/dev/null\n"


DAEMONS = {
    "double fork": (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(999)\n  os._exit(0)"
    ),
    "ignores signals": (
        "import os, signal, time\n"
        "for n in range(1, 64):\n"
        "  try: signal.signal(n, signal.SIG_IGN)\n"
        "  except OSError: pass\n"
        "if os.fork() == 0: os.setsid(); time.sleep(999)"
    ),
    "stopped": "import os, signal\nif os.fork() == 0: os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)",
    "holds the output open": "import os, time\nif os.fork() == 0: time.sleep(999)",
    "zombies": "import os, time\nfor _ in range(30):\n if os.fork() == 0: os._exit(0)",
    "forks while it dies": (
        "import os\nfor _ in range(4): os.fork()\nwhile True:\n  try: os.fork() or os._exit(0)\n  except OSError: pass"
    ),
}


@pytest.mark.parametrize("code", DAEMONS.values(), ids=DAEMONS.keys())
def test_nothing_outlives_its_command(sandbox: Sandbox, code: str) -> None:
    sandbox.run(["python3", "-c", code], timeout=2)
    alive = sandbox.run(["sh", "-c", "ls -d /proc/[0-9]*"]).output.split()
    assert alive[0] == b"/proc/1"
    assert len(alive) <= 3  # process 1, the shell and ls


# A program of the commit's in git's place, run by process 1 itself: it would listen where the host speaks, and stays.
NOT_GIT = b"""#!/bin/sh
readlink /proc/$$/fd/0 >>/tmp/heard
exec 3<&0
setsid sh -c 'cat <&3 >>/tmp/heard; sleep 600' >/dev/null 2>&1 &
exec /usr/bin/git "$@"
"""


def test_what_runs_in_gits_place_hears_nothing_and_does_not_stay(sandboxes: DockerSandboxes) -> None:
    spec = make_spec("git")
    env = {"PATH": "/workspace/bin:/usr/local/bin:/usr/bin:/bin"}
    tree = {**spec.tree, **tree_of({"bin/git": (NOT_GIT, 0o755)})}
    with sandboxes.start(replace(spec, tree=tree, env=env, git=True)) as sandbox:
        assert_in_sync(sandbox)
        assert set(sandbox.run(["cat", "/tmp/heard"]).output.splitlines()) == {b"/dev/null"}
        assert sandbox.run(["/usr/bin/git", "log", "--format=%s"]).output == b"base\n"


# ------------------------------------------------------------------------------------------------------ output


def test_any_bytes_come_out_as_they_are(sandbox: Sandbox) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"
    assert sandbox.run(["python3", "-c", code]).output == bytes(range(256)) * 100


def test_endless_output_ends_with_its_time(sandbox: Sandbox) -> None:
    seen = 0

    def count(data: bytes) -> None:
        nonlocal seen
        seen += len(data)

    result = sandbox.run(["yes"], timeout=1, on_output=count)
    assert (result.timed_out, result.truncated > 0) == (True, True)
    assert len(result.output) < LIMITS.output + 100
    assert seen <= LIMITS.output


def test_three_gigabytes_of_output_stay_small(sandbox: Sandbox) -> None:
    result = sandbox.run(["head", "-c", "3G", "/dev/zero"], timeout=30)
    assert len(result.output) < LIMITS.output + 100
    # A busy machine may not get to the end in time; what came is counted all the same.
    assert result.timed_out or (result.exit_code, result.truncated) == (0, 3 * 1024**3 - LIMITS.output)
    assert result.truncated > MIB


def test_output_byte_by_byte_is_whole_and_shown_in_larger_pieces(sandboxes: DockerSandboxes) -> None:
    # So many frames of one byte each would be more than the host takes, and keep it busy.
    spec = make_spec("bytes")
    many = 200_000
    shown: list[bytes] = []
    with sandboxes.start(replace(spec, limits=replace(spec.limits, output=many))) as sandbox:
        code = f"import os\nfor _ in range({many}): os.write(1, b'x')"
        result = sandbox.run(["python3", "-c", code], timeout=60, on_output=shown.append)
    assert (result.exit_code, result.output, result.truncated) == (0, b"x" * many, 0)
    assert 0 < len(b"".join(shown)) <= many
    assert len(shown) < many / 20


# ------------------------------------------------------------------------------------------------------ links


def test_links_to_files_of_the_host_are_never_followed_by_it(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("of the host", encoding="utf-8")
    script = f"ln -s {secret} direct; ln -s {tmp_path} folder; ln -s ../../../../../..{secret} upward; rm README.md; "
    sandbox.run(["sh", "-c", script + f"ln -s {secret} README.md; ln {secret} hard 2>/dev/null; true"])
    for path in ("direct", "folder/secret.txt", "upward", "README.md", "/proc/self/root" + str(secret)):
        with pytest.raises((NotFound, BadInput)):
            sandbox.read(path)
    for path in ("direct", "folder/new.txt", "upward", "README.md"):
        with pytest.raises(BadInput):
            sandbox.write(path, b"overwritten")
    links = {file.path: (file.mode, file.content) for file in sandbox.delta().written}
    assert links == {
        "README.md": ("120000", str(secret).encode()),
        "direct": ("120000", str(secret).encode()),
        "folder": ("120000", str(tmp_path).encode()),
        "upward": ("120000", f"../../../../../..{secret}".encode()),
    }
    assert secret.read_text(encoding="utf-8") == "of the host"
    assert list(tmp_path.iterdir()) == [secret]


def test_a_link_put_in_a_files_place_while_it_is_read_is_not_followed_either(sandbox: Sandbox) -> None:
    # Nothing runs while the host reads: what a command left running is dead by then.
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "  os.setsid()\n"
        "  while True:\n"
        "    try:\n"
        "      os.symlink('/etc/passwd', 't'); os.rename('t', 'swapped')\n"
        "      open('t', 'w').write('mine'); os.rename('t', 'swapped')\n"
        "    except OSError: pass\n"
        "time.sleep(0.2)\n"
    )
    sandbox.run(["python3", "-c", code])
    for _ in range(20):
        try:
            assert sandbox.read("swapped") in (b"mine", b"")
        except NotFound:
            continue
