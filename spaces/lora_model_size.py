"""Does a larger base help a rank-2 adapter? Section 4.2: 2 points, 2 trials.

The space compares bases, so it sets them itself: GPT-2 small and large (124 and 774 million weights), downloaded from
the hub. `gpt2-large` needs 3 GB of memory and takes hours on a CPU; use a GPU (`--gpus-per-trial 1`).
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-4, "lora.rank": 2, "lora.scale": 2.0, "lora.dropout": 0.05},
    axes={"base": grid("gpt2", "gpt2-large")},
    decoding={"top_p": 0.98},
)
