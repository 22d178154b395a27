"""SMART on adapters: which weight at which rank? Table 1 (right): 16 points, 16 trials.

4 weights x 4 ranks. The smoothness term regularizes the predictions, so its gradient reaches the adapters through the
frozen base.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={
        "epochs": 10,
        "batch_size": 8,
        "lr": 1e-3,
        "lora.scale": 1.0,
        "lora.dropout": 0.05,
        "smart.variant": "library",
        "smart.eps": 1e-6,
        "smart.step_size": 1e-3,
        "smart.noise_var": 1e-5,
    },
    axes={"smart.lam": grid(1e-4, 1e-3, 1e-2, 2e-2), "lora.rank": grid(2, 4, 8, 32)},
    decoding={"top_p": 0.9},
)
