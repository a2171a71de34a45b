"""What the workflows need from the outside world, as Protocols. Adapters implement them.

Every method with an effect takes a key or a name. A second call with the same one finds the first effect.
"""

from deputy.ports.chat import Attachment, Button, Card, Chat, Fact, Step
from deputy.ports.delivery import Artifact, Delivery, Fitness, Handover
from deputy.ports.environments import (
    KEPT_FOLDER,
    BuildStep,
    Environments,
    EnvironmentSpec,
    Gateway,
    NetworkUse,
    OpenGateway,
)
from deputy.ports.models import Model, SecondOpinion
from deputy.ports.repos import CommitText, Repos, RepoSource, StoredFile, Tree, TreeDelta, TreeFile
from deputy.ports.sandbox import Attempt, Sandbox, Sandboxes, SandboxLimits, SandboxSpec
from deputy.ports.scanner import Scanner
from deputy.ports.store import Ledger, Policies, Post, Store, StoredEvent
from deputy.ports.work import Clock, Inbox, Job, Queue, Timers

__all__ = [
    "KEPT_FOLDER",
    "Artifact",
    "Attachment",
    "Attempt",
    "BuildStep",
    "Button",
    "Card",
    "Chat",
    "Clock",
    "CommitText",
    "Delivery",
    "EnvironmentSpec",
    "Environments",
    "Fact",
    "Fitness",
    "Gateway",
    "Handover",
    "Inbox",
    "Job",
    "Ledger",
    "Model",
    "NetworkUse",
    "OpenGateway",
    "Policies",
    "Post",
    "Queue",
    "RepoSource",
    "Repos",
    "Sandbox",
    "SandboxLimits",
    "SandboxSpec",
    "Sandboxes",
    "Scanner",
    "SecondOpinion",
    "Step",
    "Store",
    "StoredEvent",
    "StoredFile",
    "Timers",
    "Tree",
    "TreeDelta",
    "TreeFile",
]
