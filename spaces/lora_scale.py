"""How strong should a rank-2 adapter be? The scale grid behind Table 1: 16 points, 16 trials.

4 scales x 2 dropouts x 2 learning rates. `lora.scale` is the factor s in W x + s B A x, so scale 2 at rank 2 is
alpha = 4 in PEFT.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lora.rank": 2},
    axes={
        "lora.scale": grid(0.25, 0.5, 1.0, 2.0),
        "lora.dropout": grid(0.05, 0.1),
        "lr": grid(1e-3, 5e-4),
    },
    decoding={"top_p": 0.9},
)
