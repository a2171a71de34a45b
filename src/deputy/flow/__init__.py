"""The durable workflows: sequence only."""
