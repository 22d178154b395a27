"""Search spaces: data, one file each. `sweep spaces` lists them."""
