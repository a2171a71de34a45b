"""The nearest thing that policy does permit, where it refuses."""
