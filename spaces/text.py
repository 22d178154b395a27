"""How well is a text predicted? Any text: 4 points, 4 trials.

LoRA rank x learning rate. `--set data=poems.txt` uses your own text; `sweep data poems.txt` shows how it is
understood.
"""

from sweep import Space, grid

space = Space(
    task="text",
    fixed={"epochs": 5, "batch_size": 8, "lora.scale": 2.0},
    axes={"lora.rank": grid(4, 16), "lr": grid(1e-3, 3e-3)},
    decoding={"top_p": 0.9, "max_new_tokens": 64},
)
