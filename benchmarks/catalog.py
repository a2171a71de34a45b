"""All benchmarks, in the order in which they run."""

from benchmarks import ack, audit, command, first_command, gates, policy, recipe, workspace
from benchmarks.measuring import Benchmark

BENCHMARKS = (
    Benchmark("ack", "from a delivery by Slack to its acknowledgement, written down safely", 10, ack.measure, False),
    Benchmark("first-command", "from a mention to the first command in its sandbox done", 5, first_command.measure),
    Benchmark("command", "one command in a running sandbox", 10, command.measure),
    Benchmark("recipe", "a whole governed task, from the mention to the delivered patch", 5, recipe.measure),
    Benchmark("audit", "an event into the audit trail, durably, and the trail verified", 10, audit.measure, False),
    Benchmark("workspace", "a sandbox with 5,000 files in place", 5, workspace.measure),
    Benchmark("policy", "a decision on every path of a large change", 5, policy.measure, False),
    Benchmark("gates", "a patch judged, from git's trees to the report", 5, gates.measure, False),
)
