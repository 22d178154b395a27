"""Is it a paraphrase? Table 4: 4 points, 4 trainings.

All weights; with SMART; LoRA; all three methods. The task answers yes or no, so there is nothing to decode. Without
`--set data=...` the pairs are the generated ones that ship; `--set data=qqp` takes GLUE's from the hub.
"""

from sweep import Space

SMART = {
    "smart.variant": "library",
    "smart.lam": 4e-3,
    "smart.eps": 1e-5,
    "smart.step_size": 1e-3,
    "smart.noise_var": 1e-5,
}
LORA = {"lora.rank": 8, "lora.scale": 1.0, "lora.dropout": 0.05}

space = Space(
    task="paraphrase",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3},
    variants=[{}, SMART, LORA, {**SMART, **LORA, "optimizer": "soap"}],
)
