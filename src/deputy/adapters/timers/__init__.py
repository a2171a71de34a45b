"""Clock-driven jobs (APScheduler), one leader."""
