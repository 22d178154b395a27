"""Runs in the trackers of others, while they run or afterwards: the ledger is the source, a tracker shows it."""
