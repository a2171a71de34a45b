"""What every workflow does: record steps, save tasks with their events, keep the queue moving, show cards."""
