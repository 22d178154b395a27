"""Which methods go together? Table 3: 15 points, 10 trials.

The variants are the fifteen rows, with the paper's names and in its order. Each method has the best settings that the
other tables found for it, and rows that differ only in decoding share a trial. The paper prints the same score for
"SOAP" and "Top-P + SOAP"; here the first uses the usual top-p of 0.9, and the second the best one, 0.98. The paper does
not give the number of "multiple generations"; here it is three.
"""

from sweep import Space

SMART = {"smart.lam": 4e-3, "smart.eps": 1e-5, "smart.step_size": 1e-3, "smart.noise_var": 1e-5}
LIBRARY, CUSTOM = {**SMART, "smart.variant": "library"}, {**SMART, "smart.variant": "custom"}
LORA = {"lora.rank": 2, "lora.scale": 2.0, "lora.dropout": 0.05}
RANK_8 = {"lora.rank": 8, "lora.scale": 1.0, "lora.dropout": 0.05}
SOAP = {"optimizer": "soap", "lr": 3e-3}
TOP_P, TOP_K = {"decode.top_p": 0.98}, {"decode.top_k": 4}

space = Space(
    task="sonnets",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3},
    variants={
        "Vanilla fine-tuning (baseline)": {},
        "SMART Library": LIBRARY,
        "SMART Custom": CUSTOM,
        "LoRA": LORA,
        "SOAP": SOAP,
        "Top-K + multiple generations": {**TOP_K, "decode.generations": 3},
        "Top-K + single generation": TOP_K,
        "Top-P (P = 0.98) + multiple generations": {**TOP_P, "decode.generations": 3},
        "SMART + LoRA": {**LIBRARY, **RANK_8, "smart.lam": 1e-4, "smart.eps": 1e-6},
        "SMART + SOAP": {**LIBRARY, **SOAP},
        "LoRA + SOAP": {**LORA, **SOAP},
        "Top-K + SOAP": {**SOAP, **TOP_K},
        "SMART + LoRA + SOAP (Top-P)": {**LIBRARY, **RANK_8, **SOAP, **TOP_P},
        "SMART + LoRA + SOAP + Top-K": {**LIBRARY, **RANK_8, **SOAP, **TOP_K},
        "Top-P + SOAP": {**SOAP, **TOP_P, "batch_size": 4},
    },
)
