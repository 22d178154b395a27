"""What is known of a user's own data before a run: figures, and what `sweep data` prints."""
