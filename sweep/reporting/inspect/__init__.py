"""Look at single points of a run: one in detail, its texts, or two side by side."""
