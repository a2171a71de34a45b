"""What people ask for, the task it becomes, and where the task stands."""
