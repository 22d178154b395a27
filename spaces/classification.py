"""Which class does a text belong to? Any texts with any labels: 4 points, 4 trials.

LoRA rank x learning rate. `--set data=reviews.csv` uses your own texts; `sweep data reviews.csv` shows how they are
understood.
"""

from sweep import Space, grid

space = Space(
    task="classification",
    fixed={"epochs": 5, "batch_size": 8, "lora.scale": 2.0},
    axes={"lora.rank": grid(4, 16), "lr": grid(1e-3, 3e-3)},
)
