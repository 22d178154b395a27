"""Is it a paraphrase? Table 4: 4 points, 4 trials.

Full fine-tuning, the same with SMART, LoRA, and all three methods together (LoRA, SMART, SOAP). The task answers yes or
no, so there are no decoding settings. The default data are generated pairs that ship with the package;
`--set data=qqp` uses GLUE's pairs from the hub.
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
