"""Types for the names that authority hangs on, so that a checker tells a task's id from a digest or a person."""

from typing import NewType

# A task as people name it: ``D-7K2M9QXA``.
TaskId = NewType("TaskId", str)
# Who acts, as policy and the audit trail name them: ``user:T1/U_ALICE``.
Subject = NewType("Subject", str)
# SHA-256 in hexadecimal: of a policy bundle, a patch, a report, or a blob's content.
Digest = NewType("Digest", str)
