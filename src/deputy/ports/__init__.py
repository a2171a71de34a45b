"""What the workflows need from the world, as Protocols. Adapters implement these; nothing else crosses a room's door.

Every effect takes a key or a name that is the same on the second try, and then finds the first.
"""

from deputy.ports.chat import Attachment, Button, Card, Chat, Fact, Step
from deputy.ports.delivery import Artifact, Delivery, Fitness, Handover
from deputy.ports.engine import Inbox, Policies, Queue
from deputy.ports.environments import (
    KEPT_FOLDER,
    BuildStep,
    Environments,
    EnvironmentSpec,
    Gateway,
    NetworkUse,
    OpenGateway,
)
from deputy.ports.machines import Clock, Job, Model, Scanner, SecondOpinion, Timers
from deputy.ports.repos import CommitText, Repos, RepoSource, StoredFile, Tree, TreeDelta, TreeFile
from deputy.ports.sandbox import Attempt, Sandbox, Sandboxes, SandboxLimits, SandboxSpec
from deputy.ports.store import Ledger, Post, Store, StoredEvent

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
