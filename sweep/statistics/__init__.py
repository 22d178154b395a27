"""Statistics on arrays: numbers in, numbers out. No files, no runs, no Ray, no torch.

Every function names its source, its assumptions and the least data it needs, and raises StatisticsError below that.
Arrays of scores have one row per setting and one column per seed; the seeds are paired: one column holds the scores
that all settings reached with the same seed.
"""
