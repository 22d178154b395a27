"""Does LoRA beat full fine-tuning on reviews? Not in the paper: 2 points, 2 trials.

Three epochs on 5 classes of generated reviews. Run it with --seeds 6, then `sweep compare lora_or_full`.
"""

from sweep import Space

space = Space(
    task="sentiment",
    fixed={"data": "reviews", "epochs": 3, "batch_size": 8},
    variants={
        "full": {"lr": 1e-3},
        "LoRA": {"lr": 5e-3, "lora.rank": 8, "lora.scale": 2.0},
    },
)
