"""Bombs, each in a sandbox of its own with its limits on: what bursts is inside, and the sandbox answers afterwards."""

import pytest

from deputy.ports import Sandbox
from tests.support.sealed_sandbox import LIMITS, bombed, sandbox, sandboxes, shared_sandbox

pytestmark = pytest.mark.docker
__all__ = ["bombed", "sandbox", "sandboxes", "shared_sandbox"]  # fixtures


def test_a_fork_bomb_is_held_and_cleared(bombed: Sandbox) -> None:
    result = bombed.run(["sh", "-c", "b() { b | b & b; }; b"], timeout=3)
    assert result.timed_out or result.exit_code != 0 or b"fork" in result.output.lower()


def test_processes_are_counted(bombed: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for n in range(1000):\n"
        "  try:\n"
        "    if os.fork() == 0: time.sleep(30)\n"
        "  except OSError: break\n"
        "print(n + 2)\n"  # and process 1, and this one
    )
    assert int(bombed.run(["python3", "-c", code], timeout=20).output) == LIMITS.processes


def test_process_1_comes_first_for_the_processor_and_last_for_the_memory_killer(sandbox: Sandbox) -> None:
    script = "ps -o ni= -p 1; ps -o ni= -p $$; cat /proc/1/oom_score_adj /proc/self/oom_score_adj"
    assert sandbox.run(["sh", "-c", script]).output.split() == [b"0", b"10", b"0", b"1000"]


@pytest.mark.parametrize("processes", [1, 60])
def test_a_memory_bomb_ends_the_command_not_the_sandbox(bombed: Sandbox, processes: int) -> None:
    code = (
        "import os, time\n"
        f"for _ in range({processes} - 1):\n"
        "  if os.fork() == 0: break\n"
        "held = []\n"
        "while True: held.append(bytearray(b'x' * 2**20)); time.sleep(0.001)\n"
    )
    result = bombed.run(["python3", "-c", code], timeout=15)
    assert result.exit_code != 0


def test_a_full_disk_is_an_error_inside(bombed: Sandbox) -> None:
    result = bombed.run(["sh", "-c", "head -c 100M /dev/zero > full; rm full; head -c 100M /dev/zero > /tmp/full"])
    assert b"No space left" in result.output or b"File too large" in result.output
    assert bombed.run(["sh", "-c", "rm -f full; echo room > again && cat again"]).output == b"room\n"


def test_inodes_run_out_inside_only(bombed: Sandbox) -> None:
    result = bombed.run(["python3", "-c", "for n in range(10**6): open(f'n{n}', 'w').close()"])
    assert b"No space left" in result.output
    assert len(bombed.delta().written) <= LIMITS.inodes


def test_the_processor_is_shared_out(bombed: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for _ in range(2): os.fork()\n"
        "end = time.time() + 1.5\n"
        "while time.time() < end: pass\n"
        "print(sum(os.times()[:2]))\n"
        "time.sleep(1)\n"
    )
    spent = sum(float(line) for line in bombed.run(["python3", "-c", code]).output.split())
    assert spent < 1.5 * LIMITS.cpus + 0.6


def test_a_zip_bomb_meets_the_disk_limit(bombed: Sandbox) -> None:
    code = (
        "import zipfile\n"
        "with zipfile.ZipFile('/tmp/bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
        "  z.writestr('zeros', bytes(80 * 2**20))\n"
    )
    bombed.run(["python3", "-c", code], timeout=30)
    assert bombed.run(["unzip", "-o", "/tmp/bomb.zip"], timeout=30).exit_code != 0


def test_a_very_deep_tree_does_not_end_the_sandbox(bombed: Sandbox) -> None:
    bombed.run(["python3", "-c", "import os\nfor _ in range(1500): os.mkdir('d' * 8); os.chdir('d' * 8)"])
    assert bombed.run(["rm", "-rf", "dddddddd"]).exit_code == 0
