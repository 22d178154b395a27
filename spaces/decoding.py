"""Which decoding works best? One trial with many decodings: 24 points, 1 trial.

4 values of top-p x 3 temperatures, 5 values of top-k, 3 beam widths, sampled beams, 2 numbers of generations, and a
stop after the fourteenth line. The trial trains a rank-8 adapter for ten epochs; the points differ only in decoding.
"""

from sweep import Space, grid

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3, "lora.rank": 8},
    decoding=[
        {"top_p": grid(0.8, 0.9, 0.95, 0.98), "temperature": grid(0.7, 1.0, 1.2)},
        {"top_k": grid(1, 3, 5, 10, 20)},
        {"beams": grid(1, 3, 5)},
        {"beams": 3, "top_k": 10},
        {"top_p": 0.98, "generations": grid(3, 5)},
        {"top_p": 0.9, "max_lines": 14},
    ],
)
