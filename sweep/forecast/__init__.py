"""What a run will take, before it is begun: from earlier runs, or from one measured epoch."""
