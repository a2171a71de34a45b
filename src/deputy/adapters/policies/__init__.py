"""The policies folder on disk: loaded strictly, swapped as a whole when it changes."""

from deputy.adapters.policies.folder import Change, PolicyFolder, read_folder

__all__ = ["Change", "PolicyFolder", "read_folder"]
