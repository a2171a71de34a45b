"""What every gate uses: the patch under review, severities, grouping."""
