"""What tasks read: which files, in which format, whether they can be used. Nothing here imports torch."""
