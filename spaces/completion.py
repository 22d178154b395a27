"""What follows a prompt? Any prompts with their completions: 4 points, 4 trials.

LoRA rank x learning rate. `--set data=answers.jsonl` uses your own; `sweep data answers.jsonl` shows how they are
understood.
"""

from sweep import Space, grid

space = Space(
    task="completion",
    fixed={"epochs": 5, "batch_size": 8, "lora.scale": 2.0},
    axes={"lora.rank": grid(4, 16), "lr": grid(1e-3, 3e-3)},
    decoding={"top_k": 1, "max_new_tokens": 64},
)
