"""What a repository needs to be worked on: read off its files; and the key that its environment is kept under."""

from deputy.environments.key import inputs_of, key
from deputy.environments.proposal import Finding, Proposal, Topic
from deputy.environments.survey import survey

__all__ = ["Finding", "Proposal", "Topic", "inputs_of", "key", "survey"]
