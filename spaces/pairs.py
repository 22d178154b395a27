"""How are two texts related? Any pairs with any labels: 4 points, 4 trials.

LoRA rank x learning rate. `--set data=pairs.tsv` uses your own pairs; `sweep data pairs.tsv` shows how they are
understood.
"""

from sweep import Space, grid

space = Space(
    task="pairs",
    fixed={"epochs": 3, "batch_size": 8, "lora.scale": 2.0},
    axes={"lora.rank": grid(4, 16), "lr": grid(1e-3, 3e-3)},
)
