"""What Slack sends: events and clicks over Socket Mode or HTTP."""
