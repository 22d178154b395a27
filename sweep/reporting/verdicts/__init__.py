"""What the rows of a run say together: groups of seeds, verdicts, conclusions."""
