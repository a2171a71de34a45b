"""Tasks to cycle time, review time and cost."""
