"""How should text be drawn? One trial under many decodings: 24 points, 1 trial.

4 nuclei x 3 temperatures, 5 top-k, 3 widths of beams, drawn beams, 2 numbers of generations, and a stop after the
fourteenth line. Ten epochs of a rank-8 adapter; all else is decoding.
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
