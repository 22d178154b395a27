"""Which decoding suits SOAP? Table 2: 1,020 points, 20 trials.

5 batch sizes x 4 learning rates. Each trial trains for 20 epochs and is scored after 3 numbers of epochs with 17
decodings, because neither changes its weights. An epoch has 62 steps at batch size 2, and 4 at batch size 32.
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
