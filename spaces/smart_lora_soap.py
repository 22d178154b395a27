"""All three methods at once. Section 4.2: 36 points, 9 trials.

3 learning rates x 3 batch sizes. Each trial trains for 20 epochs and is scored after 10 and 20 with 2 decodings.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={
        "optimizer": "soap",
        "lora.rank": 8,
        "lora.scale": 1.0,
        "lora.dropout": 0.05,
        "smart.variant": "library",
        "smart.lam": 4e-3,
        "smart.eps": 1e-5,
        "smart.step_size": 1e-3,
        "smart.noise_var": 1e-5,
    },
    axes={"lr": grid(1e-4, 1e-3, 3e-3), "batch_size": grid(4, 8, 16)},
    milestones=(10, 20),
    decoding={"top_p": grid(0.9, 0.98)},
)
