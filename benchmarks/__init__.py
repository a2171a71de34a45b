"""How fast Deputy is, as absolute times and as ratios against what one would do without it, in the same run.

``python -m benchmarks`` runs everything; ``docs/benchmarks.md`` explains what each one means.
"""
