"""Does a larger base help a rank-2 adapter? Section 4.2: 2 points, 2 trials.

About bases, so it names its own: GPT-2 small and large (124 and 774 million weights), fetched from the hub. `large`
takes 3 GB of memory and, on a CPU, hours: use a GPU (`--gpus-per-trial 1`).
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-4, "lora.rank": 2, "lora.scale": 2.0, "lora.dropout": 0.05},
    axes={"base": grid("gpt2", "gpt2-large")},
    decoding={"top_p": 0.98},
)
