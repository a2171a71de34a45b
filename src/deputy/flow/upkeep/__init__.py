"""What is done by the clock: sweeps, reminders, environments and sandboxes made in advance."""
