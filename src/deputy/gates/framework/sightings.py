"""What scanners saw, in the words of findings."""

import re

from deputy.domain.review.scans import Scan, Sighting
from deputy.gates.framework.patch_under_review import PatchUnderReview

# The scanner of workflows; every other one looks for credentials.
AUDITOR = "zizmor"
_OTHER = re.compile(r"[^a-z0-9]+")


def scan_of(case: PatchUnderReview) -> Scan:
    """What scanners saw in the patch; an empty scan where none has run."""
    return (case.proof and case.proof.scan) or Scan()


def rule_of(gate: str, sighting: Sighting) -> str:
    """The id of a scanner's rule among ours (``secrets/kingfisher-github-pat``)."""
    return f"{gate}/{plain(sighting.scanner)}-{plain(sighting.rule)}"


def plain(name: str) -> str:
    """A name of somebody else's in the letters of our rule ids."""
    return _OTHER.sub("-", name.lower()).strip("-")
