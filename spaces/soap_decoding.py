"""SOAP, and which decoding suits it? Table 2: 1,020 points, 20 trials.

5 batch sizes x 4 learning rates are trained for 20 epochs each; every trial is scored at 3 epochs under 17
decodings, since neither changes its weights. Batch 2 takes 62 steps an epoch, batch 32 takes 4.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"optimizer": "soap"},
    axes={"batch_size": grid(2, 4, 8, 16, 32), "lr": grid(1e-5, 1e-4, 1e-3, 3e-3)},
    milestones=(5, 10, 20),
    decoding=[
        {"top_p": grid(0.9, 0.93, 0.94, 0.95, 0.97, 0.98)},
        {"top_k": grid(1, 3, 4, 5, 10, 20)},
        {"beams": grid(1, 3, 5)},
        {"top_p": 0.98, "generations": grid(3, 5)},
    ],
)
