"""All benchmarks, in the order in which they run."""

from benchmarks import (
    ack,
    audit,
    cli,
    command,
    copies,
    first_command,
    gates,
    parallel,
    policy,
    recipe,
    start,
    workspace,
)
from benchmarks.measuring import Benchmark

BENCHMARKS = (
    Benchmark("ack", "from a delivery by Slack to its acknowledgement, written down safely", 10, ack.measure, False),
    Benchmark("first-command", "from a mention to the first command in its sandbox done", 5, first_command.measure),
    Benchmark("start", "from nothing to the first command in a sandbox done", 5, start.measure),
    Benchmark("command", "one command in a running sandbox", 10, command.measure),
    Benchmark("recipe", "a whole governed task, from the mention to the delivered patch", 5, recipe.measure),
    Benchmark("audit", "an event into the audit trail, durably, and the trail verified", 10, audit.measure, False),
    Benchmark("workspace", "a sandbox with 10,000 files in place", 5, workspace.measure),
    Benchmark("copy", "a fresh writable copy of a commit of 10,000 files", 5, copies.measure_copy),
    Benchmark("result", "what has changed in a copy of 10,000 files, taken out", 10, copies.measure_result),
    Benchmark("parallel", "16 small tasks at once, each with its tests", 3, parallel.measure),
    Benchmark("policy", "a decision on every path of a large change", 5, policy.measure, False),
    Benchmark("cli", "a command of the terminal, by its processor time", 10, cli.measure, False),
    Benchmark("gates", "a patch judged, from git's trees to the report", 5, gates.measure, False),
)
