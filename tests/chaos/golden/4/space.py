"""A micro space: 4 points, 4 trainings."""

from sweep import Space, grid

space = Space(
    fixed={"epochs": 2, "batch_size": 2, "lr": 0.01, "data": "poems.txt"},
    axes={"lora.rank": grid(1, 2), "lora.dropout": grid(0.0, 0.5)},
    decoding={"max_new_tokens": 6},
)
