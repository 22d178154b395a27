"""Which LoRA rank is enough? Table 1 (middle): 24 points, 24 trials.

6 ranks x 2 scales x 2 dropouts. With the base `tiny`, ten epochs over 124 sonnets take about ten seconds on one core,
so the grid takes two to four minutes on two cores.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3},  # 124 sonnets: 16 steps per epoch, 160 in total
    axes={
        "lora.rank": grid(2, 4, 8, 16, 32, 64),
        "lora.scale": grid(1.0, 2.0),
        "lora.dropout": grid(0.05, 0.1),
    },
    decoding={"top_p": 0.9},
)
