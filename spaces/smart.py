"""Which SMART settings? Table 1 (left): 72 points, 72 trials.

9 weights x 2 radii x 2 step sizes x 2 learning rates, variant `library`. The best of these rows is "SMART Library" in
the paper's Table 3. A training step takes about 2.5 times as long as without SMART, because it adds an ascent step and
a second forward and backward pass.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "smart.variant": "library", "smart.noise_var": 1e-5},
    axes={
        "smart.lam": grid(9e-4, 1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 1e-2, 2e-2, 5e-2),
        "smart.eps": grid(1e-6, 1e-5),
        "smart.step_size": grid(1e-2, 1e-3),
        "lr": grid(5e-3, 1e-3),
    },
    decoding={"top_p": 0.9},
)
