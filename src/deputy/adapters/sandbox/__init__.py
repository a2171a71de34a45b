"""Sealed Docker sandboxes with one long-lived command channel each."""
